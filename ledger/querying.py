"""Questions to the log that are answered by plain SQL: which events, of which kinds, from where, when."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any, NamedTuple

from msgspec import Struct

from domain.errors import LedgerError
from ledger.failures import translated
from ledger.log import Log, Stored
from ledger.opening import uri

_COLUMNS = "rowid, originator_id, originator_version, topic, state, recorded_at, source, hash"
_VALID = "coalesce(state ->> '$.occurred_at', recorded_at)"
_PAGE = 500


class Wanted(Struct, frozen=True, kw_only=True):
    """Which events. Times are inclusive and compared as text: a date, or an instant in the log's form.

    type: without its version, such as trade-executed. stream: exact, or a prefix that ends with `*`. valid_: when it happened;
    recorded_: when the ledger learned of it. run, file, table: provenance. text: anywhere in event or provenance.
    """

    type: str | None = None
    stream: str | None = None
    valid_from: str | None = None
    valid_to: str | None = None
    recorded_from: str | None = None
    recorded_to: str | None = None
    run: int | None = None
    file: str | None = None
    table: str | None = None
    text: str | None = None


def _conditions(wanted: Wanted) -> tuple[str, list[Any]]:
    parts: list[tuple[str, Any]] = []
    if wanted.stream and wanted.stream.endswith("*"):
        prefix = wanted.stream[:-1]
        parts += [("originator_id >= ?", prefix), ("originator_id < ?", prefix + "\U0010ffff")]
    elif wanted.stream:
        parts.append(("originator_id = ?", wanted.stream))
    asked = {
        "topic GLOB ?": f"{_literal(wanted.type)}.v[0-9]*" if wanted.type else None,
        f"{_VALID} >= ?": wanted.valid_from,
        f"{_VALID} <= ?": wanted.valid_to,
        "recorded_at >= ?": wanted.recorded_from,
        "recorded_at <= ?": wanted.recorded_to,
        "source ->> '$.run' = ?": wanted.run,
        "source ->> '$.file' = ?": wanted.file,
        "source ->> '$.table' = ?": wanted.table,
        "(instr(state, ?) OR instr(source, ?))": wanted.text,
    }
    parts += [(condition, value) for condition, value in asked.items() if value is not None]
    values = [value for condition, value in parts for _ in range(condition.count("?"))]
    return " AND ".join(["TRUE", *(condition for condition, _ in parts)]), values


def _literal(text: str) -> str:
    return "".join(f"[{char}]" if char in "*?[" else char for char in text)


def search(log: Log, wanted: Wanted, *, after: int = 0, newest_first: bool = False) -> Iterator[Stored]:
    """The events that are wanted, in order of position; read page by page, so that any number of them may come."""
    conditions, values = _conditions(wanted)
    order, beyond = ("DESC", "rowid < ?") if newest_first else ("ASC", "rowid > ?")
    query = f"SELECT {_COLUMNS} FROM stored_events WHERE {beyond} AND {conditions} ORDER BY rowid {order} LIMIT {_PAGE}"
    place = 2**63 - 1 if newest_first else after
    with translated(log.path), closing(_connect(log)) as db:
        while page := [Stored(*row) for row in db.execute(query, [place, *values])]:
            yield from page
            place = page[-1].position


class Figure(NamedTuple):
    """How many events of a type there are, their bytes, and the first and last position."""

    type: str
    events: int
    bytes: int
    first: int
    last: int


def statistics(log: Log) -> list[Figure]:
    """Figures by type of event, most frequent first."""
    query = (
        "SELECT topic, count(*), sum(length(CAST(state AS BLOB)) + coalesce(length(CAST(source AS BLOB)), 0)), "
        "min(rowid), max(rowid) FROM stored_events GROUP BY topic ORDER BY count(*) DESC, topic"
    )
    with translated(log.path), closing(_connect(log)) as db:
        return [Figure(*row) for row in db.execute(query)]


def event_at(log: Log, position: int) -> Stored:
    """The event at a position; raises LedgerError when there is none."""
    found = log.at([position])
    if not found:
        head = log.head().position
        raise LedgerError(f"there is no event at position {position}", hint=f"The log has positions 1 to {head}.")
    return found[0]


def stream_of(log: Log, stream: str) -> Iterator[Stored]:
    """All events of a stream, oldest first, page by page; raises LedgerError when there is none, naming near ones."""
    query = (
        f"SELECT {_COLUMNS} FROM stored_events WHERE originator_id = ? AND originator_version > ? "
        f"ORDER BY originator_version LIMIT {_PAGE}"
    )
    version = 0
    with translated(log.path), closing(_connect(log)) as db:
        while page := [Stored(*row) for row in db.execute(query, [stream, version])]:
            yield from page
            version = page[-1].version
        if version == 0:
            raise _no_stream(db, stream)


def newest_of(log: Log, stream: str, *, through: int) -> Stored:
    """The newest event of a stream up to a position, else its first; raises LedgerError when there is no such stream."""
    query = f"SELECT {_COLUMNS} FROM stored_events WHERE originator_id = ? AND {{}} ORDER BY originator_version {{}} LIMIT 1"
    with translated(log.path), closing(_connect(log)) as db:
        row = db.execute(query.format("rowid <= ?", "DESC"), [stream, through]).fetchone()
        row = row or db.execute(query.format("TRUE", "ASC"), [stream]).fetchone()
        if row is None:
            raise _no_stream(db, stream)
        return Stored(*row)


def neighbours(log: Log, event: Stored, count: int) -> tuple[list[tuple[int, str]], list[tuple[int, str]]]:
    """Position and topic of up to `count` events of the same stream before an event, and after it, oldest first."""
    query = (
        "SELECT rowid, topic FROM stored_events WHERE originator_id = ? AND originator_version {} ? "
        "ORDER BY originator_version {} LIMIT ?"
    )
    values = (event.stream, event.version, count)
    with translated(log.path), closing(_connect(log)) as db:
        before = db.execute(query.format("<", "DESC"), values).fetchall()
        return before[::-1], db.execute(query.format(">", "ASC"), values).fetchall()


def has_streams(log: Log, prefix: str) -> bool:
    """Whether there is any stream whose name begins so."""
    query = "SELECT 1 FROM stored_events WHERE originator_id >= ? AND originator_id < ? LIMIT 1"
    with translated(log.path), closing(_connect(log)) as db:
        return db.execute(query, (prefix, prefix + "\U0010ffff")).fetchone() is not None


def _no_stream(db: sqlite3.Connection, stream: str) -> LedgerError:
    """Says which streams of the same kind stand beside the place where it would be."""
    kind = stream.partition(":")[0] + ":"
    query = (
        "SELECT DISTINCT originator_id FROM stored_events WHERE originator_id {} ? AND originator_id {} ? "
        "ORDER BY 1 {} LIMIT 2"
    )
    before = db.execute(query.format("<", ">=", "DESC"), (stream, kind)).fetchall()[::-1]
    after = db.execute(query.format(">", "<", "ASC"), (stream, kind + "\U0010ffff")).fetchall()
    near = ", ".join(str(name) for (name,) in [*before, *after])
    return LedgerError(f"there is no stream {stream}", hint=f"Near it: {near}." if near else "See: cli audit stats")


def _connect(log: Log) -> sqlite3.Connection:
    return sqlite3.connect(uri(log.path, write=False), uri=True)
