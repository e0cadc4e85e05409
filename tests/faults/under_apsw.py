"""The same under apsw, which brings a SQLite of its own: read models and copies go through it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import apsw

from tests.faults.disk import Disk

_USUAL = apsw.vfs_names()[0]
_JOURNAL = apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_WAL | apsw.SQLITE_OPEN_SUPER_JOURNAL


class _File(apsw.VFSFile):
    def __init__(self, disk: Disk, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        self._disk = disk
        self._path = name.filename() if isinstance(name, apsw.URIFilename) else name or ""
        if flags[0] & apsw.SQLITE_OPEN_CREATE and flags[0] & _JOURNAL:
            disk.note("create", self._path)
        super().__init__(_USUAL, name, flags)

    def xLock(self, level: int) -> None:  # noqa: N802  the library's names, here and below
        """A file that is open for reading cannot be locked for writing. SQLite tries when it closes, and minds nothing but
        an error that apsw would hand on.
        """
        try:
            super().xLock(level)
        except apsw.IOError as error:
            raise apsw.BusyError from error

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        _raise(self._disk.note("write", self._path, offset, bytes(data)))
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        _raise(self._disk.note("truncate", self._path, newsize))
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:  # noqa: N802
        _raise(self._disk.note("sync", self._path))
        super().xSync(flags)


class _Watching(apsw.VFS):
    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        super().__init__("watching", _USUAL, makedefault=True)

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802
        if name is None:
            return apsw.VFSFile(_USUAL, name, flags)
        return _File(self._disk, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: FBT001, N802
        _raise(self._disk.note("delete", filename))
        super().xDelete(filename, syncdir)


def _raise(code: int) -> None:
    if code:
        raise apsw.exception_for(code)


@contextmanager
def watched(disk: Disk) -> Iterator[Disk]:
    """Every database that apsw opens meanwhile is watched; all must be closed at the end."""
    watching = _Watching(disk)
    try:
        yield disk
    finally:
        watching.unregister()
        apsw.set_default_vfs(_USUAL)
