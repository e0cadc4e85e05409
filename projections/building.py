"""Deriving a read model from the first event, in a file beside the live one."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import apsw

from domain.errors import StoreError
from ledger.durable import sync
from projections import checkpoint
from projections.checkpoint import Checkpoint
from projections.feeding import CannotUndo, Feed, feed, feed_alone
from projections.plan import Plan
from projections.profiles import open_building, open_reading
from projections.schema import Objects, objects, schema_of
from projections.trouble import DAMAGED, explained

SIDE_FILES = ("-wal", "-shm", "-journal")
_SUFFIX = ".building"
_RECOUNT_EVENTS = 10_000


class Built(NamedTuple):
    """A finished file that nobody reads yet."""

    path: Path
    mark: Checkpoint


@contextmanager
def built_beside(order: Feed, live: Path) -> Iterator[Built]:
    """Derive the read model beside `live` and check it; the file is gone afterwards, unless it was moved into place."""
    live.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(live)
    with _own_file(live) as path, explained(live):
        yield Built(path, _build(order, path))


def remove_leftovers(live: Path) -> None:
    """Remove the files of rebuilds that were killed; those of running ones are locked."""
    for path in live.parent.glob(f".{live.name}.*{_SUFFIX}"):
        try:
            with path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # Its owner may have ended meanwhile, and begun another file of that name.
                if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                    _remove(path)
        except (BlockingIOError, FileNotFoundError):
            continue


def _remove(path: Path) -> None:
    # The database last: without it nobody would look for the others.
    for suffix in (*SIDE_FILES, ""):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


@contextmanager
def _own_file(live: Path) -> Iterator[Path]:
    """An empty file that no other process takes for a left-over while we live."""
    path = live.with_name(f".{live.name}.{os.getpid()}{_SUFFIX}")
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            break
        # Another process took the file for a left-over between the two lines above.
        os.close(descriptor)
    try:
        yield path
    finally:
        _remove(path)
        os.close(descriptor)


def _build(order: Feed, path: Path) -> Checkpoint:
    # SQLite counts beside the feeding: that is a single long step, in which Python can go on.
    with ThreadPoolExecutor(1) as beside:
        events = beside.submit(order.log.count, through=order.through, topics=Plan(order.projector).topics)
        try:
            _fill(order, path, can_undo=False)
        except CannotUndo:
            # Some event cannot be taken. Only a database that can undo finds out which: this raises PoisonEvent.
            os.truncate(path, 0)
            _fill(order, path, can_undo=True)
        return _checked(order, path, events.result())


def _fill(order: Feed, path: Path, *, can_undo: bool) -> None:
    schema = schema_of(order.projector)
    db = open_building(path, order.projector.profile)
    try:
        if can_undo:
            db.pragma("journal_mode", "memory")
        db.execute(schema.script)
        as_of = order.as_of
        checkpoint.create(db, Checkpoint(order.projector.name, order.projector.version, schema.digest, as_of=as_of))
        if can_undo:
            feed(db, order)
        else:
            feed_alone(db, order)
    finally:
        db.close()


def _checked(order: Feed, path: Path, events: int) -> Checkpoint:
    """Read the file back: SQLite finds it sound, and its checkpoint counts as many events as SQLite does.

    That they are the right ones, by their digest, is looked at again when the model is verified.
    """
    # What was written without safety goes to the disk meanwhile; when the file takes its place little is left to wait for.
    with ThreadPoolExecutor(1) as beside:
        written = beside.submit(sync, path)
        found = _quick_check(path)
        new = standing(path)
        written.result()
    if found != "ok" or new is None:
        raise StoreError(
            f"{path.name}: SQLite finds the new file damaged: {found}", hint="Look at the disk and the memory."
        )
    mark = new.mark
    if (mark.position, mark.events) != (order.through, events):
        raise StoreError(
            f"{order.projector.name}: the new file has seen {mark.events} events up to {mark.position}, the log has "
            f"{events} up to {order.through}",
            hint="The live read model is unchanged. This is a fault of the program: please report it.",
        )
    return mark


def _quick_check(path: Path) -> str:
    db = open_reading(path)
    try:
        found: str = db.pragma("quick_check")
        return found
    finally:
        db.close()


def recount(order: Feed) -> tuple[int, bytes]:
    """How many events the projector must have seen, and their digest, from the log alone."""
    plan, events, digest, after = Plan(order.projector), 0, checkpoint.NO_HASH, 0
    while True:
        page = order.log.hashes(after=after, through=order.through, topics=plan.topics, limit=_RECOUNT_EVENTS)
        events += len(page)
        digest = checkpoint.add(digest, [of_event for _, of_event in page])
        if len(page) < _RECOUNT_EVENTS:
            return events, digest
        after = page[-1][0]


class Standing(NamedTuple):
    """What a read model file says of itself."""

    mark: Checkpoint
    objects: Objects


def standing(path: Path) -> Standing | None:
    """The checkpoint and the tables of a file; None when it is missing, damaged or no read model."""
    with one_moment(path) as db:
        return None if db is None else standing_in(db)


def standing_in(db: apsw.Connection) -> Standing | None:
    """The same of a file that is open."""
    try:
        mark = checkpoint.read(db)
        return None if mark is None else Standing(mark, objects(db))
    except (apsw.SQLError, apsw.CantOpenError, *DAMAGED, TypeError, UnicodeDecodeError):
        return None


@contextmanager
def one_moment(path: Path) -> Iterator[apsw.Connection | None]:
    """A file that is open for reading, as it is at one moment, whatever others write; None when it cannot be opened."""
    try:
        db = open_reading(path)
    except apsw.Error:
        yield None
        return
    try:
        db.execute("BEGIN")
        yield db
    finally:
        db.close()
