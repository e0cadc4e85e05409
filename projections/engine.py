"""Bringing a read model up to date: in place where that is right, from the first event where it is not."""

from __future__ import annotations

import time
from pathlib import Path
from typing import NamedTuple

from domain.moments import Instant
from ledger.log import Log
from projections.building import Standing, standing
from projections.checkpoint import Checkpoint
from projections.feeding import BATCH_EVENTS, Feed, OnProgress, PoisonEvent, feed, hash_at
from projections.partitioned import bring
from projections.profiles import open_live
from projections.projector import Projector
from projections.rebuilding import model_path, rebuild_file
from projections.schema import objects_of, schema_of
from projections.trouble import DAMAGED, explained

__all__ = ["CaughtUp", "PoisonEvent", "catch_up", "model_path", "reason_to_rebuild"]


class CaughtUp(NamedTuple):
    """What catching up did. events: the new ones. rebuilt: why it began at the first event, None if it did not."""

    name: str
    position: int
    events: int
    rebuilt: str | None
    seconds: float


def catch_up(
    projector: Projector,
    log: Log,
    path: Path,
    *,
    through: int | None = None,
    as_of: Instant | None = None,
    batch: int = BATCH_EVENTS,
    progress: OnProgress | None = None,
) -> CaughtUp:
    """Bring the read model in `path` to the head of the log, or to an earlier position; each event exactly once.

    One that is further, since others have brought it there, stays as it is.
    """
    started = time.perf_counter()
    order = Feed(projector, log, log.head().position if through is None else through, as_of, batch, progress)
    old = standing(path)
    reason = reason_to_rebuild(order, old, path)
    if reason is None and old is not None:
        try:
            mark = _continued(order, path)
        except DAMAGED as error:
            reason = f"the file is damaged: {error}"
        else:
            if projector.files:
                bring(projector.files, log, path)
            seconds = time.perf_counter() - started
            return CaughtUp(projector.name, mark.position, mark.events - old.mark.events, None, seconds)
    rebuilt = rebuild_file(order, path, compare=False, to_head=through is None)
    return CaughtUp(projector.name, rebuilt.position, rebuilt.events, reason, time.perf_counter() - started)


def _continued(order: Feed, path: Path) -> Checkpoint:
    with explained(path):
        db = open_live(path, order.projector.profile)
        try:
            return feed(db, order)
        finally:
            db.close()


def reason_to_rebuild(order: Feed, old: Standing | None, path: Path) -> str | None:
    """Why the read model cannot be continued from its checkpoint; None when it can."""
    if old is None:
        return "the file is not a read model, or is damaged" if path.exists() else "the file is missing"
    return _made_by_other_code(order.projector, old) or _made_of_other_events(order, old.mark)


def _made_by_other_code(projector: Projector, old: Standing) -> str | None:
    schema = schema_of(projector)
    if old.mark.projector != projector.name:
        return f"the file is the read model {old.mark.projector}"
    if old.mark.version != projector.version:
        return f"the projector has version {projector.version}, the file was derived by version {old.mark.version}"
    if old.mark.schema_digest != schema.digest or old.objects != objects_of(schema.script):
        return "the tables have changed"
    return None


def _made_of_other_events(order: Feed, mark: Checkpoint) -> str | None:
    if mark.as_of is not None or order.as_of is not None:
        return "a model as of a moment is always derived from the first event"
    # Of the log as it is now: others may have brought the model further since the order was given.
    if mark.position > (head := order.log.head().position):
        return f"the file is at position {mark.position}, beyond {head}"
    if mark.hash != hash_at(order.log, mark.position):
        return "the file belongs to another ledger"
    return None
