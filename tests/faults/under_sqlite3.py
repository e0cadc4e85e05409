"""A VFS under Python's own sqlite3: the code of the ledger runs as it is, and every write and sync is seen.

The module links SQLite as a shared library, so the structures of its C interface are within reach of ctypes. The VFS is a copy
of the default one; only writing, truncating, syncing and deleting go through Python on their way.
"""

from __future__ import annotations

import _sqlite3
import ctypes
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.faults.disk import Disk

OK, DELETE_ON_CLOSE, CREATE, JOURNAL = 0, 0x8, 0x4, 0x80000 | 0x4000 | 0x800
_OF_VFS = """iVersion szOsFile mxPathname | pNext zName pAppData xOpen xDelete xAccess xFullPathname xDlOpen xDlError
    xDlSym xDlClose xRandomness xSleep xCurrentTime xGetLastError xCurrentTimeInt64 xSetSystemCall xGetSystemCall
    xNextSystemCall"""
_OF_METHODS = """iVersion | xClose xRead xWrite xTruncate xSync xFileSize xLock xUnlock xCheckReservedLock xFileControl
    xSectorSize xDeviceCharacteristics xShmMap xShmLock xShmBarrier xShmUnmap xFetch xUnfetch"""

_int, _ptr, _i64 = ctypes.c_int, ctypes.c_void_p, ctypes.c_int64


# Any: what ctypes asks for.
def _fields(names: str) -> list[tuple[str, Any]]:
    numbers, pointers = names.split("|")
    return [(name, _int) for name in numbers.split()] + [(name, _ptr) for name in pointers.split()]


class _Vfs(ctypes.Structure):
    _fields_ = _fields(_OF_VFS)


class _Methods(ctypes.Structure):
    _fields_ = _fields(_OF_METHODS)


_OPEN = ctypes.CFUNCTYPE(_int, _ptr, _ptr, _ptr, _int, _ptr)
_DELETE = ctypes.CFUNCTYPE(_int, _ptr, ctypes.c_char_p, _int)
_WRITE = ctypes.CFUNCTYPE(_int, _ptr, _ptr, _int, _i64)
_TRUNCATE = ctypes.CFUNCTYPE(_int, _ptr, _i64)
_SYNC = ctypes.CFUNCTYPE(_int, _ptr, _int)


def _library() -> ctypes.CDLL | None:
    """The SQLite that Python's module uses; None where it cannot be reached."""
    library = ctypes.CDLL(_sqlite3.__file__) if getattr(_sqlite3, "__file__", None) else None
    return library if library is not None and hasattr(library, "sqlite3_vfs_find") else None


LIBRARY = _library()
REASON = f"SQLite is built into this Python ({sys.version.split()[0]})"


class _Watching:
    """The VFS; its callbacks live as long as it does."""

    def __init__(self, library: ctypes.CDLL, disk: Disk) -> None:
        self._library, self._disk = library, disk
        library.sqlite3_vfs_find.restype = _ptr
        self._usual = _Vfs.from_address(library.sqlite3_vfs_find(None))
        self._open = _OPEN(self._usual.xOpen)
        self._delete = _DELETE(self._usual.xDelete)
        self._methods: dict[int, _Methods] = {}
        self._paths: dict[int, str] = {}
        self._alive: list[object] = []
        self.vfs = _Vfs.from_buffer_copy(self._usual)
        self._name = ctypes.create_string_buffer(b"watching")
        self.vfs.zName = ctypes.addressof(self._name)
        self.vfs.xOpen = self._kept(_OPEN(self._opened))
        self.vfs.xDelete = self._kept(_DELETE(self._deleted))

    def register(self) -> None:
        assert self._library.sqlite3_vfs_register(ctypes.byref(self.vfs), 1) == OK

    def unregister(self) -> None:
        """The usual one is the default again; the others were never gone."""
        assert self._library.sqlite3_vfs_unregister(ctypes.byref(self.vfs)) == OK
        assert self._library.sqlite3_vfs_register(ctypes.byref(self._usual), 1) == OK

    def _kept(self, callback: object) -> int:
        self._alive.append(callback)
        address = ctypes.cast(callback, _ptr).value  # type: ignore[arg-type]
        assert address is not None
        return address

    def _opened(self, _: int, name: int | None, file: int, flags: int, out: int | None) -> int:
        code = self._open(ctypes.addressof(self._usual), name, file, flags, out)
        methods = ctypes.c_void_p.from_address(file)
        if code == OK and name and methods.value and not flags & DELETE_ON_CLOSE:
            self._paths[file] = ctypes.string_at(name).decode()
            methods.value = ctypes.addressof(self._watched(methods.value))
            if flags & CREATE and flags & JOURNAL:
                self._disk.note("create", self._paths[file])
        return code

    def _deleted(self, _: int, name: bytes, sync: int) -> int:
        return self._disk.note("delete", name.decode()) or self._delete(ctypes.addressof(self._usual), name, sync)

    def _watched(self, address: int) -> _Methods:
        """The methods of a file with three of them replaced."""
        if address in self._methods:
            return self._methods[address]
        usual = _Methods.from_address(address)
        made = self._methods[address] = _Methods.from_buffer_copy(usual)
        write, truncate, sync = _WRITE(usual.xWrite), _TRUNCATE(usual.xTruncate), _SYNC(usual.xSync)

        def written(file: int, data: int, count: int, at: int) -> int:
            code = self._disk.note("write", self._paths[file], at, ctypes.string_at(data, count))
            return code or write(file, data, count, at)

        def truncated(file: int, size: int) -> int:
            return self._disk.note("truncate", self._paths[file], size) or truncate(file, size)

        def synced(file: int, flags: int) -> int:
            return self._disk.note("sync", self._paths[file]) or sync(file, flags)

        replaced: dict[str, tuple[Callable[[Callable[..., int]], object], Callable[..., int]]] = {
            "xWrite": (_WRITE, written), "xTruncate": (_TRUNCATE, truncated), "xSync": (_SYNC, synced),
        }  # fmt: skip
        for name, (kind, callback) in replaced.items():
            setattr(made, name, self._kept(kind(callback)))
        return made


_never_freed: list[_Watching] = []


@contextmanager
def watched(disk: Disk) -> Iterator[Disk]:
    """Every database that Python's sqlite3 opens meanwhile is watched; all must be closed at the end."""
    assert LIBRARY is not None
    watching = _Watching(LIBRARY, disk)
    _never_freed.append(watching)  # a connection that outlives this would call into freed memory
    watching.register()
    try:
        yield disk
    finally:
        watching.unregister()
