"""`cli audit log`, `show`, `history`, `stats`: events with where they came from and what they made."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from domain.errors import LedgerError
from domain.moments import end_of, is_date
from ledger.log import Stored, open_log
from ledger.querying import Figure, Wanted, event_at, neighbours, search, statistics, stream_of
from operations.produced import Row, produced
from replay import provenance
from replay.verbatim import decode_row

NEIGHBOURS = 3
FOLLOW_S = 0.5


class Shown(Struct, kw_only=True):
    """An event in full. kind, when, recorded: in words; state: the event; origin: run, file, table and key; row: the legacy
    row as it was found; produced: rows of read models (of a block the first and the last); before, after: positions and
    topics in the same stream.
    """

    position: int
    stream: str
    version: int
    topic: str
    recorded_at: str
    hash: str
    state: dict[str, Any]  # the event's JSON
    origin: dict[str, Any]  # empty for an event that was entered here
    row: dict[str, Any]
    produced: list[Row]
    before: list[tuple[int, str]]
    after: list[tuple[int, str]]


def moment(text: str | None, *, end: bool) -> str | None:
    """A time as the user names it, for comparison with the log's: a date, or an instant with a zone."""
    if text is None:
        return None
    limit = end_of(text)
    return text if is_date(text) and not end else limit


def wanted(**asked: Any) -> Wanted:
    """Which events, as the user names them; raises LedgerError for a time without a zone."""
    for name in ("valid", "recorded"):
        asked[f"{name}_from"] = moment(asked[f"{name}_from"], end=False)
        asked[f"{name}_to"] = moment(asked[f"{name}_to"], end=True)
    return Wanted(**asked)


def log_events(home: Path, wanted: Wanted, *, limit: int | None, newest: bool, follow: bool) -> Iterator[Stored]:
    """The events that are wanted: the newest first, or from the first one on.

    With `follow` the newest come in the order of the log, or all of them when `newest` is not asked for, and then those that
    are appended, until it is stopped.
    """
    with open_log(home) as log:
        if not follow:
            yield from islice(search(log, wanted, newest_first=newest), limit)
            return
        seen = log.head().position
        found: Iterable[Stored] = search(log, wanted)
        if newest:
            found = reversed(list(islice(search(log, wanted, newest_first=True), limit)))
        for stored in found:
            seen = max(seen, stored.position)
            yield stored
        while True:
            time.sleep(FOLLOW_S)
            # What does not match is not looked at again.
            head = log.head().position
            for stored in search(log, wanted, after=seen):
                head = max(head, stored.position)
                yield stored
            seen = head


def stats(home: Path) -> list[Figure]:
    """Events by type."""
    with open_log(home) as log:
        return statistics(log)


def history(home: Path, stream: str) -> Iterator[Stored]:
    """All events of a stream, oldest first."""
    with open_log(home) as log:
        yield from stream_of(log, stream)


def show(home: Path, position: int) -> Shown:
    """One event with its provenance, what it made, and its neighbours in the stream."""
    with open_log(home) as log:
        stored = event_at(log, position)
        before, after = neighbours(log, stored, NEIGHBOURS)
        origin, row = _origin(stored)
        return Shown(
            position=stored.position, stream=stored.stream, version=stored.version, topic=stored.topic,
            recorded_at=stored.recorded_at, hash=stored.hash.hex(), state=msgspec.json.decode(stored.state), origin=origin,
            row=row, produced=produced(home, log, stored), before=before, after=after,
        )  # fmt: skip


def _origin(stored: Stored) -> tuple[dict[str, Any], dict[str, Any]]:
    if stored.source is None:
        return {}, {}
    source = provenance.decode(stored.source)
    about = {name: getattr(source, name) for name in ("run", "system", "file", "table", "key", "first", "last")}
    row = decode_row(source.row) if bytes(source.row) else {}
    return {name: value for name, value in about.items() if value is not None}, row


def position_of(text: str) -> int:
    """A position as the user writes it: 17, or 10,472."""
    if not re.fullmatch(r"\d[\d,_]*", text):
        raise LedgerError(f"{text!r} is not a position", hint="Positions are numbers: 1, 2, 3 …")
    return int(text.replace(",", "").replace("_", ""))
