"""The raw limits: what SQLite and SHA-256 alone need for the same bytes, in the same place, with the same safety."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import apsw

from benchmarks.measuring import timed
from benchmarks.samples import symbol_of
from ledger.log import open_log
from ledger.recorder import CONNECTION_PRAGMAS, set_pragmas
from migrations.runner import read_model_script

BATCH = 10_000
SQLITE_PAGE_BYTES = 4_096
EVENT = "rowid, originator_id, originator_version, topic, state, recorded_at, source, hash"
_INSERT_EVENT = f"INSERT INTO stored_events ({EVENT}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_BAR = "date, open_price, high_price, low_price, close_price, volume, source, created_at"
_COPY_BARS = f"INSERT INTO daily_prices (symbol, {_BAR}) SELECT ?, {_BAR} FROM legacy.daily_prices"

# Rows of whichever table is measured.
Rows = Sequence[tuple[Any, ...]]


@contextmanager
def fresh(folder: Path) -> Iterator[Path]:
    """An empty folder that is gone afterwards."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def empty_model(folder: Path, name: str, *, page_bytes: int = SQLITE_PAGE_BYTES) -> Iterator[apsw.Connection]:
    """An empty read model, in WAL mode at NORMAL, in pages of the size that SQLite chooses."""
    with fresh(folder), closing(apsw.Connection(str(folder / f"{name}.db"))) as db:
        db.execute(f"PRAGMA page_size = {page_bytes}; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL")
        db.execute("PRAGMA cache_size = -64000")
        db.execute(read_model_script(name))
        yield db


@contextmanager
def empty_log(folder: Path) -> Iterator[sqlite3.Connection]:
    """An empty ledger.db with its triggers and indexes, at FULL, opened without any of our code between."""
    with fresh(folder):
        with open_log(folder, create=True, write=True) as log:
            path = log.path
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            set_pragmas(db, CONNECTION_PRAGMAS)
            yield db


def attach_copy(source: Path, folder: Path, *, page_bytes: int = SQLITE_PAGE_BYTES) -> float:
    """Copy all price files into one history.db, one ATTACHed file after the other."""
    files = sorted((source / "history").glob("*.db"))
    with empty_model(folder, "history", page_bytes=page_bytes) as db:

        def copy() -> None:
            for file in files:
                db.execute("ATTACH ? AS legacy", (str(file),))
                db.execute(_COPY_BARS, (symbol_of(file),))
                db.execute("DETACH legacy")

        return timed(copy)


def events_of(home: Path) -> Rows:
    """All rows of a ledger."""
    with closing(sqlite3.connect(home / "ledger.db")) as db:
        return db.execute(f"SELECT {EVENT} FROM stored_events ORDER BY rowid").fetchall()


def insert_events(events: Rows, folder: Path) -> float:
    """Put finished rows into an empty ledger, 10,000 in a transaction."""
    with empty_log(folder) as db:

        def insert() -> None:
            for start in range(0, len(events), BATCH):
                db.execute("BEGIN IMMEDIATE")
                db.executemany(_INSERT_EVENT, events[start : start + BATCH])
                db.execute("COMMIT")

        return timed(insert)


def insert_singly(events: Rows, folder: Path) -> float:
    """Put finished rows into an empty ledger, each in a transaction of its own."""
    with empty_log(folder) as db:

        def insert() -> None:
            for event in events:
                db.execute("BEGIN IMMEDIATE")
                db.execute(_INSERT_EVENT, event)
                db.execute("COMMIT")

        return timed(insert)


def rows_of(home: Path, model: str, table: str) -> Rows:
    """All rows of a table of a read model."""
    with closing(apsw.Connection(str(home / f"{model}.db"), flags=apsw.SQLITE_OPEN_READONLY)) as db:
        found: Rows = db.execute(f"SELECT * FROM {table}").fetchall()
        return found


def insert_rows(rows: Rows, model: str, table: str, folder: Path) -> float:
    """Put finished rows into an empty read model, 10,000 in a transaction."""
    insert = f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})"
    with empty_model(folder, model) as db:

        def fill() -> None:
            for start in range(0, len(rows), BATCH):
                with db:
                    db.executemany(insert, rows[start : start + BATCH])

        return timed(fill)


def hash_file(path: Path) -> float:
    """SHA-256 over the bytes of the file."""
    with path.open("rb") as file:
        return timed(lambda: hashlib.file_digest(file, "sha256"))


def hash_rows(path: Path) -> float:
    """One SHA-256 over the texts of all events, read in order by SQLite and joined by nothing."""
    with closing(sqlite3.connect(path)) as db:

        def digest() -> None:
            found = hashlib.sha256()
            for state, source in db.execute("SELECT state, source FROM stored_events ORDER BY rowid"):
                found.update(state.encode())
                found.update(source.encode() if source else b"")

        return timed(digest)
