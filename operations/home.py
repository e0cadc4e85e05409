"""The home: where a user's ledger, read models, frozen copies and reports lie, and whether it can be used as one."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import apsw

from domain.errors import DiskFull, HomeError
from ledger.durable import make_folder
from projections import catalog
from projections.building import standing
from projections.engine import model_path
from replay.reading import open_frozen, tables

LEDGER = "ledger.db"
REPORTS = "reports"
BACKUPS = "backups"
MANIFEST = "manifest.json"

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


def time_stamp(now: datetime | None = None) -> str:
    """The present moment as it stands in file names: 20261120T180000.123456Z, which sorts by time."""
    return (now or datetime.now(UTC)).strftime("%Y%m%dT%H%M%S.%fZ")


def report_path(home: Path | str, started_at: str, suffix: str) -> Path:
    """The report of the run that started then."""
    return Path(home) / REPORTS / f"replay-{started_at.replace('-', '').replace(':', '')}{suffix}"


def check_apart(home: Path, source: Path) -> None:
    """Refuse a home that is the legacy folder or lies in it: file names of old and new are the same."""
    here, there = home.resolve(), (source if source.is_dir() else source.parent).resolve()
    if here == there or (source.is_dir() and there in here.parents):
        raise HomeError(
            f"the home {home} {'is' if here == there else 'lies in'} the legacy folder, which must stay as it is",
            hint="Name another folder with --home.",
        )


def check_writable(home: Path) -> None:
    """Refuse a home whose folder cannot be made or written to; a new one is for its owner's eyes only."""
    try:
        make_folder(home)
    except OSError as error:
        raise HomeError(f"{home}: cannot be made: {error.strerror}", hint="Name another folder with --home.") from error
    if not os.access(home, os.W_OK | os.X_OK):
        raise HomeError(f"{home}: cannot be written to", hint="Check the permissions, or name another with --home.")


def check_has_its_ledger(home: Path) -> None:
    """Refuse a home whose read models are there while its ledger is not: beginning anew would hide the loss."""
    ledger = home / LEDGER
    if size_of(ledger):
        return
    left = [one.file for one in catalog.projectors() if _is_ours(model_path(home, one.name))]
    if left and not size_of(ledger):  # else somebody began it, and derived them, between the two looks
        raise HomeError(
            f"{ledger} is {'empty' if ledger.exists() else 'missing'}, though {left[0]} was derived from it",
            hint="Put the ledger back from a back-up; or name a new home with --home and replay into that.",
        )


def check_no_strangers(folder: Path, names: Iterable[str], *, strict: bool = False) -> None:
    """Refuse a folder where the file of a read model is somebody else's database, such as a legacy system's config.db.

    A file that is no database at all is a damaged read model, to be derived again; strict: refuse that as well.
    """
    for name in names:
        path = model_path(folder, name)
        is_strange = path.exists() and not _is_ours(path) and (strict or _is_database(path))
        # Asked again: a damaged read model may have been derived again, and be a database now, between the two looks.
        if is_strange and not _is_ours(path):
            raise HomeError(
                f"{path} is not a read model of Daybook and would be overwritten",
                hint="Name another folder, or move that file away.",
            )


def _is_ours(path: Path) -> bool:
    return path.exists() and standing(path) is not None


def _is_database(path: Path) -> bool:
    """Whether the file holds tables; looking leaves no -wal or -shm beside it."""
    try:
        db = open_frozen(path)
    except apsw.Error:
        return False
    try:
        return bool(tables(db))
    except apsw.Error:
        return False
    finally:
        db.close()


def frozen_folders(home: Path) -> list[Path]:
    """The frozen copies of earlier runs, oldest first; a folder without a manifest was never finished."""
    return [one for one in _copies(home) if (one / MANIFEST).is_file()]


def remove_unfinished(home: Path) -> None:
    """Remove the frozen copies that killed runs have left; the caller holds the right to write."""
    for folder in _copies(home):
        if not (folder / MANIFEST).is_file():
            shutil.rmtree(folder, ignore_errors=True)


def _copies(home: Path) -> list[Path]:
    folder = home / BACKUPS
    return sorted(one for one in folder.glob("replay-*") if one.is_dir()) if folder.is_dir() else []


@contextmanager
def enough_room(place: Path, bytes_needed: int) -> Iterator[None]:
    """When the disk fills up, whoever notices it first, say how much the whole command takes."""
    about = f"In all, about {bytes_needed:,} bytes are needed."
    try:
        yield
    except DiskFull as error:
        raise DiskFull(error.message, hint=f"{error.hint} {about}") from error
    except (OSError, apsw.FullError) as error:
        if isinstance(error, OSError) and error.errno not in _NO_ROOM:
            raise
        there = next(one for one in (place, *place.absolute().parents) if one.exists())
        free = shutil.disk_usage(there).free
        raise DiskFull(
            f"{place}: the disk is full, {free:,} bytes are free",
            hint=f"Make room and run the same command again: it goes on where it stopped. {about}",
        ) from error


def size_of(path: Path) -> int:
    """The bytes of a file, none when it is gone: SQLite removes a -wal whenever the last program lets go of its database."""
    try:
        return path.stat().st_size
    except (FileNotFoundError, NotADirectoryError):
        return 0


def models_bytes(home: Path) -> int:
    """About what all read models take: a little more than the ledger that they are derived from."""
    ledger = home / LEDGER
    return ledger.stat().st_size * 3 // 2 if ledger.exists() else 0
