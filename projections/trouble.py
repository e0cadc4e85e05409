"""What SQLite says when a read model cannot be written or read, in the words of the user."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from domain.errors import DiskFull, HomeBusy, StoreError

# A file that SQLite cannot make sense of; a read model is then derived again.
DAMAGED = (apsw.CorruptError, apsw.NotADBError)
# Nothing that an event could be blamed for.
STORAGE = (*DAMAGED, apsw.FullError, apsw.IOError, apsw.BusyError, apsw.CantOpenError, apsw.ReadOnlyError)


@contextmanager
def explained(path: Path, *, bytes_needed: int = 0) -> Iterator[None]:
    """Turn what the storage cannot do into errors that say what to do; damage passes, for the caller to mend."""
    try:
        yield
    except apsw.FullError as error:
        free = shutil.disk_usage(path.parent).free
        needed = f"; about {bytes_needed:,} are needed" if bytes_needed else ""
        raise DiskFull(
            f"{path.name}: the disk is full, {free:,} bytes are free{needed}. What was being written was undone.",
            hint=f"Free space on the disk of {path.parent} and run the same command again.",
        ) from error
    except apsw.BusyError as error:
        raise HomeBusy(
            f"{path.name} is in use by another program, which does not let go of it",
            hint="Close programs that have the file open for writing, then try again.",
        ) from error
    except (apsw.IOError, apsw.CantOpenError, apsw.ReadOnlyError, OSError) as error:
        raise StoreError(
            f"{path.name} cannot be written or read: {error}", hint=f"Look at the rights and the disk of {path.parent}."
        ) from error
