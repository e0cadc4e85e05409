"""What Python itself does to files while it makes a copy of a home: plain files, their syncs, and renames."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.faults import under_apsw, under_sqlite3
from tests.faults.disk import Disk


@contextmanager
def everything_watched(disk: Disk) -> Iterator[Disk]:
    """SQLite under both libraries, and the files that are written without it."""
    fsync, rename, unlink, copyfile = os.fsync, os.rename, os.unlink, shutil.copyfile

    def synced(file: int) -> None:
        path = Path(f"/proc/self/fd/{file}").readlink()
        _note_plain(disk)
        if path.is_dir() and path.is_relative_to(disk.folder):
            disk.note("sync-names", str(path))
        else:
            disk.note("sync", str(path))
        fsync(file)

    def renamed(old: Any, new: Any, **more: Any) -> None:  # whatever a path may be
        _note_plain(disk)
        target = Path(new).absolute()
        if target.is_relative_to(disk.folder):
            disk.note("rename", str(Path(old).absolute()), data=str(target.relative_to(disk.folder)).encode())
        rename(old, new, **more)

    def unlinked(path: Any, **more: Any) -> None:  # the same, here and below
        if not more:  # within a folder that is thrown away as a whole, nothing matters
            disk.note("delete", str(Path(path).absolute()))
        unlink(path, **more)

    def copied(old: Any, new: Any, **more: Any) -> Any:
        done = copyfile(old, new, **more)
        disk.note("write", str(Path(new).absolute()), 0, Path(new).read_bytes())
        return done

    with ExitStack() as stack:
        patches = stack.enter_context(pytest.MonkeyPatch.context())
        patches.setattr(os, "fsync", synced)
        patches.setattr(os, "rename", renamed)
        patches.setattr(os, "replace", renamed)
        patches.setattr(os, "unlink", unlinked)
        patches.setattr(shutil, "copyfile", copied)
        stack.enter_context(under_apsw.watched(disk))
        stack.enter_context(under_sqlite3.watched(disk))
        yield disk


def _note_plain(disk: Disk) -> None:
    """Plain files that are new; SQLite's own are seen as they are written."""
    seen = {op.file for op in disk.trace if op.kind == "write"} | disk.before.keys()
    renamed = [op.data.decode() for op in disk.trace if op.kind == "rename"]
    for path in disk.folder.rglob("*"):
        name = str(path.relative_to(disk.folder))
        is_moved = any(name == new or name.startswith(f"{new}/") for new in renamed)
        if path.is_file() and name not in seen and not is_moved and not name.endswith((".lock", "-shm")):
            disk.note("write", str(path), 0, path.read_bytes())
