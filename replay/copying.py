"""Copying a file that another process may write to: what changes when it does, and which locks it holds."""

from __future__ import annotations

import fcntl
import os
import shutil
import struct
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from domain.errors import SourceError

_FLOCK = "hhqqi4x"
ATTEMPTS = 5
# A change within this time of the one before may leave the time of the file as it was.
_TICK_S = 0.02
_BESIDE = ("-wal", "-journal", ".wal")

State = list[tuple[int, int, int, bytes]]
"""Of a file and those beside it: inode, size, time of the last change in nanoseconds, the first bytes."""


class Holder(NamedTuple):
    """The process that holds a lock: its number, 0 when the system does not say, and its name, empty likewise."""

    pid: int
    name: str

    def __str__(self) -> str:
        return f"process {self.pid}{f' ({self.name})' if self.name else ''}" if self.pid else "another process"


def copy_unchanging(path: Path, target: Path) -> None:
    """Copy a file and those beside it, all of one moment; raises SourceError when it changes all the time."""
    for _ in range(ATTEMPTS):
        before = state_of(path)
        _let_the_clock_tick(before)
        _copy_with_sidecars(path, target)
        if state_of(path) == before:
            return
    raise SourceError(f"changed while it was being read, {ATTEMPTS} times in a row")


def _let_the_clock_tick(state: State) -> None:
    """Wait until a change would show in the time of the file."""
    newest = max(modified for _, _, modified, _ in state) / 1e9
    time.sleep(min(_TICK_S, max(0.0, newest + _TICK_S - time.time())))


def state_of(path: Path, *, journal: bool = True) -> State:
    """What changes when a file or its -wal is written to: identity, size, time, the head with its change counter."""
    seen = []
    for part in (path, *sidecars(path)):
        if part.name.endswith("-journal") and not journal:
            continue
        try:
            status = part.stat()
            with part.open("rb") as file:
                seen.append((status.st_ino, status.st_size, status.st_mtime_ns, file.read(100)))
        except FileNotFoundError:
            if part == path:
                raise
            # A journal lives as long as a transaction: it may be gone since it was listed.
    return seen


def sidecars(path: Path) -> list[Path]:
    """The files beside it that hold a part of what it holds."""
    names = (path.with_name(path.name + suffix) for suffix in _BESIDE)
    return [name for name in names if name.exists()]


def _copy_with_sidecars(path: Path, target: Path) -> None:
    for suffix in (*_BESIDE, "-shm"):
        target.with_name(target.name + suffix).unlink(missing_ok=True)
    shutil.copyfile(path, target)
    for part in sidecars(path):
        with suppress(FileNotFoundError):  # gone since it was listed, so the file has changed as well
            shutil.copyfile(part, target.with_name(target.name + part.name.removeprefix(path.name)))


def is_locked(path: Path, kind: int, start: int, length: int) -> bool:
    """Whether another process holds a lock on these bytes that a lock of this kind would meet; length 0: to the end."""
    return holder(path, kind, start, length) is not None


def holder(path: Path, kind: int, start: int, length: int) -> Holder | None:
    """Who holds a lock on these bytes that a lock of this kind would meet."""
    with path.open("rb") as file:
        asked = struct.pack(_FLOCK, kind, os.SEEK_SET, start, length, 0)
        found, _, _, _, pid = struct.unpack(_FLOCK, fcntl.fcntl(file, fcntl.F_GETLK, asked))
    if found == fcntl.F_UNLCK:
        return None
    try:
        return Holder(pid, Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip())
    except OSError:
        return Holder(max(pid, 0), "")
