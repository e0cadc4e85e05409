"""Two folders take each other's names at once, where the system can do that."""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from pathlib import Path

_NOT_HERE = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP)
_SWAP = 2  # RENAME_EXCHANGE of Linux, RENAME_SWAP of macOS
_AT_FDCWD = -100


def exchange(one: Path, other: Path) -> None:
    """Exchange two folders of one disk. Where the kernel cannot do it in one step, three renames do: a kill between them
    leaves both folders whole, one of them under a name that ends with `.exchanging`.
    """
    if not _at_once(one, other):
        between = one.with_name(f"{one.name}.exchanging")
        one.rename(between)
        other.rename(one)
        between.rename(other)


def _at_once(one: Path, other: Path) -> bool:
    libc = ctypes.CDLL(None, use_errno=True)
    names = (os.fsencode(one), os.fsencode(other))
    if sys.platform == "linux" and hasattr(libc, "renameat2"):
        failed = libc.renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _SWAP)
    elif sys.platform == "darwin" and hasattr(libc, "renamex_np"):
        failed = libc.renamex_np(*names, _SWAP)
    else:
        return False
    if failed and ctypes.get_errno() not in _NOT_HERE:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(one))
    return not failed
