"""What lies in a legacy folder: every file, whether it is used, and why not."""

from __future__ import annotations

import os
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from domain.errors import SourceError

SQLITE_HEADER = b"SQLite format 3\x00"
DUCKDB_MAGIC = b"DUCK"  # at byte 8
_DATABASES = {".db": "an SQLite", ".duckdb": "a DuckDB"}
SIDECARS = ("-wal", "-shm", "-journal", ".wal")


class Use(StrEnum):
    """What becomes of a file of the legacy folder."""

    READ = "read"
    EMPTY = "empty"
    SIDECAR = "part of another file"
    BACKUP = "an old back-up"
    FOREIGN = "not a database of the system"
    UNREADABLE = "not readable"
    IMAGE = "made to be read"


class Found(NamedTuple):
    """One file: its name relative to the folder (with /), where it lies, what becomes of it, and the reason."""

    name: str
    path: Path
    use: Use
    reason: str = ""


def look(source: Path, folders: Iterable[str] = ("history",)) -> list[Found]:
    """Every file of a legacy folder and of those folders in it, by name; a single file is a folder of one.

    folders: patterns relative to the source, such as `history` or `market_data/*/ticks`; files of other folders are not
    the system's.

    Raises SourceError when there is nothing at that place.
    """
    if source.is_file():
        return list(filter(None, [_judge(source.name, source, {source.name})]))
    if not source.is_dir():
        raise SourceError(f"{source}: no such file or folder", hint="Name the folder that holds the legacy databases.")
    try:
        paths = sorted(p for p in source.iterdir() if not p.is_dir() or p.suffix == ".db")
        for folder in sorted({one for pattern in folders for one in source.glob(pattern) if one.is_dir()}):
            paths += sorted(one for one in folder.iterdir() if not one.is_dir() or one.suffix == ".db")
    except OSError as error:
        raise SourceError(f"{source}: cannot be listed: {error.strerror}", hint="Check the permissions.") from error
    names = {path.relative_to(source).as_posix() for path in paths}
    return list(filter(None, [_judge(path.relative_to(source).as_posix(), path, names) for path in paths]))


def _judge(name: str, path: Path, names: set[str]) -> Found | None:
    """What becomes of a file; None when it is gone since it was listed, as files that are only passing are."""
    for sidecar in SIDECARS:
        if name.endswith(sidecar):
            owner = name.removesuffix(sidecar)
            if owner in names:
                return Found(name, path, Use.SIDECAR, f"belongs to {owner}")
            return Found(name, path, Use.FOREIGN, f"{owner} is missing, so it cannot be read")
    if name.endswith((".bak", ".backup", ".old")) or ".corrupted." in name:
        return Found(name, path, Use.BACKUP, "left over by the legacy system; the live file is read instead")
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            header = file.read(16)
    except OSError as error:
        gone = not os.path.lexists(path)
        return None if gone else Found(name, path, Use.UNREADABLE, f"cannot be opened: {error.strerror}")
    if size == 0 and not path.with_name(path.name + "-wal").exists():
        return Found(name, path, Use.EMPTY, "0 bytes")
    if header == SQLITE_HEADER or header[8:12] == DUCKDB_MAGIC or (size == 0 and name.endswith(".db")):
        return Found(name, path, Use.READ)
    kind = next((kind for suffix, kind in _DATABASES.items() if name.endswith(suffix)), None)
    if kind:
        return Found(name, path, Use.UNREADABLE, f"is not {kind} database: damaged, encrypted or something else")
    return Found(name, path, Use.FOREIGN, "not a database")
