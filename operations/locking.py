"""A lock on a file that says who holds it, and that the kernel frees however its holder ends."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from domain.errors import HomeBusy
from domain.moments import instant


@contextmanager
def held(path: Path, command: str, what: str) -> Iterator[None]:
    """Hold the lock; raises HomeBusy, which says `what` is done by which process, when another holds it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            said = os.pread(descriptor, 500, 0).decode(errors="replace").split("\t")
            holder = (
                f"process {said[0]} (cli {said[2].strip()}) since {said[1]}" if len(said) == 3 else "another process"
            )
            raise HomeBusy(f"{what} by {holder}", hint="Wait until it is done, or stop it.") from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\t{instant(datetime.now(UTC))}\t{command}\n".encode(), 0)
        yield
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)
