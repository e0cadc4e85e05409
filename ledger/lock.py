"""One writer at a time: a lock that the kernel holds, so that it ends with its process however that ends."""

from __future__ import annotations

import fcntl
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from domain.errors import HomeBusy
from domain.moments import instant

FILE = "ledger.lock"

# How long a holder may take to write who it is, and how long the helper of one that was killed may take to finish the
# append that it is at (see appending).
_UNSAID_S, _ORPHAN_S, _LOOK_S = 0.5, 5.0, 0.02


class WriterLock:
    """The right to write to a home, held from construction to `release`; raises HomeBusy when another has it.

    The file says who holds the lock and is never deleted: a second file of the same name would be a second lock.
    """

    def __init__(self, home: Path, command: str = "", *, file: str = FILE) -> None:
        path = home / file
        self._file = _locked(path)
        # A home that was replaced between the opening and the locking: the lock is that of the old one, which lies aside.
        while not _is_of(self._file, path):
            os.close(self._file)
            self._file = _locked(path)
        # One line, whatever the command holds.
        said = " ".join((command or Path(sys.argv[0]).name or "daybook").split())[:500]
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\t{instant(datetime.now(UTC))}\t{said}\n".encode(errors="replace"), 0)

    def release(self) -> None:
        """Let the next one write; releasing twice does no harm."""
        if self._file >= 0:
            os.ftruncate(self._file, 0)
            os.close(self._file)
            self._file = -1

    def fileno(self) -> int:
        """The file that is locked, for a process that shares the lock: it is held while either has the file open."""
        return self._file


def lock_within(seconds: float, folder: Path, *, file: str = FILE) -> WriterLock:
    """Take the lock as soon as it is free; raises HomeBusy when it is not after some seconds."""
    until = time.monotonic() + seconds
    while True:
        try:
            return WriterLock(folder, file=file)
        except HomeBusy:
            if time.monotonic() >= until:
                raise
            time.sleep(_LOOK_S)


def is_written_to(home: Path) -> bool:
    """Whether somebody has the right to write to a home at this moment; looking keeps nobody from taking it."""
    return holder_of(home / FILE) is not None


def holder_of(path: Path) -> str | None:
    """Who holds the lock of this file now; None when nobody does, or it was never taken."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)  # let go of at once, with the file
    except BlockingIOError:
        return _holder(_said(file))
    else:
        return None
    finally:
        os.close(file)


class SharedLock:
    """The lock of the process that started this one, by the descriptor that was inherited from it."""

    def __init__(self, file: int) -> None:
        self._file = file

    def release(self) -> None:
        """Hold it no longer; who holds it stays written, since that one may go on."""
        os.close(self._file)


def _locked(path: Path) -> int:
    """The file, open and locked."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _take(file)
    except BlockingIOError as error:
        holder = _holder(_said(file))
        os.close(file)
        raise HomeBusy(
            f"{path.parent} is being written to by {holder}",
            hint="Wait until it is done, or stop it. Reading is possible now.",
        ) from error
    return file


def _is_of(file: int, path: Path) -> bool:
    """Whether the open file is the one that has this name now."""
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except FileNotFoundError:
        return False


def _take(file: int) -> None:
    """Lock the file; waits a moment for a holder that has just come, or that is gone and has a helper which must end."""
    begin = time.monotonic()
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() - begin > _patience(_said(file)):
                raise
            time.sleep(_LOOK_S)
        else:
            return


def _said(file: int) -> list[str]:
    """Process id, time and command of the holder; it may just have taken the lock and not have written yet."""
    return os.pread(file, 1000, 0).decode(errors="replace").strip().split("\t")


def _holder(said: list[str]) -> str:
    if len(said) != 3:
        return "another process"
    pid, since, command = said
    return f"process {pid} ({command}) since {since}"


def _patience(said: list[str]) -> float:
    if not said[0].isdecimal():
        return _UNSAID_S
    try:
        os.kill(int(said[0]), 0)
    except ProcessLookupError:
        return _ORPHAN_S
    except OSError:
        pass
    # Once more: who only looks holds the lock for a moment, and what is written may be of a holder that was killed and whose
    # number another process has now.
    return _LOOK_S
