"""The log: append events, and read them back by position, topic or stream."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import msgspec
from eventsourcing.sqlite import SQLiteConnection, SQLiteCursor

# Imported for its effect: every topic that may be appended is registered.
import domain.catalog  # noqa: F401
from domain.errors import UnknownTopic
from domain.event import topics as registered_topics
from domain.moments import Instant
from ledger import views
from ledger.chain import Draft, Head
from ledger.failures import translated
from ledger.guarding import check_writable
from ledger.lock import SharedLock, WriterLock
from ledger.opening import open_datastore, uri
from ledger.recorder import LedgerDatastore, LedgerRecorder, head, insert, recorded_time, tail
from ledger.writing import Writing

__all__ = ["Entry", "Head", "Joined", "Log", "Stored", "open_log"]

_LAST = 2**63 - 1
# What a row takes beside its texts: hash, recorded time, the row's own header, and its entry in the indexes.
_ROW_OVERHEAD = 300

_READ = (
    "SELECT rowid, originator_id, originator_version, topic, state, recorded_at, source, hash FROM stored_events WHERE "
)
_STATES = "SELECT rowid, topic, state, hash FROM stored_events WHERE "
_SOURCES = (
    "SELECT rowid, originator_id, originator_version, topic, source FROM stored_events WHERE source IS NOT NULL AND "
)
_HASHES = "SELECT rowid, hash FROM stored_events WHERE "
_COUNT = "SELECT count(*) FROM stored_events WHERE rowid <= ?"
_COUNTS = "SELECT topic, count(*) FROM stored_events WHERE rowid > ? AND rowid <= ? GROUP BY topic"
_RANGE = "rowid > ? AND rowid <= ?"
_TOPICS = " AND topic IN ({})"
_LIMIT = " ORDER BY rowid LIMIT ?"
_JOINED = """
    SELECT count(*), max(rowid), min(topic), max(topic), '[' || group_concat(state) || ']', group_concat(hex(hash), '')
    FROM ("""
# After a colon comes a semicolon: the next name beyond it is the first of another kind.
_KINDS = """
    WITH RECURSIVE names (name) AS (
        SELECT min(originator_id) FROM stored_events
        UNION ALL
        SELECT (
            SELECT min(originator_id) FROM stored_events
            WHERE originator_id >= substr(name, 1, instr(name || ':', ':') - 1) || ';'
        ) FROM names WHERE name IS NOT NULL
    )
    SELECT substr(name, 1, instr(name || ':', ':') - 1) FROM names WHERE name IS NOT NULL"""
_STREAM = _READ + "originator_id = ? ORDER BY originator_version"
_AT = _READ + "rowid IN (SELECT value FROM json_each(?)) ORDER BY rowid"
_VERSIONS = (
    "SELECT value, (SELECT max(originator_version) FROM stored_events WHERE originator_id = value) AS version "
    "FROM json_each(?) WHERE version IS NOT NULL"
)
_RECORDED_AT = "SELECT recorded_at FROM stored_events WHERE rowid = ?"


class Entry(NamedTuple):
    """An event to be appended; state and source are JSON. The log gives it its version."""

    stream: str
    topic: str
    state: bytes
    source: bytes | None = None


class Stored(NamedTuple):
    """An event of the log."""

    position: int
    stream: str
    version: int
    topic: str
    state: str
    recorded_at: str
    source: str | None
    hash: bytes


class Joined(NamedTuple):
    """Events of one topic in log order, read in a single step. states: one JSON array. hashes: 32 bytes of each."""

    topic: str
    last: int
    states: str
    hashes: bytes


class Log:
    """An open ledger; a context manager. Any number may read, one may write."""

    def __init__(self, path: Path, datastore: LedgerDatastore, lock: WriterLock | SharedLock | None) -> None:
        self.path = path
        self.home = path.parent
        self.lock = lock
        self.inode = path.stat().st_ino
        self.recorder = LedgerRecorder(datastore)
        self._datastore = datastore
        self._writer: SQLiteConnection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file, then let the next one write."""
        if self._writer is not None:
            self._datastore.pool.put_connection(self._writer)
            self._writer = None
        self._datastore.close()
        if self.lock is not None:
            self.lock.release()

    @property
    def page_max(self) -> int | None:
        """The limit to the size of the file, where there is one."""
        return self._datastore.page_max

    def head(self) -> Head:
        """The last event's position and hash; position 0 and 32 zero bytes when there is none."""
        with self._reading() as cursor:
            return head(cursor)

    def append(self, entries: Sequence[Entry], *, recorded_at: Instant | None = None) -> range:
        """Append all or nothing, in one transaction with one recorded time; returns the positions.

        Raises DiskFull, StreamConflict or StoreError, and then nothing of `entries` was kept.
        """
        assert self.lock is not None, "this log was opened for reading"
        _refuse_unknown({entry.topic for entry in entries})
        with translated(self.path, lambda: _size(entries)), self._transaction() as opened:
            cursor = _plain(opened.sqlite_cursor)
            versions = _versions(cursor, {entry.stream for entry in entries})
            last = tail(cursor)
            return insert(cursor, _drafts(entries, versions), recorded_time(last, recorded_at), last.head)

    @contextmanager
    def writing(self, *, recorded_at: Instant | None = None) -> Iterator[Writing]:
        """One transaction of several appends, all with one recorded time; an exception undoes all of them."""
        assert self.lock is not None, "this log was opened for reading"
        begun: list[Writing] = []
        with (
            translated(self.path, lambda: sum(one.bytes_written for one in begun)),
            self._transaction() as opened,
        ):
            begun.append(Writing(_plain(opened.sqlite_cursor), recorded_at))
            yield begun[0]

    @contextmanager
    def _transaction(self) -> Iterator[SQLiteCursor]:
        # The connection is kept: to ask the pool for one takes a tenth of the time that an entry takes.
        if self._writer is None:
            self._writer = self._datastore.pool.get_connection()
        with self._writer.transaction(commit=True) as opened:
            yield opened

    def checkpoint(self) -> bool:
        """Bring the write-ahead log into the file, and down to nothing; returns whether readers let it."""
        assert self.lock is not None, "this log was opened for reading"
        with translated(self.path), self._datastore.get_connection(commit=False) as connection:
            busy, _, _ = connection._sqlite_conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()  # noqa: SLF001  as in the recorder
            return not busy

    def read(
        self, *, after: int = 0, through: int | None = None, topics: Collection[str] | None = None, limit: int = 10_000
    ) -> list[Stored]:
        """The events after position `after`, up to and including `through`."""
        return [Stored(*row) for row in self._range(_READ, after, through, topics, limit)]

    def states(
        self, *, after: int, through: int | None, topics: Collection[str] | None, limit: int
    ) -> list[tuple[int, str, str, bytes]]:
        """Position, topic, state and hash of such events, as cheaply as they can be had."""
        return self._range(_STATES, after, through, topics, limit)

    def joined(self, *, after: int, through: int, topics: Collection[str], limit: int) -> Joined | None:
        """Exactly `limit` such events, when there are so many and all are of one topic. SQLite does it without giving Python
        a turn between the rows, so that another thread can work meanwhile.
        """
        found = self._range(_JOINED + _STATES, after, through, topics, limit, ")")
        count, last, topic, greatest, states, hashes = found[0]
        if count < limit or topic != greatest:
            return None
        return Joined(topic, last, states, bytes.fromhex(hashes))

    def hashes(
        self, *, after: int, through: int | None, topics: Collection[str] | None, limit: int
    ) -> list[tuple[int, bytes]]:
        """Position and hash of such events, for counting what a projector must have seen."""
        return self._range(_HASHES, after, through, topics, limit)

    def count(self, *, through: int, topics: Collection[str]) -> int:
        """How many events of these topics there are up to a position."""
        marks = ", ".join("?" * len(topics))
        return int(self._all(f"{_COUNT} AND topic IN ({marks})", (through, *topics))[0][0])

    def counts(self, *, after: int, through: int) -> dict[str, int]:
        """How many events of each topic there are behind a position and up to another."""
        return dict(self._all(_COUNTS, (after, through)))

    # Any: rows of whichever columns were selected.
    def _range(
        self, select: str, after: int, through: int | None, topics: Collection[str] | None, limit: int, end: str = ""
    ) -> list[Any]:
        wanted = () if topics is None else tuple(topics)
        condition = "" if topics is None else _TOPICS.format(", ".join("?" * len(wanted)))
        last = _LAST if through is None else through
        return self._all(select + _RANGE + condition + _LIMIT + end, (after, last, *wanted, limit))

    def sources(self, *, after: int, through: int | None, limit: int) -> list[tuple[int, str, int, str, str]]:
        """Position, stream, version, topic and provenance of the events that have one."""
        return self._range(_SOURCES, after, through, None, limit)

    def stream(self, stream: str) -> list[Stored]:
        """All events of one stream, oldest first."""
        return [Stored(*row) for row in self._all(_STREAM, (stream,))]

    def at(self, positions: Sequence[int]) -> list[Stored]:
        """The events at these positions, in order of position."""
        return [Stored(*row) for row in self._all(_AT, (_json(positions),))]

    def versions(self, streams: Sequence[str]) -> dict[str, int]:
        """The newest version of each of these streams; those that do not exist are left out."""
        with self._reading() as cursor:
            return _versions(cursor, streams)

    def kinds(self) -> list[str]:
        """The kinds of all streams, that is, what stands before the colon of their names: found in an index, by leaps."""
        return [str(row[0]) for row in self._all(_KINDS, ())]

    def rows_of_view(self, view: str) -> tuple[tuple[str, ...], Iterator[tuple[views.Value, ...]]]:
        """The columns of one of the classic tables, and its rows one after the other, to be read before the log is closed."""
        with self._reading() as cursor:
            names = views.columns(cursor, view)
        return names, self._stream_view(view)

    def _stream_view(self, view: str) -> Iterator[tuple[views.Value, ...]]:
        with self._reading() as cursor:
            yield from views.rows(cursor, view)

    def recorded_position(self, known_at: Instant) -> int:
        """The last position that the ledger had learned of by then. Recorded times never fall, so halving finds it."""
        with self._reading() as cursor:
            low, high = 0, head(cursor).position
            while low < high:
                middle = (low + high + 1) // 2
                recorded_at = cursor.execute(_RECORDED_AT, (middle,)).fetchone()[0]
                low, high = (middle, high) if recorded_at <= known_at else (low, middle - 1)
            return low

    def _all(self, query: str, values: Sequence[Any]) -> list[Any]:
        with self._reading() as cursor:
            return cursor.execute(query, values).fetchall()

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Cursor]:
        with translated(self.path), self._datastore.transaction(commit=False) as opened:
            yield _plain(opened.sqlite_cursor)


def open_log(
    home: Path, *, create: bool = False, write: bool = False, command: str = "", page_max: int | None = None
) -> Log:
    """Open the ledger of a home. Raises HomeError when there is none or it is not ours, HomeBusy when another writes, and
    StoreError when it is to be written to and its end is not sound.

    command: what the lock says is running. page_max: a limit to the size of the file, so that tests can fill it.
    """
    path, datastore, lock = open_datastore(home, create=create, write=write, command=command, page_max=page_max)
    log = Log(path, datastore, lock)
    if write:
        try:
            check_writable(path)
        except BaseException:
            log.close()
            raise
    return log


def open_shared(path: Path, lock: int, *, page_max: int | None) -> Log:
    """Open the ledger for writing beside the process that started this one and whose lock was inherited."""
    return Log(path, LedgerDatastore(uri(path, write=True), page_max=page_max), SharedLock(lock))


def _plain(cursor: sqlite3.Cursor) -> sqlite3.Cursor:
    """Rows as tuples: the library asks for rows with names, which cost more."""
    cursor.row_factory = None
    return cursor


def _json(values: Iterable[Any]) -> str:
    return msgspec.json.encode(list(values)).decode()


def _versions(cursor: sqlite3.Cursor, streams: Collection[str]) -> dict[str, int]:
    return dict(cursor.execute(_VERSIONS, (_json(streams),)))


def _drafts(entries: Sequence[Entry], versions: dict[str, int]) -> Iterator[Draft]:
    """Give each entry the next version of its stream; `versions` is counted on."""
    for stream, topic, state, source in entries:
        version = versions[stream] = versions.get(stream, 0) + 1
        yield stream, version, topic, state, source


def _size(entries: Sequence[Entry]) -> int:
    return sum(len(entry.state) + len(entry.source or b"") + _ROW_OVERHEAD for entry in entries)


def _refuse_unknown(topics: Collection[str]) -> None:
    if unknown := sorted(set(topics) - registered_topics().keys()):
        raise UnknownTopic(f"events of type {', '.join(unknown)} are not registered", hint="Upgrade Daybook.")
