"""How read model files are opened: the pragmas of each profile."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import apsw

BUSY_MS = 30_000
CACHE_KIB = -64_000
READING_CACHE_KIB = -2_000
# Four times SQLite's usual size: prices are inserted a fifth faster. All read models share it, because SQLite's backup
# cannot copy into a WAL database of another page size.
PAGE_BYTES = 16_384


class Profile(NamedTuple):
    """What a database may lose in a power cut, and how it gives free pages back."""

    synchronous: str
    auto_vacuum: str


PROFILES = {"standard": Profile("NORMAL", "INCREMENTAL"), "cache": Profile("OFF", "FULL")}
_STORED_AS = {"OFF": 0, "NORMAL": 1, "NONE": 0, "FULL": 1, "INCREMENTAL": 2}


def open_live(path: Path, profile: str) -> apsw.Connection:
    """Open an existing read model for writing; never creates one."""
    db = _open(path, apsw.SQLITE_OPEN_READWRITE)
    try:
        _set(db, "synchronous", PROFILES[profile].synchronous)
        # A table scan touches the file, so that damage shows here and not in the middle of a batch.
        db.execute("SELECT count(*) FROM sqlite_master").fetchall()
        journal = db.pragma("journal_mode", "wal")
        assert journal == "wal", f"{path.name} cannot be put into WAL mode"
        db.pragma("wal_autocheckpoint", 1000)
    except BaseException:
        db.close()
        raise
    return db


def open_reading(path: Path) -> apsw.Connection:
    """Open an existing read model for reading. The file is not changed; SQLite may set -wal and -shm beside it."""
    db = _open(path, apsw.SQLITE_OPEN_READONLY)
    # A comparison sorts large tables: on disk, not in memory. Whoever reads a table once needs no cache of it.
    db.pragma("temp_store", "file")
    db.pragma("cache_size", READING_CACHE_KIB)
    return db


def open_building(path: Path, profile: str) -> apsw.Connection:
    """Open an empty file that is thrown away when anything fails: fast, without any safety."""
    db = _open(path, apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE)
    db.pragma("page_size", PAGE_BYTES)
    # Again, because SQLite has turned the size into a number of pages of the size before: four times too many.
    db.pragma("cache_size", CACHE_KIB)
    _set(db, "synchronous", "OFF")
    db.pragma("locking_mode", "exclusive")
    db.pragma("journal_mode", "off")
    # After those: it writes the first page, which would else be waited for on the disk.
    _set(db, "auto_vacuum", PROFILES[profile].auto_vacuum)
    return db


def _open(path: Path, flags: int) -> apsw.Connection:
    db = apsw.Connection(str(path), flags=flags)
    db.set_busy_timeout(BUSY_MS)
    db.pragma("foreign_keys", value=True)
    db.pragma("temp_store", "memory")
    db.pragma("cache_size", CACHE_KIB)
    return db


def _set(db: apsw.Connection, pragma: str, value: str) -> None:
    db.pragma(pragma, value)
    found = db.pragma(pragma)
    assert found == _STORED_AS[value], f"{pragma} is {found} after it was set to {value}"
