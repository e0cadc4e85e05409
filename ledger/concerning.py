"""The events that can concern one thing: found by what they say, by where they stand, or by where they came from."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing
from typing import NamedTuple

import msgspec

from ledger.failures import translated
from ledger.log import Log, Stored
from ledger.opening import uri

POSITION, STREAM = "@position", "@stream"
"""Stand for an event's place in the log and for its stream, where a field of the event is asked for."""

PAGE = 500
Value = str | int

_TOPIC = re.compile(r"[a-z0-9-]+\.v[0-9]+")
_EXPRESSIONS = {POSITION: "rowid", STREAM: "originator_id"}


class Lead(NamedTuple):
    """From events that were found to further ones: what the ones say in `read` is what the others say in `match`.

    through: what a value that was read leads to, where that is not the value itself; None when that cannot be told.
    """

    read: str
    match: str
    through: Callable[[Value], list[Value] | None] | None = None


SAME_STREAM = Lead(STREAM, STREAM)


class Sought(NamedTuple):
    """Events of some topics. fields: what they must say; without any, all of them are sought. then: see `concerning`."""

    topics: Collection[str]
    fields: Mapping[str, Value] = {}
    then: tuple[Lead, ...] = ()


class Concerned(NamedTuple):
    """Positions in the log, in order. named: of those that say so themselves; the others may concern anything."""

    positions: list[int]
    named: frozenset[int]


def concerning(log: Log, wanted: Sequence[Sought], *, through: int) -> Concerned:
    """The events that are sought, up to a position; of one with leads those that the last of them leads to."""
    found, named = set[int](), set[int]()
    with translated(log.path), closing(_connect(log)) as db:
        for one in wanted:
            positions, is_named = _positions(db, one, through)
            found.update(positions)
            if is_named:
                named.update(positions)
    return Concerned(sorted(found), frozenset(named))


def pages(log: Log, positions: Sequence[int], size: int = PAGE) -> Iterator[list[Stored]]:
    """The events at these positions, page by page."""
    for start in range(0, len(positions), size):
        yield log.at(positions[start : start + size])


def _connect(log: Log) -> sqlite3.Connection:
    return sqlite3.connect(uri(log.path, write=False), uri=True)


def _positions(db: sqlite3.Connection, sought: Sought, through: int) -> tuple[list[int], bool]:
    conditions = [f"{_expression(field)} = ?" for field in sought.fields]
    values: list[Value] = list(sought.fields.values())
    for lead in sought.then:
        # The plus keeps SQLite from walking the whole log in the order of streams, only to tell apart a few values.
        query = _select(f"DISTINCT +{_expression(lead.read)}", sought.topics, conditions)
        read = [row[0] for row in db.execute(query, (through, *values)) if row[0] is not None]
        led = _led(lead, read)
        if led is None:
            conditions, values = [], []
            break
        conditions = [f"{_expression(lead.match)} IN (SELECT value FROM json_each(?))"]
        values = [msgspec.json.encode(led).decode()]
    query = _select("rowid", sought.topics, conditions)
    return [row[0] for row in db.execute(query, (through, *values))], bool(conditions)


def _led(lead: Lead, read: list[Value]) -> list[Value] | None:
    if lead.through is None:
        return read
    found: list[Value] = []
    for value in read:
        led = lead.through(value)
        if led is None:
            return None
        found += led
    return found


def _select(what: str, topics: Collection[str], conditions: Sequence[str]) -> str:
    assert all(_TOPIC.fullmatch(topic) for topic in topics)
    # Written out, not bound: SQLite then sees that one of the ledger's partial indexes has them all.
    some = ", ".join(f"'{topic}'" for topic in topics)
    return " AND ".join([f"SELECT {what} FROM stored_events WHERE rowid <= ? AND topic IN ({some})", *conditions])


def _expression(field: str) -> str:
    """A field of the event, or of its place, in SQL."""
    assert field in _EXPRESSIONS or field.isidentifier(), field
    return _EXPRESSIONS.get(field, f"state ->> '$.{field}'")
