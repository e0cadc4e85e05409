"""Rebuilding read models: derived beside the live file, compared with it, switched in at once."""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import apsw

from domain.moments import Instant
from ledger.durable import sync
from ledger.log import Log, open_log
from projections import catalog
from projections.building import SIDE_FILES, Built, Standing, built_beside, one_moment, standing, standing_in
from projections.checkpoint import Checkpoint
from projections.comparing import Difference, differences_in, tables
from projections.feeding import BATCH_EVENTS, Feed, OnProgress, feed, hash_at
from projections.partitioned import bring
from projections.profiles import open_live, open_reading
from projections.projector import Projector
from projections.trouble import DAMAGED, explained

# Below this size of the ledger starting processes takes longer than rebuilding.
_PARALLEL_BYTES = 16_000_000


class Rebuilt(NamedTuple):
    """What a rebuild did.

    old: where the old content stood, None when there was none to read; an older one differs by right. differences: what
    differs in it from the new, at most DIFFERENCES_MAX.
    """

    name: str
    position: int
    events: int
    rows: dict[str, int]
    old: Checkpoint | None
    differences: list[Difference]
    seconds: float


def rebuild(
    projector: Projector,
    log: Log,
    home: Path,
    *,
    as_of: Instant | None = None,
    known_at: str | None = None,
    into: Path | None = None,
    batch: int = BATCH_EVENTS,
    progress: OnProgress | None = None,
) -> Rebuilt:
    """Derive the read model again from the first event and switch it in.

    as_of: show only what had happened by then. known_at: read only what the ledger knew by then. into: another folder.
    """
    through = log.head().position if known_at is None else log.recorded_position(known_at)
    order = Feed(projector, log, through, as_of, batch, progress)
    return rebuild_file(order, model_path(into or home, projector.name), to_head=known_at is None)


def model_path(folder: Path, name: str) -> Path:
    """Where the read model of this name lies."""
    return folder / catalog.file_of(name)


def rebuild_file(order: Feed, live: Path, *, compare: bool = True, to_head: bool = False) -> Rebuilt:
    """The same for any file. Without `compare` the old content is not looked at. to_head: what is ordered is the present, so
    when others have brought the old content further meanwhile, the new goes as far.
    """
    started = time.perf_counter()
    is_now = to_head and order.as_of is None
    with built_beside(order, live) as first:
        built, old, found = _compared(order, first, live, is_now=is_now) if compare else (first, None, [])
        while True:
            rows = _counts(built.path)
            further = _switch(order, built, live, is_now=is_now)
            if not further:
                break
            built = _gone_on(order, built, further)
    if order.projector.files:
        # Whoever compares wants all of it derived again; else a file that was made of the same events stays.
        bring(order.projector.files, order.log, live, anew=compare, by_hash=True)
    seconds = time.perf_counter() - started
    mark = built.mark
    return Rebuilt(order.projector.name, mark.position, mark.events, rows, old and old.mark, found, seconds)


def _compared(
    order: Feed, built: Built, live: Path, *, is_now: bool
) -> tuple[Built, Standing | None, list[Difference]]:  # fmt: skip
    """The new content, as far as the old one goes that it is compared with; the old one; and what differs."""
    with one_moment(live) as db:
        old = None if db is None else standing_in(db)
        if db is None or old is None:
            return built, None, []
        if is_now and (further := _further(order, built, old)):
            built = _gone_on(order, built, further)
        return built, old, differences_in(built.path, db)


def _further(order: Feed, built: Built, old: Standing | None) -> int:
    """Where the old content stands, when the same code has brought it further along the same log than ours; else 0."""
    if old is None or not built.mark.position < old.mark.position <= order.log.head().position:
        return 0
    is_same = (*old.mark[:3], old.mark.as_of) == (*built.mark[:3], built.mark.as_of)
    return old.mark.position if is_same and old.mark.hash == hash_at(order.log, old.mark.position) else 0


def _gone_on(order: Feed, built: Built, through: int) -> Built:
    db = open_live(built.path, order.projector.profile)
    try:
        return built._replace(mark=feed(db, order._replace(through=through)))
    finally:
        db.close()


def _counts(path: Path) -> dict[str, int]:
    db = open_reading(path)
    try:
        return {table: _count(db, table) for table in tables(db)}
    finally:
        db.close()


def _count(db: apsw.Connection, table: str) -> int:
    rows: int = db.execute(f'SELECT count(*) FROM "{table}"').get
    return rows


def _switch(order: Feed, built: Built, live: Path, *, is_now: bool) -> int:
    """Put the new content into place, and return 0: a reader in another process sees the old or the new.

    When others have brought the old content further, nothing is done: then it is where that stands.
    """
    with _alone_in(live.parent):
        try:
            if live.exists() and (further := _copy_into(order, built, live, is_now=is_now)) is not None:
                return further
        except DAMAGED:
            # Not a database: nobody can be reading it as a read model.
            pass
        _move_into(built.path, live, order.projector.profile)
        return 0


def _copy_into(order: Feed, built: Built, live: Path, *, is_now: bool) -> int | None:
    """One transaction in the live file. Renaming over a file that others have open in WAL mode would corrupt it.

    Returns None for a file that we never made: SQLite cannot copy into a WAL database of another page size.
    """
    with explained(live, bytes_needed=built.path.stat().st_size):
        source = open_reading(built.path)
        try:
            target = open_live(live, order.projector.profile)
            try:
                if target.pragma("page_size") != source.pragma("page_size"):
                    return None
                with target.backup("main", source, "main") as copy:
                    copy.step(0)  # takes the lock: from here on nobody else writes to it
                    if is_now and (further := _further(order, built, standing(live))):
                        return further
                    copy.step(-1)
                # As far as readers let it; the rest of the -wal is written back later.
                target.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
                return 0
            finally:
                target.close()
        finally:
            source.close()


def _move_into(new: Path, live: Path, profile: str) -> None:
    """There is no live file: the new one gets its name. A -wal without its database belongs to nothing any more."""
    for suffix in SIDE_FILES:
        live.with_name(live.name + suffix).unlink(missing_ok=True)
    open_live(new, profile).close()
    sync(new)
    new.replace(live)


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """One switch at a time in a folder; the lock is on the folder itself and ends with its holder."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def rebuild_all(
    projectors: Sequence[Projector],
    home: Path,
    *,
    as_of: Instant | None = None,
    known_at: str | None = None,
    into: Path | None = None,
    workers: int | None = None,
) -> list[Rebuilt]:
    """Rebuild several read models, on all cores where the ledger is large enough for that to pay."""
    with open_log(home) as log:
        workers = workers or min(len(projectors), os.cpu_count() or 1)
        if workers < 2 or log.path.stat().st_size < _PARALLEL_BYTES:
            return [rebuild(one, log, home, as_of=as_of, known_at=known_at, into=into) for one in projectors]
    # spawn: a forked child would share the ledger's connections and locks.
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        jobs = [pool.submit(_rebuild_named, one.name, home, as_of, known_at, into) for one in projectors]
        return [job.result() for job in jobs]


def _rebuild_named(name: str, home: Path, as_of: Instant | None, known_at: str | None, into: Path | None) -> Rebuilt:
    with open_log(home) as log:
        return rebuild(catalog.find(name), log, home, as_of=as_of, known_at=known_at, into=into)
