"""The files of read models that have many, and the sessions of market data: what is broken, what is due, who writes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from domain.errors import StoreError
from ledger.lock import FILE as LEDGER_LOCK
from ledger.lock import holder_of
from ledger.log import Log
from operations.home import LEDGER, enough_room, models_bytes
from operations.market.history import MARKET
from operations.market.standing import Session, command_for, due
from projections import catalog
from projections.building import standing
from projections.engine import model_path
from projections.partition_proof import looked_over, mend
from projections.places import FILE as PLACES
from projections.places import LOCK, VERSION, check_version, is_readable, known_places
from projections.projector import Projector


class BrokenFile(NamedTuple):
    """A file that is not as it was written, by its path in the home."""

    path: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


def broken_files(home: Path, log: Log, *, whole: bool = False) -> list[BrokenFile]:
    """Day files and files of runs that are missing or have changed. whole: every byte is read."""
    return [one for projector in _with_files(home, log) for one in _broken(projector, home, whole=whole)]


def foreign_stores(home: Path, log: Log) -> list[StoreError]:
    """Why the files of a read model can be neither read nor written: another version of the program has laid them out."""
    return [error for projector in _with_files(home, log) if (error := _refusal(projector, home)) is not None]


def _refusal(projector: Projector, home: Path) -> StoreError | None:
    assert projector.files is not None
    try:
        check_version(model_path(home, projector.name).parent, projector.files.schema_version)
    except StoreError as error:
        return error
    return None


def mend_files(home: Path, log: Log, *, whole: bool = False) -> list[str]:
    """Make the broken ones again, and say so, a sentence each. Raises StoreError, HomeBusy, DiskFull."""
    said = []
    for projector in _with_files(home, log):
        assert projector.files is not None
        found = _broken(projector, home, whole=whole)
        if found and _refusal(projector, home) is None:
            index = model_path(home, projector.name)
            paths = [str((home / one.path).relative_to(index.parent)) for one in found]
            with enough_room(home, models_bytes(home)):
                mend(projector.files, log, index, paths)
            said += [f"{one.path} was made again from the log, because {one.reason}" for one in found]
    return said


def _with_files(home: Path, log: Log) -> Iterator[Projector]:
    """Read models of many files whose index can be read; the others are derived again whole."""
    for projector in catalog.projectors_of(log):
        if projector.files and standing(model_path(home, projector.name)):
            yield projector


def _broken(projector: Projector, home: Path, *, whole: bool) -> list[BrokenFile]:
    index = model_path(home, projector.name)
    folder = index.parent.relative_to(home)
    found = {**looked_over(index, whole=whole), **_of_the_folder(index.parent)}
    return [BrokenFile(str(folder / path), reason) for path, reason in found.items()]


def _of_the_folder(folder: Path) -> dict[str, str]:
    """What is wrong with what lies beside the files and says what they are."""
    if (folder / PLACES).exists() and not is_readable(folder):
        return {PLACES: "it is damaged"}
    # In this order: whoever begins a folder writes the version before the first of its files is known.
    if known_places(folder) and not (folder / VERSION).exists():
        return {VERSION: "it is missing"}
    return {}


def unsealed(home: Path, log: Log, now: datetime) -> list[Session]:
    """Sessions that are over and have rows that are not sealed."""
    index = model_path(home, MARKET)
    is_here = any(one.name == MARKET for one in catalog.projectors_of(log)) and standing(index)
    return due(index, now) if is_here else []


class Unsealed(NamedTuple):
    """What is said of sessions that are due, and the command that helps."""

    reason: str
    next: str


def said_of(some: list[Session]) -> Unsealed:
    """In one sentence; there is at least one."""
    first = f"{some[0].exchange} {some[0].session}"
    many = f"the session {first} is" if len(some) == 1 else f"{len(some):,} sessions, {first} the oldest, are"
    return Unsealed(f"{many} over and not sealed", command_for(some))


def writers(home: Path) -> list[str]:
    """Who writes to the ledger and to each store at this moment, a sentence each."""
    folders = {home / one.file for one in catalog.projectors() if one.files or one.file.startswith("live_buffer/")}
    locks = {LEDGER: home / LEDGER_LOCK, **{str(one.parent.relative_to(home)): one.parent / LOCK for one in folders}}
    held = {name: holder_of(path) for name, path in sorted(locks.items())}
    return [f"{name} is being written to by {holder}" for name, holder in held.items() if holder]
