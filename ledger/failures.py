"""What SQLite says when it fails, told so that a user can mend it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from eventsourcing.persistence import PersistenceError

from domain.errors import DiskFull, HomeBusy, LedgerError, StoreError, StreamConflict

_PRIMARY = 0xFF
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_ROOM_AT_LEAST = 1 << 20


@contextmanager
def translated(path: Path, bytes_needed: Callable[[], int] = lambda: 0) -> Iterator[None]:
    """Turn the errors of SQLite and of the library into those of the domain; what was to be written is counted then."""
    try:
        yield
    except (sqlite3.Error, PersistenceError) as error:
        raise told(error, path, bytes_needed()) from error


def told(error: Exception, path: Path, bytes_needed: int = 0) -> LedgerError:
    """The error in the user's words; whatever was being written is undone by then."""
    cause = _of_sqlite(error)
    code = getattr(cause, "sqlite_errorcode", 0)
    said = str(cause)
    primary = code & _PRIMARY
    if primary == sqlite3.SQLITE_FULL or (primary == sqlite3.SQLITE_IOERR and _little_room(path, bytes_needed)):
        return DiskFull(
            f"{path}: {_free(path):,} bytes are free, about {bytes_needed:,} are needed; nothing was appended",
            hint="Make room and run the same command again.",
        )
    if primary in _BUSY:
        return HomeBusy(
            f"{path} is locked by another program ({said})", hint="Close it and run the same command again."
        )
    if isinstance(cause, sqlite3.IntegrityError):
        return StreamConflict(
            f"{path}: {said}; nothing was appended",
            hint="Another program may have written. Run the same command again.",
        )
    return StoreError(
        f"{path}: {said}" + ("; nothing was appended" if bytes_needed else ""),
        hint="Run: cli verify ledger. If the file is damaged, restore a back-up.",
    )


def _of_sqlite(error: BaseException) -> BaseException:
    """The library wraps what sqlite3 raised, sometimes twice."""
    while not isinstance(error, sqlite3.Error) and error.__cause__ is not None:
        error = error.__cause__
    return error


def _free(path: Path) -> int:
    """Bytes that this user can still write beside the file."""
    room = os.statvfs(path.parent)
    return room.f_bavail * room.f_frsize


def _little_room(path: Path, bytes_needed: int) -> bool:
    """Whether a failed write is explained by the disk: an event is written twice, to the WAL and to the file."""
    return _free(path) < max(2 * bytes_needed, _ROOM_AT_LEAST)
