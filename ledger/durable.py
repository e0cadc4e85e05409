"""Having files, and the names in folders, on the disk before anybody is told that they are there."""

from __future__ import annotations

import os
from pathlib import Path


def sync(path: Path) -> None:
    """Have the content of a file, or the names in a folder, on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_all(folder: Path) -> None:
    """Have a folder with everything in it on the disk; its own name is a matter of the folder above."""
    for path in (*folder.rglob("*"), folder):
        sync(path)


def make_folder(path: Path) -> None:
    """Make a folder, for its owner only, and those above it; they are there after a power cut as well."""
    missing = [one for one in (path, *path.parents) if not one.exists()]
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    for one in missing:
        sync(one.parent)


def write_whole(path: Path, content: bytes, *, mode: int = 0o666, anew: bool = False) -> None:
    """Write a small file: whenever the power is cut, it is as it was before or as it should be.

    mode: its permissions, less what the process masks. anew: raise FileExistsError when there is one, also when another
    process has just made it. Raises OSError, and then the file is as it was.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if anew:
            _name_anew(beside, path)
        else:
            beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    sync(path.parent)


def _name_anew(beside: Path, path: Path) -> None:
    """Give a file its name, unless there is one: a rename would replace it."""
    try:
        path.hardlink_to(beside)
    except FileExistsError:
        raise
    except OSError:  # a disk that has no links, such as a stick for keys
        beside.replace(path)
    else:
        beside.unlink()
