"""What recording market data and putting sessions away have done, as a person reads it."""

from __future__ import annotations

import msgspec

from operations.market.lines import BAD_MAX, Lines
from operations.market.rollover import Rollover
from operations.printing import as_object, plain, say, table


def lines(done: Lines, *, as_json: bool) -> int:
    """What was recorded of a file of ticks or bars, and what was not; returns the exit code."""
    if as_json:
        as_object({**msgspec.to_builtins(done), "exit_code": done.exit_code})
        return done.exit_code
    fed = done.fed
    say(f"{fed.rows:,} rows recorded in {fed.blocks:,} events, up to position {fed.position:,}.")
    if fed.repeats:
        say(f"{fed.repeats:,} only repeated the row before them.")
    if fed.voided:
        say(f"{fed.voided:,} were taken back.")
    if done.without_volume:
        say(f"{done.without_volume:,} bars have no volume.")
    for exchange, rows in sorted(done.unknown_exchanges.items()):
        say(f"{rows:,} rows are of the exchange {plain(exchange)}, which is not known.")
    if done.bad_lines:
        _bad(done)
    for model in done.models or []:
        if model.stopped:
            say(f"{model.name}: {plain(model.stopped)}", color="yellow")
    return done.exit_code


def _bad(done: Lines) -> None:
    say(f"{done.bad_lines:,} lines are none and were kept as they are:", color="yellow")
    for one in done.bad:
        say(f"  line {one.line:,}: {plain(one.reason)}")
    if done.bad_lines > BAD_MAX:
        say(f"  and {done.bad_lines - BAD_MAX:,} more")


def rollover(done: Rollover, *, as_json: bool) -> None:
    """The sessions that were put away."""
    if as_json:
        as_object({**msgspec.to_builtins(done), "exit_code": 0})
        return
    if not done.put_away:
        looked = f"; {done.known:,} are put away already" if done.known else ""
        say(f"No session has anything to put away{looked}.")
        return
    rows = [(one.session, one.exchange, name, count) for one in done.put_away for name, count in one.rows.items()]
    table(("session", "exchange", "file", "rows"), rows, texts=3)
    again = sum(one.resumed for one in done.put_away)
    if again:
        say(f"{again:,} of them had been begun before.")
