"""Frozen copies of the legacy files: replay reads these, so that nothing changes under it.

A file that no other process has open is copied together with its -wal or -journal, and the copy is opened: SQLite creates
-shm and -wal beside a WAL database even when it is opened read-only, and the legacy folder must stay as it is. A file that
is open elsewhere is copied by SQLite's online backup, which takes part in the locking of its owner.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import BinaryIO, NamedTuple

import apsw
import msgspec

from domain.errors import DiskFull, LedgerError, SourceError
from ledger.durable import sync, write_whole
from replay.copying import State, copy_unchanging, is_locked, sidecars, state_of
from replay.duck_image import SUFFIX as IMAGE
from replay.duck_image import copy_duckdb, is_duckdb, make_image
from replay.reading import Table, damage, open_frozen
from replay.sources import Found

__all__ = ["Failed", "Frozen", "State", "copies", "freeze", "refreeze", "sha256_of", "state_of", "write_manifest"]

_LOCK_BYTES = (0x40000000, 512)
_SHARED_BYTES = (0x40000002, 510)
# Those of them that keep readers out: a transaction that has not begun to commit holds only the byte between the two.
_COMMIT_BYTES = ((0x40000000, 1), _SHARED_BYTES)
_SHM_LOCK_BYTES = (120, 9)
LOCK_WAIT_S = 5.0


InPlace = Callable[[str, Table], bool]


def _nothing(_: str, __: Table) -> bool:
    return False


class Frozen(NamedTuple):
    """A frozen file: its name in the legacy folder, the copy, its SHA-256, its size in bytes, and how it was copied.

    image: of a file that is not SQLite's, the SQLite file made of the copy, which is read in its place.
    """

    name: str
    path: Path
    sha256: str
    size: int
    method: str
    image: Frozen | None = None

    @property
    def reading(self) -> Path:
        """The SQLite file with its rows."""
        return self.image.path if self.image else self.path

    def moved(self, folder: Path) -> Frozen:
        """The same, where it lies in another folder of frozen copies."""
        return self._replace(path=folder / self.name, image=self.image and self.image.moved(folder))

    @property
    def files(self) -> list[Frozen]:
        """The files that lie in the folder of frozen copies."""
        return [self, self.image] if self.image else [self]


def _finished(name: str, path: Path, method: str) -> Frozen:
    """A copy, safe on the disk."""
    sync(path)
    return Frozen(name, path, sha256_of(path), path.stat().st_size, method)


class Failed(NamedTuple):
    """A file that could not be frozen as a whole, and why."""

    name: str
    reason: str


def freeze(
    files: Iterable[Found], into: Path, *, in_place: InPlace = _nothing, lock_wait_s: float = LOCK_WAIT_S
) -> tuple[list[Frozen], list[Failed]]:
    """Copy each file into the folder, check the copy, and write `manifest.json`; a file that fails is listed, not raised.

    in_place: whether a table of a file that is not SQLite's is read in the copy itself, so that no image need hold its rows.

    Raises DiskFull when the copies do not fit.
    """
    frozen, failed = copies(files, into, in_place=in_place, lock_wait_s=lock_wait_s)
    write_manifest(into, frozen)
    return frozen, failed


def refreeze(
    files: Iterable[Found], into: Path, *, known: Mapping[str, Frozen], in_place: InPlace, lock_wait_s: float
) -> tuple[list[Frozen], list[Failed]]:
    """Like `freeze` where earlier copies are known: only `files` are copied, all others are the earlier ones, by a link.

    Of a file that fails the earlier copy stands in as well, so the folder is whole if there is one.
    """
    frozen, failed = copies(files, into, in_place=in_place, lock_wait_s=lock_wait_s)
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
    image = one.image and _linked(one.image, target.with_name(f"{target.name}{IMAGE}"))
    return one._replace(path=target, image=image)


def copies(
    files: Iterable[Found], into: Path, *, in_place: InPlace, lock_wait_s: float
) -> tuple[list[Frozen], list[Failed]]:
    """The checked copies, without a manifest."""
    frozen, failed = [], []
    for file in files:
        target = into / file.name
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            frozen.append(_frozen(file, target, in_place, lock_wait_s))
        except SourceError as error:
            failed.append(Failed(file.name, error.message))
        except apsw.Error as error:
            failed.append(Failed(file.name, f"cannot be read: {error}"))
        except OSError as error:
            if error.errno in (28, 122):
                raise _no_room(into, files) from error
            failed.append(Failed(file.name, f"cannot be read: {error.strerror}"))
    return frozen, failed


def _frozen(file: Found, target: Path, in_place: InPlace, lock_wait_s: float) -> Frozen:
    if is_duckdb(file.path):
        copy_duckdb(file.path, target, lock_wait_s)
        image = target.with_name(f"{target.name}{IMAGE}")
        make_image(target, image, in_place=partial(in_place, file.name))
        of_copy = _finished(f"{file.name}{IMAGE}", image, f"made of {file.name}")
        return _finished(file.name, target, "copy")._replace(image=of_copy)
    method = _copy(file, target, lock_wait_s)
    _fold_in_sidecars(target)
    _check(target, indexes=file.name.startswith("history/"))
    return _finished(file.name, target, method)


def write_manifest(folder: Path, frozen: Iterable[Frozen]) -> None:
    """Name, size and SHA-256 of each copy, as JSON beside them; a folder that has one is whole, after a power cut too."""
    files = [file for one in frozen for file in one.files]
    entries = {one.name: {"sha256": one.sha256, "bytes": one.size, "copied_by": one.method} for one in files}
    for one in (*(path for path in folder.rglob("*") if path.is_dir()), folder):
        sync(one)
    write_whole(folder / "manifest.json", msgspec.json.format(msgspec.json.encode(entries), indent=1))


def _no_room(into: Path, files: Iterable[Found]) -> LedgerError:
    needed = sum(file.path.stat().st_size for file in files)
    free = shutil.disk_usage(into).free
    return DiskFull(
        f"{into}: no room for the frozen copies: {needed:,} bytes are needed, {free:,} are free",
        hint="Nothing was appended. Make room and replay again.",
    )


def _copy(file: Found, target: Path, lock_wait_s: float) -> str:
    deadline = time.monotonic() + lock_wait_s
    while not (method := _copied(file.path, target, lock_wait_s)):
        if time.monotonic() > deadline:
            raise SourceError(f"is locked for writing by another process (waited {lock_wait_s:g} s)")
        time.sleep(0.05)
    return method


def _copied(path: Path, target: Path, lock_wait_s: float) -> str:
    """How the file was copied; empty when that cannot be done just now."""
    if any(is_locked(path, fcntl.F_RDLCK, *span) for span in _COMMIT_BYTES):
        return ""
    if not (is_locked(path, fcntl.F_WRLCK, *_LOCK_BYTES) or _held_shm(path)):
        copy_unchanging(path, target)
        return "copy"
    with path.open("rb") as file:
        if not _keeps_its_index(file, path):
            return ""
        _back_up(path, target, lock_wait_s)
        return "backup"


def _held_shm(path: Path) -> bool:
    try:
        return is_locked(path.with_name(path.name + "-shm"), fcntl.F_WRLCK, *_SHM_LOCK_BYTES)
    except FileNotFoundError:
        return False


def _keeps_its_index(file: BinaryIO, path: Path) -> bool:
    """Whether SQLite will make no -wal and no -shm when it reads the file; while our lock is held the last of the others to
    close it leaves them. Locks are the process's: to open and close the file once more before it is read would end ours.
    """
    start, length = _SHARED_BYTES
    try:
        fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB, length, start)
    except (BlockingIOError, PermissionError):
        return False
    is_wal = file.read(20)[18:] == b"\x02\x02"
    return not is_wal or path.with_name(path.name + "-shm").exists()


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
    if sidecars(target):
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
