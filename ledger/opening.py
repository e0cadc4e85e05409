"""Finding, making and recognising the ledger of a home."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from domain.errors import HomeBusy, HomeError
from ledger.durable import make_folder
from ledger.failures import translated
from ledger.lock import WriterLock
from ledger.recorder import CONNECTION_PRAGMAS, FILE_PRAGMAS, LedgerDatastore, set_pragmas
from migrations.runner import migrate_ledger

FILE = "ledger.db"

_UNFINISHED_MAX = 1 << 20
# How long another process may take to make a ledger, from nothing to its newest schema.
_MAKING_S, _LOOK_S = 5.0, 0.02

_TABLES = "SELECT name FROM sqlite_schema WHERE type = 'table'"
_COLUMNS = "SELECT name FROM pragma_table_info('stored_events')"
_OURS = ["rowid", "originator_id", "originator_version", "topic", "state", "recorded_at", "source", "hash"]


def open_datastore(
    home: Path, *, create: bool, write: bool, command: str, page_max: int | None
) -> tuple[Path, LedgerDatastore, WriterLock | None]:
    """The file, its connections, and the lock when it is opened for writing."""
    path = home.absolute() / FILE
    try:
        usable = _is_ours(path)
        if not (usable or create):
            raise _missing(home)
        lock = _prepared(path, command) if write else None
        if not (usable or write):
            _make(path, command)
    except OSError as error:
        said = f"{error.filename or home}: {error.strerror}"
        raise HomeError(said, hint="Choose another --home, or mend the permissions of this one.") from error
    return path, LedgerDatastore(uri(path, write=write), read_only=not write, page_max=page_max), lock


def _missing(home: Path) -> HomeError:
    return HomeError(f"there is no ledger in {home}", hint="Name the home with --home, or begin one: cli replay SOURCE")


def uri(path: Path, *, write: bool) -> str:
    """How SQLite is asked for the file: it never makes one, and a reader never changes one."""
    mode = "rw" if write else "ro"
    # Readers need the index of the WAL beside the file; where nobody can make one, nobody writes either.
    frozen = not write and not os.access(path.parent, os.W_OK) and not path.with_name(f"{FILE}-shm").exists()
    return f"{path.as_uri()}?mode={mode}{'&immutable=1' if frozen else ''}"


def _make(path: Path, command: str) -> None:
    """Make the file for somebody who only reads; who is just making it, or has made it by now, may go on writing to it."""
    until = time.monotonic() + _MAKING_S
    while not _is_ours(path):
        try:
            _prepared(path, command).release()
        except HomeBusy:
            if time.monotonic() >= until:
                raise
            time.sleep(_LOOK_S)


def _prepared(path: Path, command: str) -> WriterLock:
    """Take the lock; then make the file, or finish making it, and bring its schema up to date."""
    make_folder(path.parent)
    lock = WriterLock(path.parent, command)
    try:
        _make_file(path)
        name = uri(path, write=True)
        with translated(path), closing(sqlite3.connect(name, uri=True, isolation_level=None)) as connection:
            set_pragmas(connection, FILE_PRAGMAS | CONNECTION_PRAGMAS)
            migrate_ledger(connection)
    except BaseException:
        lock.release()
        raise
    return lock


def _make_file(path: Path) -> None:
    """Make an empty file, if there is none. One that is there is not opened: to close it would end all locks of this process
    on it, those of SQLite for its other connections as well, and the next program that ends would take the -wal from them.
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        if not os.access(path, os.R_OK | os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path)) from None


def _is_ours(path: Path) -> bool:
    """Whether the file is a ledger; False when it is missing or was never finished. Raises HomeError for another's.

    Looks without leaving a trace first: a legacy system has a ledger.db as well, and even reading a database in WAL
    mode puts files beside it.
    """
    if not path.exists():
        return False
    try:
        found = _look(f"{path.as_uri()}?mode=ro&immutable=1")
    except sqlite3.DatabaseError:
        found = _EMPTY  # perhaps a checkpoint at this very moment, perhaps damage: the second look will tell
    if found == _EMPTY:
        with translated(path):
            found = _look_again(path)
    if found.columns == _OURS:
        return True
    if found.tables and found.tables != ["_sqlite_migrations"]:
        raise HomeError(
            f"{path} is not a Daybook ledger",
            hint="A home is a folder of its own: choose another --home, not the folder of a legacy system.",
        )
    return False


class _Found(NamedTuple):
    tables: list[str]
    columns: list[str]


_EMPTY = _Found([], [])


def _look_again(path: Path) -> _Found:
    """Look with what stands in the -wal; where a power cut has left a journal, at a copy that is rolled back."""
    try:
        return _look(f"{path.as_uri()}?mode=ro")
    except sqlite3.OperationalError:
        # Making a ledger ends in WAL mode: one that was never finished is small, and a large one is somebody else's.
        if path.stat().st_size > _UNFINISHED_MAX:
            raise
    journal = path.with_name(f"{FILE}-journal")
    with TemporaryDirectory() as folder:
        copy = Path(folder) / FILE
        shutil.copyfile(path, copy)
        try:
            shutil.copyfile(journal, copy.with_name(journal.name))
        except FileNotFoundError:  # there is none, or whoever makes the ledger has rolled it back by now
            return _look(f"{path.as_uri()}?mode=ro")
        return _look(f"{copy.as_uri()}?mode=rw")


def _look(name: str) -> _Found:
    with closing(sqlite3.connect(name, uri=True)) as connection:
        tables = [row[0] for row in connection.execute(_TABLES)]
        return _Found(tables, [row[0] for row in connection.execute(_COLUMNS)])
