"""Feeding events to a read model: batches, each with its checkpoint in one transaction."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import apsw

from domain.errors import LedgerError
from domain.moments import Instant
from ledger.collector import no_collector
from ledger.log import Log
from projections import checkpoint
from projections.ahead import Ahead
from projections.checkpoint import Checkpoint
from projections.plan import Batch, Plan
from projections.projector import Projector
from projections.trouble import STORAGE

BATCH_EVENTS = 10_000

OnProgress = Callable[[int, int], None]
"""Told after each batch: the position reached, and the one to reach."""


class PoisonEvent(LedgerError):
    """A projector cannot take an event; nothing of its batch was kept and nothing was skipped."""

    exit_code = 3


class CannotUndo(Exception):
    """A projector failed in a database without a journal, where events cannot be tried one by one."""


class Feed(NamedTuple):
    """What is fed: the log through a position, to one projector; cut at a valid time when `as_of` is set."""

    projector: Projector
    log: Log
    through: int
    as_of: Instant | None = None
    batch: int = BATCH_EVENTS
    progress: OnProgress | None = None


def feed(db: apsw.Connection, order: Feed) -> Checkpoint:
    """Bring the read model to the position; exactly once, whoever else does the same beside us."""
    plan = Plan(order.projector, as_of=order.as_of)
    return _fed(db, order, plan, lambda after: _read(order, plan, after))


def feed_alone(db: apsw.Connection, order: Feed) -> Checkpoint:
    """Like `feed`, for a file that nobody else has: what comes next is read ahead."""
    plan = Plan(order.projector, as_of=order.as_of)
    with Ahead(plan, order.log, through=order.through, limit=_batch_max(order)) as ahead:
        return _fed(db, order, plan, ahead.batch)


def _fed(db: apsw.Connection, order: Feed, plan: Plan, read: Callable[[int], Batch]) -> Checkpoint:
    with no_collector():
        while True:
            mark = _next_batch(db, order, plan, read)
            if order.progress:
                order.progress(mark.position, order.through)
            if mark.position >= order.through:
                return mark


def _next_batch(db: apsw.Connection, order: Feed, plan: Plan, read: Callable[[int], Batch]) -> Checkpoint:
    # The checkpoint is read inside the transaction that moves it: two processes that catch up one model take turns.
    db.execute("BEGIN IMMEDIATE")
    try:
        mark = checkpoint.read(db)
        assert mark is not None, "the read model has lost its checkpoint"
        if mark.position < order.through:
            batch = read(mark.position)
            _apply(db, order, plan, batch)
            mark = _moved(mark, order, batch)
            checkpoint.advance(db, mark)
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
    return mark


def _read(order: Feed, plan: Plan, after: int) -> Batch:
    return plan.read(order.log, after=after, through=order.through, limit=_batch_max(order))


def _batch_max(order: Feed) -> int:
    return min(order.batch, order.projector.batch_max)


def _moved(mark: Checkpoint, order: Feed, batch: Batch) -> Checkpoint:
    """The checkpoint behind the batch; behind the last one, at the end of what is fed."""
    moved = mark._replace(events=mark.events + len(batch.hashes), digest=checkpoint.add(mark.digest, batch.hashes))
    if batch.complete:
        return moved._replace(position=order.through, hash=hash_at(order.log, order.through))
    return moved._replace(position=batch.last, hash=batch.hashes[-1])


def hash_at(log: Log, position: int) -> bytes:
    """The log's hash at a position that exists."""
    if position == 0:
        return checkpoint.NO_HASH
    head = log.head()
    if head.position == position:
        return head.hash
    return log.read(after=position - 1, through=position, limit=1)[0].hash


def _apply(db: apsw.Connection, order: Feed, plan: Plan, batch: Batch) -> None:
    try:
        plan.apply(db, batch, order.log)
    except STORAGE:
        raise
    except Exception as error:
        if db.pragma("journal_mode") == "off":
            raise CannotUndo from error
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise _poison(db, order, plan, batch, error) from error


def _poison(db: apsw.Connection, order: Feed, plan: Plan, batch: Batch, error: Exception) -> PoisonEvent:
    """Name the event that the projector cannot take: apply the batch again, one by one, and undo it."""
    db.execute("BEGIN IMMEDIATE")
    try:
        for one in batch.singles():
            try:
                plan.apply(db, one, order.log)
            except Exception as found:  # noqa: BLE001 - whatever a handler raises is what we look for
                position, topic = one.states[0][0], one.states[0][1]
                event = f"the event at position {position} ({topic})"
                return PoisonEvent(
                    f"{order.projector.name}: {event} cannot be taken: {_said(found)}",
                    hint=f"The read model stays where it was. `cli audit show {position}` shows the event.",
                )
    finally:
        db.execute("ROLLBACK")
    span = f"{batch.states[0][0]} to {batch.states[-1][0]}"
    return PoisonEvent(f"{order.projector.name}: the events {span} cannot be taken together: {_said(error)}")


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
