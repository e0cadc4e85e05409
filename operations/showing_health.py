"""What `cli health` prints."""

from __future__ import annotations

import sys
from wsgiref.simple_server import WSGIServer

import msgspec

from operations.health.answers import State
from operations.health.looking import Looked
from operations.health.salvaging import Salvaged
from operations.printing import as_object, plain, say
from operations.stopping import until_terminated

_COLORS = {State.OK: "green", State.WARNING: "yellow", State.BAD: "red", State.UNKNOWN: "yellow"}
_UNITS = ((86_400, "days"), (3_600, "hours"), (60, "minutes"), (1, "seconds"))


def looked(found: Looked, *, as_json: bool) -> None:
    """Five answers, a paragraph each; then what is worth an alert, and what became of the alerts."""
    for sentence in found.failed:
        sys.stderr.write(f"not told: {plain(sentence)}\n")
    health = found.health
    if as_json:
        # As objects with names, not as the tuples that they are here.
        named = {
            "figures": [one._asdict() for one in health.figures],
            "conditions": [one._asdict() for one in health.conditions],
            "notices": [one._asdict() for one in found.notices],
        }
        as_object({**msgspec.to_builtins(health), **named, "exit_code": health.exit_code})
        return
    for sentence in health.healed:
        say(f"HEALED: {plain(sentence)}", color="yellow")
    for answer in health.answers:
        age = "" if answer.age_seconds is None else f"  ({_age(answer.age_seconds)})"
        say(f"{answer.question:<11} {answer.state.upper():<8} {plain(answer.reason)}{age}", color=_COLORS[answer.state])
        if answer.next:
            say(f"{'':<20} next: {plain(answer.next)}")
    for condition in health.conditions:
        if condition.name != "health":
            say(f"{condition.level:<8} {plain(condition.message)}", color="yellow")
    for sentence in health.writers:
        say(plain(sentence))
    for notice in found.notices:
        say(f"told: {notice.kind} {notice.level} {plain(notice.message)}")


def serving(server: WSGIServer) -> None:
    """Say where the figures are, and stay until Ctrl-C."""
    host, port = server.server_address[:2]
    sys.stderr.write(f"http://{host!s}:{port}/metrics\n")
    with until_terminated() as stop:
        try:
            stop.wait()
        finally:
            server.shutdown()
            server.server_close()


def _age(seconds: float) -> str:
    if seconds < 1:
        return "just now"
    size, name = next(unit for unit in _UNITS if seconds >= unit[0])
    return f"{seconds / size:.0f} {name} old"


def salvaged(found: Salvaged, *, as_json: bool) -> None:
    """What was written, and what it is worth."""
    if as_json:
        as_object({**msgspec.to_builtins(found), "exit_code": 0})
        return
    say(f"{plain(found.path)}: {found.events:,} events behind {found.after:,}, {found.unreadable:,} could not be read")
    say(f"{found.fitting:,} of them agree with their hashes. Look at each before you enter it again: cli record")
