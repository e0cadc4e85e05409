"""One transaction of several appends, which reads what it has written: all of it is kept, or nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

import msgspec

from domain.moments import Instant
from ledger.chain import Draft, Head
from ledger.recorder import head, insert, recorded_time, tail

_NEWEST = (
    "SELECT originator_id, originator_version, rowid, topic, state, source IS NULL FROM json_each(?) "
    "JOIN stored_events ON originator_id = value AND originator_version = "
    "(SELECT max(originator_version) FROM stored_events WHERE originator_id = value)"
)
_HISTORY = (
    "SELECT originator_id, originator_version, rowid, topic, state, source IS NULL FROM stored_events "
    "WHERE originator_id = ? ORDER BY originator_version"
)
_GREATEST = "SELECT max(json_extract(state, ?)) FROM stored_events WHERE originator_id = ?"
_BEGIN_SO = "SELECT DISTINCT originator_id FROM stored_events WHERE originator_id >= ? AND originator_id < ?"
_LAST = "\U0010ffff"
# What a row takes beside its texts: hash, recorded time, the row's own header, and its entry in the indexes.
_ROW_OVERHEAD = 300


class Found(NamedTuple):
    """An event of the log. entered: it was entered here, no legacy row stands behind it."""

    stream: str
    version: int
    position: int
    topic: str
    state: str
    entered: bool


class Unwritten(NamedTuple):
    """An event that was entered here, with the version that it takes in its stream; state is JSON."""

    stream: str
    version: int
    topic: str
    state: bytes


class Writing:
    """What may be done inside the transaction; made by `Log.writing`."""

    def __init__(self, cursor: sqlite3.Cursor, recorded_at: Instant | None) -> None:
        self._cursor = cursor
        last = tail(cursor)
        self._recorded_at = recorded_time(last, recorded_at)
        self._head: Head | None = last.head
        self.position = last.head.position
        self.bytes_written = 0

    def append(self, events: Sequence[Unwritten]) -> range:
        """Append at the end; returns the positions."""
        self.bytes_written += sum(len(event.state) + _ROW_OVERHEAD for event in events)
        positions = insert(self._cursor, _drafts(events), self._recorded_at, self._head or head(self._cursor))
        self._head = None
        self.position = positions.stop - 1
        return positions

    def newest(self, streams: Collection[str]) -> list[Found]:
        """The newest event of each of these streams; those that do not exist are left out."""
        return [_found(row) for row in self._cursor.execute(_NEWEST, (msgspec.json.encode(list(streams)).decode(),))]

    def history(self, stream: str) -> list[Found]:
        """All events of a stream, oldest first."""
        return [_found(row) for row in self._cursor.execute(_HISTORY, (stream,))]

    def greatest(self, stream: str, column: str) -> str | None:
        """The greatest last cell of a column, over all blocks of a stream; None when there is none."""
        found = self._cursor.execute(_GREATEST, (f"$.{column}[#-1]", stream)).fetchone()[0]
        return None if found is None else str(found)

    def streams(self, prefix: str) -> list[str]:
        """The streams whose names begin so."""
        return [str(row[0]) for row in self._cursor.execute(_BEGIN_SO, (prefix, prefix + _LAST))]


def _drafts(events: Sequence[Unwritten]) -> Iterator[Draft]:
    for stream, version, topic, state in events:
        yield stream, version, topic, state, None


def _found(row: tuple[str, int, int, str, str, int]) -> Found:
    return Found(*row[:5], entered=bool(row[5]))
