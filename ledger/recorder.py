"""The log as a recorder of the `eventsourcing` library: pragmas, transactions that cannot deadlock, chained inserts."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import chain, islice
from types import TracebackType
from typing import Any, Literal, NamedTuple
from uuid import UUID

import msgspec
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import (
    InterfaceError,
    Mapper,
    MapperDeserialisationError,
    Notification,
    OperationalError,
    StoredEvent,
)
from eventsourcing.sqlite import (
    SQLiteApplicationRecorder,
    SQLiteConnection,
    SQLiteConnectionPool,
    SQLiteCursor,
    SQLiteDatastore,
    SQLiteFactory,
    SQLiteTransaction,
)
from eventsourcing.utils import Environment, EnvType

from domain.errors import StoreError
from domain.event import Event, decode, encode, topic_of, topics
from domain.moments import Instant, instant
from ledger.chain import EMPTY, Draft, Head, Row, chained
from migrations.runner import migrate_ledger

BUSY_MS = 30_000

# In this order: auto_vacuum counts only until the file is in WAL mode, and only for a new file.
FILE_PRAGMAS: dict[str, int | str] = {"auto_vacuum": 0, "journal_mode": "wal"}
CONNECTION_PRAGMAS: dict[str, int | str] = {
    "synchronous": 2,
    "foreign_keys": 1,
    "cache_size": -64_000,
    "wal_autocheckpoint": 1_000,
    "busy_timeout": BUSY_MS,
}

# A reader goes through the log once: what it keeps in memory only has to be made first, which takes as long as the reading.
# So do the connections of a writer beside its first, with which it writes.
READING_PRAGMAS = CONNECTION_PRAGMAS | {"cache_size": -2_000}

_HEAD = "SELECT rowid, hash FROM stored_events ORDER BY rowid DESC LIMIT 1"
_TAIL = "SELECT rowid, hash, recorded_at FROM stored_events ORDER BY rowid DESC LIMIT 1"
_COLUMNS = "rowid, originator_id, originator_version, topic, state, recorded_at, source, hash"
_ROW = "(?, ?, ?, ?, ?, ?, ?, ?)"
_INSERT = f"INSERT INTO stored_events ({_COLUMNS}) VALUES {_ROW}"
# Rows of one statement. SQLite keeps what a statement would undo, page by page, because the triggers may end it: once for
# twenty rows takes a quarter less than once for each.
GROUP_ROWS = 20
_INSERT_GROUP = f"INSERT INTO stored_events ({_COLUMNS}) VALUES {', '.join([_ROW] * GROUP_ROWS)}"
_SELECT_STREAM = (
    "SELECT originator_id, originator_version, topic, CAST(state AS BLOB) AS state "
    "FROM stored_events WHERE originator_id = ? "
)


class LedgerTransaction(SQLiteTransaction):
    """A writing transaction takes its lock at once: it reads the head first, and a reader cannot wait to write."""

    def __enter__(self) -> SQLiteCursor:
        cursor = self.connection.cursor()
        try:
            cursor.execute("BEGIN IMMEDIATE" if self.commit else "BEGIN")
        except sqlite3.OperationalError as error:
            raise OperationalError(error) from error
        return cursor

    def __exit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> None:
        try:
            super().__exit__(exc_type, exc_val, exc_tb)
        except BaseException:
            # A COMMIT that fails leaves the transaction open, and the pool would hand the connection out like that.
            self.connection.rollback()
            raise


class LedgerConnection(SQLiteConnection):
    """A connection whose transactions are those of the ledger."""

    @contextmanager
    def transaction(self, *, commit: bool) -> Iterator[SQLiteCursor]:
        with LedgerTransaction(self, commit=commit) as cursor, cursor:
            yield cursor


class LedgerPool(SQLiteConnectionPool):
    """Opens connections with the pragmas of the ledger."""

    def __init__(self, db_name: str, *, read_only: bool, page_max: int | None) -> None:
        super().__init__(db_name=db_name)
        self._page_max = page_max
        self._only_reads = read_only

    def _create_connection(self) -> LedgerConnection:
        try:
            connection = sqlite3.connect(self.db_name, uri=True, check_same_thread=False, isolation_level=None)
        except sqlite3.Error as error:
            raise InterfaceError(error) from error
        try:
            set_pragmas(connection, READING_PRAGMAS if self._only_reads else FILE_PRAGMAS | CONNECTION_PRAGMAS)
            if self._page_max is not None:
                connection.execute(f"PRAGMA max_page_count = {self._page_max}")
        except BaseException:
            connection.close()
            raise
        self._only_reads = True
        connection.row_factory = sqlite3.Row
        return LedgerConnection(connection, max_age=self.max_age)


def set_pragmas(connection: sqlite3.Connection, wanted: Mapping[str, int | str]) -> None:
    """Set the pragmas, which hold for one connection only, and read them back: SQLite may ignore one in silence."""
    for name, value in wanted.items():
        connection.execute(f"PRAGMA {name} = {value}").fetchall()
    found = {name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in wanted}
    if found != wanted:
        raise StoreError(
            f"the ledger needs {dict(wanted)}, but this file or this SQLite gives {found}",
            hint="Replay into a new home, or restore a back-up.",
        )


class LedgerDatastore(SQLiteDatastore):
    """The connections of one ledger file."""

    def __init__(
        self,
        db_name: str,
        *,
        originator_id_type: Literal["uuid", "text"] = "text",
        read_only: bool = False,
        page_max: int | None = None,
    ) -> None:
        super().__init__(db_name, originator_id_type=originator_id_type)
        self.page_max = page_max
        self.pool = LedgerPool(db_name, read_only=read_only, page_max=page_max)


class LedgerRecorder(SQLiteApplicationRecorder):
    """Stores the library's events in the rows of the log."""

    def __init__(self, datastore: SQLiteDatastore, events_table_name: str = "stored_events") -> None:
        super().__init__(datastore, events_table_name)
        self.select_events_statement = _SELECT_STREAM

    def construct_create_table_statements(self) -> list[str]:
        """None: the schema stands in migrations/."""
        return []

    def create_table(self) -> None:
        with self.datastore.get_connection(commit=True) as connection:
            migrate_ledger(connection._sqlite_conn)  # noqa: SLF001  the library offers no other way to its connection

    # Any, here and below, is what the library declares.
    def _insert_events(self, c: SQLiteCursor, stored_events: Sequence[StoredEvent], **_: Any) -> list[int]:
        drafts = [
            (_as_text(one.originator_id), one.originator_version, one.topic, one.state, None) for one in stored_events
        ]
        last = tail(c.sqlite_cursor)
        return list(insert(c.sqlite_cursor, drafts, recorded_time(last), last.head))

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> list[Notification]:
        """The library reads states as they are stored, as text; its events carry bytes."""
        found = super().select_notifications(start, limit, stop, topics, inclusive_of_start=inclusive_of_start)
        return [
            Notification(one.originator_id, one.originator_version, one.topic, _as_bytes(one.state), one.id)
            for one in found
        ]


def _as_text(originator_id: UUID | str) -> str:
    return originator_id.hex if isinstance(originator_id, UUID) else originator_id


def _as_bytes(state: bytes | str) -> bytes:
    return state.encode() if isinstance(state, str) else state


def head(cursor: sqlite3.Cursor) -> Head:
    """The last event's position and hash."""
    row = cursor.execute(_HEAD).fetchone()
    return Head(*row) if row else EMPTY


class Tail(NamedTuple):
    """The head of the log, and when its last event was recorded; empty text for an empty log."""

    head: Head
    recorded_at: Instant


def tail(cursor: sqlite3.Cursor) -> Tail:
    """Where the next append begins."""
    row = cursor.execute(_TAIL).fetchone()
    return Tail(Head(row[0], row[1]), row[2]) if row else Tail(EMPTY, "")


def recorded_time(last: Tail, given: Instant | None = None) -> Instant:
    """The time of the append to come, never before the last one: a clock set back must not reorder what was known."""
    assert given is None or given >= last.recorded_at, f"recorded at {given}, before {last.recorded_at}"
    return given or max(instant(datetime.now(UTC)), last.recorded_at)


def insert(cursor: sqlite3.Cursor, drafts: Iterable[Draft], recorded_at: Instant, last: Head) -> range:
    """Append behind the head of the log, inside a writing transaction; returns the positions."""
    count = insert_rows(cursor, chained(last, drafts, recorded_at))
    return range(last.position + 1, last.position + 1 + count)


def insert_rows(cursor: sqlite3.Cursor, rows: Iterator[Row]) -> int:
    """Insert finished rows, in order; returns how many. A row is made only when it is inserted."""
    first = list(islice(rows, GROUP_ROWS))
    if len(first) < GROUP_ROWS:
        for row in first:
            cursor.execute(_INSERT, row)
        return len(first)
    rest: list[Row] = []
    cursor.executemany(_INSERT_GROUP, _grouped(first, rows, rest))
    count = cursor.rowcount
    cursor.executemany(_INSERT, rest)
    return count + len(rest)


def _grouped(group: list[Row], rows: Iterator[Row], rest: list[Row]) -> Iterator[tuple[int | str | bytes | None, ...]]:
    """The rows that fill a statement, side by side; the last few go to `rest`."""
    while len(group) == GROUP_ROWS:
        yield tuple(chain.from_iterable(group))
        group = list(islice(rows, GROUP_ROWS))
    rest += group


class Placed(NamedTuple):
    """An event with its place in its stream: what the library calls a domain event."""

    originator_id: str
    originator_version: int
    event: Event


class LedgerMapper(Mapper[str]):
    """Writes and reads events as the log does: JSON, under a registered topic and no other."""

    def to_stored_event(self, domain_event: DomainEventProtocol[str]) -> StoredEvent:
        assert isinstance(domain_event, Placed)
        stream, version, event = domain_event
        topic = topic_of(type(event))
        assert topic in topics(), f"{topic} is not registered"
        return StoredEvent(stream, version, topic, encode(event))

    def to_domain_event(self, stored_event: StoredEvent) -> DomainEventProtocol[str]:
        try:
            event = decode(stored_event.topic, stored_event.state)
        except msgspec.MsgspecError as error:
            raise MapperDeserialisationError(f"{stored_event.topic}: {error}") from error
        return Placed(str(stored_event.originator_id), stored_event.originator_version, event)


class LedgerFactory(SQLiteFactory):
    """Lets the library's Application write into the log: PERSISTENCE_MODULE=ledger.recorder:LedgerFactory."""

    application_recorder_class = LedgerRecorder

    def __init__(self, env: Environment | EnvType | None) -> None:
        super().__init__(env)
        kind = self.datastore.originator_id_type
        self.datastore = LedgerDatastore(self.datastore.pool.db_name, originator_id_type=kind)
