"""One writer at a time: a lock that the kernel holds, so that it ends with its process however that ends."""

from __future__ import annotations

import fcntl
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from domain.errors import HomeBusy
from domain.moments import instant

FILE = "ledger.lock"


class WriterLock:
    """The right to write to a home, held from construction to `release`; raises HomeBusy when another has it.

    The file says who holds the lock and is never deleted: a second file of the same name would be a second lock.
    """

    def __init__(self, home: Path, command: str = "") -> None:
        path = home / FILE
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = _holder(os.pread(self._file, 1000, 0))
            os.close(self._file)
            raise HomeBusy(
                f"{home} is being written to by {holder}",
                hint="Wait until it is done, or stop it. Reading is possible now.",
            ) from error
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


def _holder(line: bytes) -> str:
    """Who wrote the line; its writer may just have taken the lock and not have written yet."""
    parts = line.decode(errors="replace").strip().split("\t")
    if len(parts) != 3:
        return "another process"
    pid, since, command = parts
    return f"process {pid} ({command}) since {since}"
