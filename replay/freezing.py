"""Frozen copies of the legacy files: replay reads these, so that nothing changes under it.

A file that no other process has open is copied together with its -wal or -journal, and the copy is opened: SQLite creates
-shm and -wal beside a WAL database even when it is opened read-only, and the legacy folder must stay as it is. A file that
is open elsewhere is copied by SQLite's online backup, which takes part in the locking of its owner.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import struct
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import apsw
import msgspec

from domain.errors import DiskFull, LedgerError, SourceError
from replay.reading import damage, open_frozen
from replay.sources import Found

_LOCK_BYTES = (0x40000000, 512)
# Those of them that keep readers out: a transaction that has not begun to commit holds only the byte between the two.
_COMMIT_BYTES = ((0x40000000, 1), (0x40000002, 510))
_SHM_LOCK_BYTES = (120, 9)
_FLOCK = "hhqqi4x"
ATTEMPTS = 5
LOCK_WAIT_S = 5.0
# A change within this time of the one before may leave the time of the file as it was.
_TICK_S = 0.02

State = list[tuple[int, int, int, bytes]]
"""Of a file and those beside it: inode, size, time of the last change in nanoseconds, the first bytes."""


class Frozen(NamedTuple):
    """A frozen file: its name in the legacy folder, the copy, its SHA-256, its size in bytes, and how it was copied."""

    name: str
    path: Path
    sha256: str
    size: int
    method: str


class Failed(NamedTuple):
    """A file that could not be frozen as a whole, and why."""

    name: str
    reason: str


def freeze(
    files: Iterable[Found], into: Path, *, lock_wait_s: float = LOCK_WAIT_S
) -> tuple[list[Frozen], list[Failed]]:
    """Copy each file into the folder, check the copy, and write `manifest.json`; a file that fails is listed, not raised.

    Raises DiskFull when the copies do not fit.
    """
    frozen, failed = copies(files, into, lock_wait_s=lock_wait_s)
    write_manifest(into, frozen)
    return frozen, failed


def refreeze(
    files: Iterable[Found], into: Path, *, known: Mapping[str, Frozen], lock_wait_s: float
) -> tuple[list[Frozen], list[Failed]]:
    """Like `freeze` where earlier copies are known: only `files` are copied, all others are the earlier ones, by a link.

    Of a file that fails the earlier copy stands in as well, so the folder is whole if there is one.
    """
    frozen, failed = copies(files, into, lock_wait_s=lock_wait_s)
    copied = {one.name for one in frozen}
    frozen += [_linked(one, into / one.name) for name, one in known.items() if name not in copied]
    write_manifest(into, frozen)
    return frozen, failed


def _linked(one: Frozen, target: Path) -> Frozen:
    """The same frozen file in another folder. Nobody writes to frozen files, so both folders may have the same bytes."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        target.hardlink_to(one.path)
    except OSError:
        shutil.copyfile(one.path, target)
    return one._replace(path=target)


def copies(files: Iterable[Found], into: Path, *, lock_wait_s: float) -> tuple[list[Frozen], list[Failed]]:
    """The checked copies, without a manifest."""
    frozen, failed = [], []
    for file in files:
        target = into / file.name
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            method = _copy(file, target, lock_wait_s)
            _fold_in_sidecars(target)
            _check(target, indexes=file.name.startswith("history/"))
            frozen.append(Frozen(file.name, target, sha256_of(target), target.stat().st_size, method))
        except SourceError as error:
            failed.append(Failed(file.name, error.message))
        except apsw.Error as error:
            failed.append(Failed(file.name, f"cannot be read: {error}"))
        except OSError as error:
            if error.errno in (28, 122):
                raise _no_room(into, files) from error
            failed.append(Failed(file.name, f"cannot be read: {error.strerror}"))
    return frozen, failed


def write_manifest(folder: Path, frozen: Iterable[Frozen]) -> None:
    """Name, size and SHA-256 of each copy, as JSON beside them."""
    entries = {one.name: {"sha256": one.sha256, "bytes": one.size, "copied_by": one.method} for one in frozen}
    (folder / "manifest.json").write_bytes(msgspec.json.format(msgspec.json.encode(entries), indent=1))


def _no_room(into: Path, files: Iterable[Found]) -> LedgerError:
    needed = sum(file.path.stat().st_size for file in files)
    free = shutil.disk_usage(into).free
    return DiskFull(
        f"{into}: no room for the frozen copies: {needed:,} bytes are needed, {free:,} are free",
        hint="Nothing was appended. Make room and replay again.",
    )


def _copy(file: Found, target: Path, lock_wait_s: float) -> str:
    deadline = time.monotonic() + lock_wait_s
    while any(_other_lock(file.path, fcntl.F_RDLCK, *span) for span in _COMMIT_BYTES):
        if time.monotonic() > deadline:
            raise SourceError(f"is locked for writing by another process (waited {lock_wait_s:g} s)")
        time.sleep(0.05)
    if _other_lock(file.path, fcntl.F_WRLCK, *_LOCK_BYTES) or _held_shm(file.path):
        _back_up(file.path, target, lock_wait_s)
        return "backup"
    for _ in range(ATTEMPTS):
        before = state_of(file.path)
        _let_the_clock_tick(before)
        _copy_with_sidecars(file.path, target)
        if state_of(file.path) == before:
            return "copy"
    raise SourceError(f"changed while it was being read, {ATTEMPTS} times in a row")


def _let_the_clock_tick(state: State) -> None:
    """Wait until a change would show in the time of the file."""
    newest = max(modified for _, _, modified, _ in state) / 1e9
    time.sleep(min(_TICK_S, max(0.0, newest + _TICK_S - time.time())))


def state_of(path: Path, *, journal: bool = True) -> State:
    """What changes when a file or its -wal is written to: identity, size, time, the head with its change counter."""
    seen = []
    for part in (path, *_sidecars(path)):
        if part.name.endswith("-journal") and not journal:
            continue
        status = part.stat()
        with part.open("rb") as file:
            seen.append((status.st_ino, status.st_size, status.st_mtime_ns, file.read(100)))
    return seen


def _sidecars(path: Path) -> list[Path]:
    names = (path.with_name(path.name + suffix) for suffix in ("-wal", "-journal"))
    return [name for name in names if name.exists()]


def _copy_with_sidecars(path: Path, target: Path) -> None:
    for suffix in ("-wal", "-shm", "-journal"):
        target.with_name(target.name + suffix).unlink(missing_ok=True)
    shutil.copyfile(path, target)
    for part in _sidecars(path):
        shutil.copyfile(part, target.with_name(target.name + part.name.removeprefix(path.name)))


def _held_shm(path: Path) -> bool:
    shm = path.with_name(path.name + "-shm")
    return shm.exists() and _other_lock(shm, fcntl.F_WRLCK, *_SHM_LOCK_BYTES)


def _other_lock(path: Path, kind: int, start: int, length: int) -> bool:
    """Whether another process holds a lock on these bytes that a lock of this kind would meet."""
    with path.open("rb") as file:
        asked = struct.pack(_FLOCK, kind, os.SEEK_SET, start, length, 0)
        answer = fcntl.fcntl(file, fcntl.F_GETLK, asked)
        return bool(struct.unpack(_FLOCK, answer)[0] != fcntl.F_UNLCK)


def _back_up(path: Path, target: Path, lock_wait_s: float) -> None:
    target.unlink(missing_ok=True)
    source = apsw.Connection(
        path.absolute().as_uri() + "?mode=ro", flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
    )
    copy = apsw.Connection(str(target))
    try:
        source.set_busy_timeout(int(lock_wait_s * 1000))
        source.execute("BEGIN; SELECT count(*) FROM sqlite_schema")
        with copy.backup("main", source, "main") as backup:
            while not backup.done:
                backup.step(4096)
    except apsw.BusyError as error:
        raise SourceError(f"is locked for writing by another process (waited {lock_wait_s:g} s)") from error
    finally:
        copy.close()
        source.close()


def _fold_in_sidecars(target: Path) -> None:
    """Bring what sits in the copied -wal or -journal into the copy itself, so that one file remains."""
    if _sidecars(target):
        db = apsw.Connection(str(target))
        try:
            db.execute("PRAGMA journal_mode = DELETE").fetchall()
        finally:
            db.close()
    for suffix in ("-wal", "-shm", "-journal"):
        target.with_name(target.name + suffix).unlink(missing_ok=True)


def _check(target: Path, *, indexes: bool) -> None:
    if target.stat().st_size == 0:
        return
    db = open_frozen(target)
    try:
        found = damage(db, indexes=indexes)
    except apsw.NotADBError as error:
        raise SourceError("is not an SQLite database: damaged, encrypted or something else") from error
    except apsw.Error as error:
        raise SourceError(f"is damaged: {error}") from error
    finally:
        db.close()
    if found:
        raise SourceError(f"is damaged: {found}")


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
