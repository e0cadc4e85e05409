"""What replay has already recorded: `replay.db`, derived from the provenance in the log and disposable like any read model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import apsw
import msgspec

from domain.event import topic_of
from domain.legacy import LegacyRowKept
from ledger.log import Log, Stored
from migrations import script
from replay import provenance
from replay.translating import Known, digest

BATCH = 10_000
_KEPT = topic_of(LegacyRowKept)

_FIND_ORIGIN = "SELECT id FROM origins WHERE system = ? AND file = ? AND tab = ?"
_ADD_ORIGIN = "INSERT INTO origins (system, file, tab) VALUES (?, ?, ?) RETURNING id"
_REMEMBER = "INSERT OR REPLACE INTO seen (origin, stream, position, kept, digest) VALUES (?, ?, ?, ?, ?)"
_FORGET = "DELETE FROM seen WHERE origin = ? AND stream = ?"
_ADD_BLOCK = "INSERT OR REPLACE INTO blocks (origin, first, position, last, stream, rows) VALUES (?, ?, ?, ?, ?, ?)"
_RECALL = (
    "SELECT stream, digest, kept, position FROM seen WHERE origin = ? AND stream IN (SELECT value FROM json_each(?))"
)
_PLACES = "SELECT stream, position FROM seen WHERE origin = ? AND stream IN (SELECT value FROM json_each(?))"
_MEET = "INSERT OR IGNORE INTO temp.met (origin, stream) VALUES (?, ?)"
_NOT_MET = (
    "SELECT stream, position, kept FROM seen WHERE origin = ?1 "
    "AND NOT EXISTS (SELECT 1 FROM temp.met WHERE met.origin = ?1 AND met.stream = seen.stream) ORDER BY position"
)
_BLOCKS_OF = "SELECT first, last, position FROM blocks WHERE stream = ? ORDER BY origin = ?, position"
_BLOCKS = "SELECT position FROM blocks WHERE origin = ? AND first <= ? AND last >= ? ORDER BY position"


class Gone(NamedTuple):
    """A row of an earlier run that was not met in this one."""

    stream: str
    position: int
    kept: bool


class Seen:
    """The index of recorded rows; open with `open_seen`, bring up to date with `catch_up`."""

    def __init__(self, db: apsw.Connection) -> None:
        self._db = db
        self._origins: dict[tuple[str, str, str], int] = {}

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def catch_up(self, log: Log) -> None:
        """Read the provenance of every event that came since; resumable, one transaction per batch."""
        after, head = self._position(log), log.head().position
        while after < head:
            page = log.sources(after=after, through=head, limit=BATCH)
            with self._db:
                self._apply(page)
                after = page[-1][0] if len(page) == BATCH else head
                self._db.execute("UPDATE progress SET position = ?, hash = ?", (after, log.at([after])[0].hash))

    def _position(self, log: Log) -> int:
        """How far this index follows the log; begins again when the log is another one, such as a restored back-up."""
        position, mark = next(iter(self._db.execute("SELECT position, hash FROM progress")))
        if position and [stored.hash for stored in log.at([position])] != [mark]:
            self._origins.clear()
            with self._db:
                for table in ("seen", "blocks", "origins"):
                    self._db.execute(f"DELETE FROM {table}")
            return 0
        return int(position)

    def _apply(self, page: Sequence[tuple[int, str, int, str, str]]) -> None:
        rows: dict[tuple[int, str], tuple[int, str, int, bool, bytes] | None] = {}
        blocks = []
        for position, stream, _, topic, text in page:
            source = provenance.decode(text)
            origin = self.origin(source.system, source.file, source.table)
            if source.first is not None:
                blocks.append((origin, source.first, position, source.last, stream, 0))
            elif source.vanished:
                rows[origin, stream] = None
            else:
                rows[origin, stream] = (origin, stream, position, topic == _KEPT, digest(bytes(source.row)))
        self._db.executemany(_FORGET, [key for key, row in rows.items() if row is None])
        self._db.executemany(_REMEMBER, [row for row in rows.values() if row is not None])
        self._db.executemany(_ADD_BLOCK, blocks)

    def __enter__(self) -> Self:
        """One transaction for many small writes."""
        self._db.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._db.__exit__(kind, error, trace)

    def origin(self, system: str, file: str, table: str) -> int:
        """The number of a legacy table."""
        key = (system, file, table)
        if key not in self._origins:
            found = list(self._db.execute(_FIND_ORIGIN, key)) or list(self._db.execute(_ADD_ORIGIN, key))
            self._origins[key] = int(found[0][0])
        return self._origins[key]

    def origins(self, system: str) -> list[tuple[str, str]]:
        """File and table of everything that was ever recorded from a system."""
        query = "SELECT file, tab FROM origins WHERE system = ? ORDER BY file, tab"
        return [(str(file), str(table)) for file, table in self._db.execute(query, (system,))]

    def of(self, system: str, file: str, table: str, log: Log) -> SeenTable:
        """The rows recorded from one table."""
        return SeenTable(self._db, self.origin(system, file, table), log)


class SeenTable:
    """What is recorded of one legacy table. Nothing is looked up while the log has nothing of it."""

    def __init__(self, db: apsw.Connection, origin: int, log: Log) -> None:
        self._db, self._origin, self._log = db, origin, log
        self.any_rows = self._has("seen")
        self.any_blocks = self._has("blocks")

    def _has(self, table: str) -> bool:
        return bool(list(self._db.execute(f"SELECT 1 FROM {table} WHERE origin = ? LIMIT 1", (self._origin,))))

    def recall(self, streams: Sequence[str]) -> dict[str, Known]:
        """The rows among these streams that the log has."""
        if not self.any_rows:
            return {}
        found = self._db.execute(_RECALL, (self._origin, msgspec.json.encode(streams).decode()))
        return {name: Known(digest, bool(kept), position) for name, digest, kept, position in found}

    def event_at(self, position: int) -> Stored:
        """The event at a position of the log."""
        (stored,) = self._log.at([position])
        return stored

    def meet(self, streams: Sequence[str]) -> None:
        """Note that these rows are still there."""
        if self.any_rows:
            self._db.executemany(_MEET, [(self._origin, name) for name in streams])

    def gone(self) -> Iterable[Gone]:
        """The recorded rows that were not met."""
        if not self.any_rows:
            return []
        return [
            Gone(stream, position, bool(kept)) for stream, position, kept in self._db.execute(_NOT_MET, (self._origin,))
        ]

    def places(self, streams: Sequence[str]) -> dict[str, int]:
        """The position of the newest event about each of these rows."""
        found = self._db.execute(_PLACES, (self._origin, msgspec.json.encode(streams).decode()))
        return dict(found)

    def blocks(self, first: str, last: str) -> list[int]:
        """The positions of the blocks that hold a key from `first` to `last`."""
        if not self.any_blocks:
            return []
        return [int(row[0]) for row in self._db.execute(_BLOCKS, (self._origin, last, first))]

    def blocks_of(self, stream: str) -> list[tuple[str, str, int]]:
        """First key, last key and position of every block of a series, from whatever table; this table's stand last."""
        found = self._db.execute(_BLOCKS_OF, (stream, self._origin))
        return [(str(first), str(last), int(at)) for first, last, at in found]


def open_seen(path: Path) -> Seen:
    """Open or make the index; a file that cannot be used is deleted and derived again."""
    try:
        return Seen(_connect(path))
    except (apsw.Error, UnicodeDecodeError):
        for suffix in ("", "-wal", "-shm", "-journal"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        return Seen(_connect(path))


def _connect(path: Path) -> apsw.Connection:
    db = apsw.Connection(str(path))
    db.set_busy_timeout(5000)
    db.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -32000")
    if not list(db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'blocks'")):
        with db:
            db.execute(script("replay", "0001_seen.sql"))
    db.execute(script("replay", "temp_met.sql"))
    list(db.execute("SELECT position, hash FROM progress"))
    return db
