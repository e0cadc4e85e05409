"""What the commands that stay say: a line for each round on stderr, or an object a line on stdout."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from operations.keeping_up import Posted
from operations.masking import masked
from operations.printing import plain, say
from operations.watching import Seen
from projections.catalog import file_of
from projections.engine import PoisonEvent

FILES_MAX = 4


class Follower:
    """Tells rounds of following; a read model that stops is told loudly, once."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._stopped: dict[str, str] = {}

    def round(self, done: Posted) -> None:
        """Tell one round."""
        if self._as_json:
            json_line(done)
            return
        told = [f"{name} {count:,}" for name, count in done.events.items()]
        what = f"new events: {', '.join(told)}" if told else "no read model has new events"
        stamped(f"position {done.position:,}, {what}, {done.seconds:.2f} s")
        for name, why in done.rebuilt.items():
            stamped(f"{file_of(name)} was built again from the log: {why}")
        for name, why in done.waiting.items():
            stamped(f"{file_of(name)} waits: {why}")
        for name, why in done.stopped.items():
            if self._stopped.get(name) != why:
                stamped(f"{file_of(name)} {why}", loud=True)
        for name in self._stopped.keys() - done.stopped.keys():
            stamped(f"{file_of(name)} goes on")
        self._stopped = done.stopped


class WatchTeller:
    """Tells rounds of watching; what cannot be read is told when it begins and when it ends."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._troubles: dict[str, str] = {}
        self._waiting = ""

    def look(self, seen: Seen) -> None:
        """Tell one look that found something."""
        if self._as_json:
            json_line(seen)
            return
        if seen.changed:
            stamped(
                f"{_files(seen.changed)}: {seen.rows:,} rows read, {seen.appended:,} events appended, "
                f"{seen.breaks:,} breaks, {seen.differences:,} differences, {seen.seconds:.2f} s"
            )
        for name, why in seen.troubles.items():
            if self._troubles.get(name) != why:
                stamped(f"{name}: {why}")
        for name in self._troubles.keys() - seen.troubles.keys():
            stamped(f"{name}: can be read again")
        if seen.waiting and seen.waiting != self._waiting:
            stamped(f"waiting: {seen.waiting}")
        elif self._waiting and not seen.waiting:
            stamped("goes on")
        self._troubles, self._waiting = seen.troubles, seen.waiting


def _files(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= FILES_MAX else f"{len(names):,} files"


def watched(last: Seen, page: Path, *, as_json: bool) -> int:
    """Where a watch has ended, and the exit code."""
    if not as_json:
        say(f"{last.position:,} events in the log; {last.breaks:,} breaks, {last.differences:,} differences: {page}")
    return last.exit_code


def exit_code(last: Posted) -> int:
    """0, or that of a read model that stands still."""
    return PoisonEvent.exit_code if last.stopped else 0


def json_line(content: msgspec.Struct) -> None:
    """An object in one line on stdout, at once: whoever reads a pipe waits for it."""
    click.echo(msgspec.json.encode(masked(content)).decode())


def stamped(text: str, *, loud: bool = False) -> None:
    """A line on stderr with the local time."""
    line = f"{time.strftime('%H:%M:%S')} {plain(text)}"
    click.echo(click.style(line, fg="red", bold=True) if loud else line, err=True)
