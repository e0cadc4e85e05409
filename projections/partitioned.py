"""A read model of many files: its index is a read model like any other, and each of its partitions is a file beside it."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

import apsw

from ledger.durable import make_folder, sync
from ledger.log import Log
from projections import checkpoint
from projections.places import MadeOf, Place, Places, writing
from projections.profiles import open_reading

PAGE_EVENTS = 64
SEALED_MODE, OPEN_MODE = 0o444, 0o600
BUILDING = ".building"
# Fewer files are made sooner than a second engine is started; more engines would take more memory than they save time.
_PARALLEL_FILES, _WORKERS_MAX = 8, 2

_PARTITIONS = """
SELECT id, path, exchange, session, kind, timeframe, zone, events, last_position,
    coalesce(sealed_through >= last_position, 0), CASE WHEN sealed_through >= last_position THEN sealed_digest END
FROM partitions WHERE events > 0 ORDER BY path
"""
_POSITIONS = """
SELECT position FROM partition_events WHERE partition = ? AND position > ? AND NOT is_held ORDER BY position LIMIT ?
"""


class Partition(NamedTuple):
    """A partition as the index has it. events: how many its file shows, the newest at last_position."""

    id: int
    path: str
    exchange: str
    session: str
    kind: str
    timeframe: str
    zone: str
    events: int
    last_position: int
    is_sealed: bool
    sealed_digest: str | None


class Made(NamedTuple):
    """What a file holds: its rows, and a digest over all of them that does not depend on how the file is laid out."""

    rows: int
    digest: str


Page = Sequence[tuple[int, str, str]]
"""Position, topic and state of some events, in the order of the log."""


class Maker(Protocol):
    """Makes and reads the files of one read model."""

    def make(self, path: Path, partition: Partition, pages: Iterator[Page], as_of: str | None) -> Made:
        """Write a new file from the events. as_of: without the rows of later moments."""

    def look(self, path: Path, partition: Partition) -> Made:
        """Read all rows of a file; raises Unreadable when it is damaged or of another kind."""

    def differences(self, expected: Path, found: Path, partition: Partition, limit: int) -> list[str]:
        """What differs in the rows of two files, a sentence each."""


class Unreadable(Exception):
    """A file of a partition cannot be read as one."""


@dataclass(frozen=True)
class PartitionedFiles:
    """The files of a partitioned read model. Its index has the tables `partitions` and `partition_events`.

    schema_version: written to `.schema_version` beside the index, and refused when it is another's. version: raise it when the
    code that makes the files changes; they are then made again. suffixes: what the files' names end in, one for each form that
    a file may take; an event may change the form of a partition, by changing its path. maker: is told how many of them work at
    once and have to share the machine.
    """

    schema_version: str
    version: int
    suffixes: tuple[str, ...]
    maker: Callable[[int], AbstractContextManager[Maker]]

    @property
    def stamp(self) -> str:
        """Of the code that makes a file."""
        return f"{self.schema_version}/{self.version}"

    def other_forms(self, path: str) -> list[str]:
        """The paths that the same partition has in other forms."""
        stem = next(path.removesuffix(one) for one in self.suffixes if path.endswith(one))
        return [stem + one for one in self.suffixes if stem + one != path]


class Brought(NamedTuple):
    """What bringing the files up to date did: the paths of those that were made, and of those that went."""

    made: list[str]
    removed: list[str]


class Index(NamedTuple):
    """An index that is open, as it is at one moment. as_of: of which moment it is; None for now."""

    db: apsw.Connection
    partitions: list[Partition]
    as_of: str | None


class Making(NamedTuple):
    """What it takes to make the files of a folder."""

    log: Log
    folder: Path
    maker: Maker
    opened: Index

    def make(self, path: Path, partition: Partition) -> Made:
        """Write the file of a partition."""
        return self.maker.make(path, partition, _pages(self.log, self.opened.db, partition), self.opened.as_of)

    def beside(self, partition: Partition) -> Path:
        """The name under which its file is made."""
        live = self.folder / partition.path
        return live.with_name(f".{live.name}.{os.getpid()}{BUILDING}")


def bring(files: PartitionedFiles, log: Log, index: Path, *, anew: bool = False, by_hash: bool = False) -> Brought:
    """Make the files whose events are others than those they were made of. anew: make all of them. by_hash: the index was
    derived again, perhaps from another log, so positions alone do not tell which events a file was made of.

    Each is made beside, checked and moved into place: killed at any moment, every file is the old one or the new one. Raises
    StoreError for a store of another version, HomeBusy when another process writes it for long.
    """
    folder = index.parent
    with writing(folder, files.schema_version) as places, read_index(index) as opened:
        known = places.all()
        wanted = {one.path: made_of(files, one, opened.as_of) for one in opened.partitions}
        hashes = _hashes(log, opened.partitions) if by_hash else {}

        def is_due(one: Partition) -> bool:
            place = known.get(one.path)
            if anew or place is None or place.made_of != wanted[one.path] or not place.is_untouched(folder):
                return True
            return by_hash and place.last_hash != hashes[one.path]

        due = [one for one in opened.partitions if is_due(one)]
        _make_all(files, log, index, places, [(one, wanted[one.path]) for one in due])
        for one in opened.partitions:
            _set_mode(folder / one.path, is_sealed=one.is_sealed)
        removed = _outlived(files, folder, opened, places.all())
        for path in removed:
            (folder / path).unlink(missing_ok=True)
            places.forget(path)
        return Brought([one.path for one in due], removed)


def _outlived(files: PartitionedFiles, folder: Path, opened: Index, known: dict[str, Place]) -> list[str]:
    """Files that we made and that are no longer what the log says: of a longer log than the one that was restored, or in a form
    that its partition has no more. The old form stays where the new one does not hold what was sealed.
    """
    wanted = {one.path for one in opened.partitions}
    found = [path for path in known if path not in wanted]
    for one in opened.partitions:
        old = files.other_forms(one.path)
        if opened.as_of is None and one.sealed_digest not in (None, known[one.path].digest):
            found = [path for path in found if path not in old]
        else:
            found += [path for path in old if path not in known and (folder / path).exists()]
    return found


def _make_all(
    files: PartitionedFiles, log: Log, index: Path, places: Places, due: Sequence[tuple[Partition, MadeOf]]
) -> None:  # fmt: skip
    """Make these files, many of them on all cores."""
    if not due:
        return
    # Before there are several workers, so that none counts on a folder that another has made and not yet synced.
    for partition, _ in due:
        make_folder((index.parent / partition.path).parent)
    workers = min(os.cpu_count() or 1, _WORKERS_MAX) if len(due) >= _PARALLEL_FILES else 1
    alone = threading.Lock()

    def work(some: Sequence[tuple[Partition, MadeOf]]) -> None:
        with files.maker(workers) as maker, read_index(index) as opened:
            making = Making(log, index.parent, maker, opened)
            for partition, made_from in some:
                place = _replace(making, partition, made_from)
                with alone:
                    places.put(partition.path, place)

    if workers == 1:
        work(due)
        return
    with ThreadPoolExecutor(workers) as pool:
        for done in [pool.submit(work, due[first::workers]) for first in range(workers)]:
            done.result()


def made_of(files: PartitionedFiles, partition: Partition, as_of: str | None) -> MadeOf:
    """What the file of a partition must have been made of."""
    return MadeOf(files.stamp, partition.events, partition.last_position, as_of or "")


def _hashes(log: Log, partitions: Sequence[Partition]) -> dict[str, bytes]:
    """The log's hash at the newest event of each partition."""
    return {one.path: _hash(log, one) for one in partitions}


def _hash(log: Log, partition: Partition) -> bytes:
    last = partition.last_position
    [(_, found)] = log.hashes(after=last - 1, through=last, topics=None, limit=1)
    return found


@contextmanager
def read_index(index: Path) -> Iterator[Index]:
    """The index as it is at one moment."""
    db = open_reading(index)
    try:
        db.execute("BEGIN")
        mark = checkpoint.read(db)
        found = [Partition._make((*row[:9], bool(row[9]), row[10])) for row in db.execute(_PARTITIONS)]
        yield Index(db, found, mark.as_of if mark else None)
    finally:
        db.close()


def _pages(log: Log, index: apsw.Connection, partition: Partition) -> Iterator[Page]:
    after = 0
    while found := [row[0] for row in index.execute(_POSITIONS, (partition.id, after, PAGE_EVENTS))]:
        yield [(one.position, one.topic, one.state) for one in log.at(found)]
        after = found[-1]


def _replace(making: Making, partition: Partition, made_from: MadeOf) -> Place:
    live = making.folder / partition.path
    for left in live.parent.glob(f".{live.name}.*{BUILDING}*"):
        left.unlink()  # of a process that was killed: we hold the lock
    new = making.beside(partition)
    try:
        made = making.make(new, partition)
        new.chmod(SEALED_MODE if partition.is_sealed else OPEN_MODE)
        sync(new)
        digest = file_digest(new)
        new.replace(live)
    finally:
        new.unlink(missing_ok=True)
    sync(live.parent)
    return Place.of(made_from, _hash(making.log, partition), made.rows, made.digest, live, digest)


def _set_mode(path: Path, *, is_sealed: bool) -> None:
    if is_sealed and path.stat().st_mode & 0o777 != SEALED_MODE:
        path.chmod(SEALED_MODE)


def file_digest(path: Path) -> str:
    """SHA-256 of the bytes of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def partitions(index: Path) -> list[Partition]:
    """The partitions that the index has files for."""
    with read_index(index) as opened:
        return opened.partitions
