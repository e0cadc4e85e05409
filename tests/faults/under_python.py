"""What Python itself does to files: plain files, their syncs, and their names."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from operations import exchanging
from tests.faults import under_apsw, under_sqlite3
from tests.faults.disk import Disk


@contextmanager
def everything_watched(disk: Disk) -> Iterator[Disk]:
    """SQLite under both libraries, and the files that are written without it."""
    with ExitStack() as stack:
        patches = stack.enter_context(pytest.MonkeyPatch.context())
        for module, name, watched in (
            (os, "fsync", _syncing), (os, "mkdir", _making), (os, "rename", _renaming), (os, "replace", _renaming),
            (os, "link", _linking), (os, "unlink", _removing), (shutil, "copyfile", _copying),
            (exchanging, "_at_once", _exchanging),
        ):  # fmt: skip
            patches.setattr(module, name, watched(disk, getattr(module, name)))
        stack.enter_context(under_apsw.watched(disk))
        stack.enter_context(under_sqlite3.watched(disk))
        yield disk


# Any: whatever a path may be, here and below.
Call = Callable[..., Any]


def _fail(disk: Disk, kind: str, path: Any) -> None:
    """No room, when the disk is to be full by now."""
    if Path(path).absolute().is_relative_to(disk.folder) and disk.fails(kind):
        raise OSError(disk.fail_errno, os.strerror(disk.fail_errno), str(path))


def _syncing(disk: Disk, fsync: Call) -> Call:
    def synced(file: int) -> None:
        path = Path(f"/proc/self/fd/{file}").readlink()
        if path.is_relative_to(disk.folder):
            _fail(disk, "sync", path)
            disk.look()
            disk.note_sync(path)
        fsync(file)

    return synced


def _making(disk: Disk, mkdir: Call) -> Call:
    def made(path: Any, *rest: Any, **more: Any) -> None:
        _fail(disk, "mkdir", path)
        mkdir(path, *rest, **more)
        if Path(path).absolute().is_relative_to(disk.folder):
            disk.look()

    return made


def _renaming(disk: Disk, rename: Call) -> Call:
    def renamed(old: Any, new: Any) -> None:
        disk.look()
        _fail(disk, "rename", new)
        rename(old, new)
        _note_move(disk, "rename", old, new)

    return renamed


def _linking(disk: Disk, link: Call) -> Call:
    def linked(old: Any, new: Any, **more: Any) -> None:
        disk.look()
        link(old, new, **more)
        _note_move(disk, "link", old, new)

    return linked


def _exchanging(disk: Disk, at_once: Call) -> Call:
    def exchanged(one: Path, other: Path) -> bool:
        disk.look()
        if not at_once(one, other):
            return False
        _note_move(disk, "exchange", one, other)
        return True

    return exchanged


def _note_move(disk: Disk, kind: str, old: Any, new: Any) -> None:
    here, there = Path(old).absolute(), Path(new).absolute()
    if here.is_relative_to(disk.folder) and there.is_relative_to(disk.folder):
        disk.note_names(kind, here, there)


def _removing(disk: Disk, unlink: Call) -> Call:
    def removed(path: Any, **more: Any) -> None:
        unlink(path, **more)
        if not more and Path(path).absolute().is_relative_to(disk.folder):  # a whole folder is looked at later
            disk.note_names("delete", Path(path).absolute())

    return removed


def _copying(disk: Disk, copyfile: Call) -> Call:
    def copied(old: Any, new: Any, **more: Any) -> Any:
        _fail(disk, "copy", new)
        done = copyfile(old, new, **more)
        disk.look()
        return done

    return copied
