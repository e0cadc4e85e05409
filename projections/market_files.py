"""Day files of ticks and candles: made by DuckDB from blocks of JSON, and read back by value."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from domain.moments import Instant, zone
from migrations import script
from projections.market_sql import CANDLES, FOLDER, TICKS, Shape, quoted, quoted_path
from projections.partitioned import Made, Page, Partition, PartitionedFiles, Unreadable

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Key = TypeVar("Key")

SCHEMA_VERSION = "2.0.0"
DIGEST_ROWS = 100_000
# Readable by every DuckDB since 1.2; small blocks, because most days of most people are small.
_NEW = "ATTACH {path} AS made (BLOCK_SIZE 16384, STORAGE_VERSION 'v1.2.0')"
_OLD = "ATTACH {path} AS {name} (READ_ONLY)"
_ABOUT = """
INSERT INTO made.schema_version (version, exchange, kind, timeframe, session, zone, events, last_position)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
_VERSION = "SELECT version, kind, timeframe, exchange, session::VARCHAR FROM {name}.schema_version"
ARCHIVED = ".parquet"
# Rows stand in the order of symbol and time, so that a group holds few symbols and most of them can be passed over.
_ARCHIVE = """
COPY whole.{table} TO {path} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 20480, KV_METADATA {about})
"""


@contextmanager
def engine(*, memory: str = "128MB", threads: int = 1) -> Iterator[DuckDBPyConnection]:
    """A DuckDB without a file of its own, that stays within its memory and never asks the network for anything."""
    import duckdb  # noqa: PLC0415  it costs time, and most commands do not need it

    with TemporaryDirectory(prefix="daybook-") as folder:
        config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": memory, "threads": threads, "temp_directory": folder,
            # A file is written once, into its place, not into a .wal first.
            "wal_autocheckpoint": "1KB",
            "autoinstall_known_extensions": False, "autoload_known_extensions": False,
        }  # fmt: skip
        db = duckdb.connect(config=config)
        try:
            yield db
        finally:
            db.close()


class _Row(NamedTuple):
    """Rows of two files under one key; None where one has none."""

    key: str
    expected: str | None
    found: str | None

    def __str__(self) -> str:
        if self.found is None:
            return f"{self.key}: the row is missing"
        if self.expected is None:
            return f"{self.key}: the row is too many"
        return f"{self.key}: the row is {self.found}, expected {self.expected}"


class MarketMaker:
    """Makes and reads day files."""

    def __init__(self, db: DuckDBPyConnection) -> None:
        self._db = db
        for shape in (CANDLES, TICKS):
            db.execute(script(*FOLDER, f"staging_{shape.table}.sql"))

    def make(self, path: Path, partition: Partition, pages: Iterator[Page], as_of: Instant | None) -> Made:
        """Write a new day file: of each key the row that was recorded last, in the order of symbol and time."""
        if not is_archived(partition.path):
            return self._make(path, partition, pages, as_of)
        whole = path.with_name(f"{path.name}.whole")
        whole.unlink(missing_ok=True)
        try:
            made = self._make(whole, partition, pages, as_of)
            self._archive(whole, path, partition)
        finally:
            whole.unlink(missing_ok=True)
        assert self.look(path, partition) == made, f"{path}: the Parquet file does not hold what was written to it"
        return made

    def _archive(self, whole: Path, path: Path, partition: Partition) -> None:
        """Write the rows of a day file into a Parquet file."""
        told = {"version": SCHEMA_VERSION, "exchange": partition.exchange, "kind": partition.kind,
                "timeframe": partition.timeframe, "session": partition.session, "zone": partition.zone,
                "events": str(partition.events), "last_position": str(partition.last_position)}  # fmt: skip
        about = "{" + ", ".join(f"{name}: {quoted(value)}" for name, value in told.items()) + "}"
        with self._attached(whole, "whole", partition.kind, is_parquet=False):
            self._db.execute(_ARCHIVE.format(table=partition.kind, path=quoted_path(path), about=about))

    def _make(self, path: Path, partition: Partition, pages: Iterator[Page], as_of: Instant | None) -> Made:
        shape, db = shape_of(partition), self._db
        db.execute(shape.clear)
        for page in pages:
            db.execute(shape.stage, [[one[0] for one in page], [one[2] for one in page]])
        db.execute(_NEW.format(path=quoted_path(path)))
        try:
            with _transaction(db):
                self._fill(shape, partition, as_of)
            made = _made(db, shape, "made")
        finally:
            db.execute("USE memory")
            db.execute("DETACH made")
            db.execute(shape.clear)
        return made

    def _fill(self, shape: Shape, partition: Partition, as_of: Instant | None) -> None:
        """Write the tables of the new file, a few symbols at a time: what is put in order then stays in memory."""
        db = self._db
        db.execute("USE made")
        db.execute(script(*FOLDER, f"{shape.table}.sql"))
        db.execute(script(*FOLDER, "schema_version.sql"))
        db.execute("USE memory")
        about = (partition.exchange, partition.kind, partition.timeframe, partition.session, partition.zone)
        db.execute(_ABOUT, [SCHEMA_VERSION, *about, partition.events, partition.last_position])
        told = {"until": _local(as_of, partition.zone), **shape.named(partition.timeframe)}
        staged: list[tuple[str, int]] = db.execute(shape.staged).fetchall()
        for first, last in _spans(staged):
            some = {"first": first, "last": last}
            fill = shape.fill if _is_plain(db, shape, some) else shape.choose
            db.execute(fill, some | told)

    def look(self, path: Path, partition: Partition) -> Made:
        """Read all rows of a day file; raises Unreadable when DuckDB cannot, or when it is another's."""
        with self._attached(path, "found", partition.kind, is_parquet=is_archived(partition.path)):
            expected = (SCHEMA_VERSION, partition.kind, partition.timeframe, partition.exchange, partition.session)
            said = self._db.execute(_VERSION.format(name="found")).fetchall()
            if said != [expected]:
                raise Unreadable(f"it says of itself {said}, expected {expected}")
            return _made(self._db, shape_of(partition), "found")

    def differences(self, expected: Path, found: Path, partition: Partition, limit: int) -> list[str]:
        """What differs in the rows of two day files."""
        form = is_archived(partition.path)
        with (
            self._attached(expected, "expected", partition.kind, is_parquet=form),
            self._attached(found, "found", partition.kind, is_parquet=form),
        ):
            rows = self._db.execute(shape_of(partition).compare, [limit]).fetchall()
        return [str(_Row(*row)) for row in rows] or ["the rows are not stored as they were written"]

    def _attached(self, path: Path, name: str, table: str, *, is_parquet: bool) -> AbstractContextManager[None]:
        return attached(self._db, name, lambda: attach(self._db, path, name, table, is_parquet=is_parquet))


@contextmanager
def attached(db: DuckDBPyConnection, name: str, attach_it: Callable[[], object]) -> Iterator[None]:
    """A file of a partition under a name, for a while; raises Unreadable for whatever DuckDB finds wrong with it."""
    import duckdb  # noqa: PLC0415  as above

    try:
        attach_it()
        try:
            yield
        finally:
            db.execute(f"DETACH {name}")
    except duckdb.Error as error:
        raise Unreadable(str(error).partition("\n")[0]) from error


@contextmanager
def _transaction(db: DuckDBPyConnection) -> Iterator[None]:
    db.execute("BEGIN")
    try:
        yield
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def is_archived(path: str) -> bool:
    """Whether the file of a partition with this path is a Parquet file."""
    return path.endswith(ARCHIVED)


def attach(db: DuckDBPyConnection, path: Path, name: str, table: str, *, is_parquet: bool) -> None:
    """Have DuckDB know a day file of either form by a name, with `table` and `schema_version` in it. Raises duckdb.Error."""
    if not is_parquet:
        db.execute(_OLD.format(path=quoted_path(path), name=name))
        return
    db.execute(f"ATTACH ':memory:' AS {name}")
    try:
        for file in (f"archived_{table}.sql", "archived_version.sql"):
            db.execute(script(*FOLDER, file).format(name=name, path=quoted_path(path)))
    except BaseException:
        db.execute(f"DETACH {name}")
        raise


def shape_of(partition: Partition) -> Shape:
    """The tables of a partition's file."""
    return TICKS if partition.kind == "ticks" else CANDLES


def _is_plain(db: DuckDBPyConnection, shape: Shape, some: dict[str, str]) -> bool:
    row = db.execute(shape.is_plain, some).fetchone()
    assert row is not None
    return bool(row[0])


def _made(db: DuckDBPyConnection, shape: Shape, name: str) -> Made:
    """Rows and digest of an attached file: SHA-256 of the digests of its parts, a few of them at a time to stay in memory."""
    found: list[tuple[str, int, int]] = db.execute(shape.parts.replace("{file}", name)).fetchall()
    counted = [((symbol, part), rows) for symbol, part, rows in found]
    whole = hashlib.sha256()
    for first, last in _spans(counted):
        told = {"first": first[0], "first_part": first[1], "last": last[0], "last_part": last[1]}
        for (part,) in db.execute(shape.digest.replace("{file}", name), told).fetchall():
            whole.update(part.encode())
    return Made(sum(rows for _, rows in counted), whole.hexdigest())


def _spans(counted: Sequence[tuple[Key, int]]) -> Iterator[tuple[Key, Key]]:
    """The first and the last of as many keys as have about DIGEST_ROWS rows."""
    rows, some = 0, list[Key]()
    for key, count in counted:
        some.append(key)
        rows += count
        if rows >= DIGEST_ROWS:
            yield some[0], some[-1]
            rows, some = 0, []
    if some:
        yield some[0], some[-1]


def _local(as_of: Instant | None, name: str) -> Any:  # a naive datetime of the exchange's clocks, or nothing
    if as_of is None:
        return None
    return datetime.fromisoformat(as_of).astimezone(zone(name)).replace(tzinfo=None)


@contextmanager
def _maker(workers: int) -> Iterator[MarketMaker]:
    # One alone may have what several share: large days are made in half the time.
    with engine(memory="192MB", threads=2) if workers == 1 else engine() as db:
        yield MarketMaker(db)


FILES = PartitionedFiles(SCHEMA_VERSION, 3, (".duckdb", ARCHIVED), _maker)
