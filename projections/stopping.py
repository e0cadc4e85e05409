"""A read model that met an event it cannot take: it stops right before it, says so, and goes on when it can."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from domain.moments import instant
from ledger.log import Log
from projections.building import Standing, standing
from projections.engine import CaughtUp, PoisonEvent, catch_up, model_path, reason_to_rebuild
from projections.feeding import BATCH_EVENTS, Feed, OnProgress
from projections.plan import Plan
from projections.projector import Projector
from projections.rebuilding import rebuild_file
from projections.schema import schema_of

SUFFIX = ".stopped.json"
_SHRINK = 10


class Stop(Struct, frozen=True, kw_only=True):
    """Where a read model stands still, kept in a file beside it so that nobody has to try to know.

    position, topic, recorded_at, hash: the event. error: what the projector said. since: when it was met first. version and
    schema: the code that met it; other code tries again.
    """

    model: str
    position: int
    topic: str
    recorded_at: str
    hash: str
    error: str
    since: str
    version: int
    schema: str

    def __str__(self) -> str:
        return (
            f"stopped before position {self.position:,} ({self.topic}, recorded {self.recorded_at}) since {self.since}: "
            f"{self.error}. See the event: cli audit show {self.position}. When the projector is mended: cli catch-up"
        )


def read_stop(projector: Projector, log: Log, home: Path) -> Stop | None:
    """Where the read model stands still; None when it does not, or when code or log are not those that stopped it."""
    return _read(projector, log, model_path(home, projector.name))


def _read(projector: Projector, log: Log, path: Path) -> Stop | None:
    try:
        stop = msgspec.json.decode(_note(path).read_bytes(), type=Stop)
    except (FileNotFoundError, msgspec.DecodeError):
        return None
    same_code = (stop.version, stop.schema) == (projector.version, schema_of(projector).digest)
    found = log.read(after=stop.position - 1, through=stop.position, limit=1)
    same_event = [one.hash.hex() for one in found] == [stop.hash]
    return stop if same_code and same_event and not _is_past(stop, standing(path)) else None


def _is_past(stop: Stop, found: Standing | None) -> bool:
    """Whether the model has taken the event after all, by a command that leaves no note."""
    code = found and (found.mark.version, found.mark.schema_digest)
    return found is not None and code == (stop.version, stop.schema) and found.mark.position >= stop.position


def catch_up_or_stop(
    projector: Projector,
    log: Log,
    path: Path,
    *,
    retry: bool = True,
    batch: int = BATCH_EVENTS,
    progress: OnProgress | None = None,
) -> CaughtUp | Stop:
    """Like `catch_up`, but at an event that cannot be taken the model stops right before it, and that is the answer.

    A model that older code has brought further is left as it is. retry: derive such a model again, to see whether it still
    stops; one that is merely continued always tries.
    """
    order = Feed(projector, log, log.head().position, batch=batch, progress=progress)
    stop = _read(projector, log, path)
    if stop is not None and not retry and _kept_of_older_code(order, path):
        return stop
    try:
        done = catch_up(projector, log, path, batch=batch, progress=progress)
    except PoisonEvent as error:
        return _stopped(order, path, error)
    # One that still counts was left by others, who have met a newer event meanwhile.
    if _read(projector, log, path) is None:
        _note(path).unlink(missing_ok=True)
    return done


def _kept_of_older_code(order: Feed, path: Path) -> bool:
    old = standing(path)
    return old is not None and reason_to_rebuild(order, old, path) is not None


def _stopped(order: Feed, path: Path, error: PoisonEvent) -> CaughtUp | Stop:
    """Bring the model to the event before the one that cannot be taken, and leave a note."""
    old = standing(path)
    again = reason_to_rebuild(order, old, path)
    if again is None:
        done = _crept(order, path, error)
    else:
        # Derived elsewhere first, to learn how far it goes.
        with tempfile.TemporaryDirectory(prefix="daybook-") as folder:
            done = _crept(order, Path(folder) / path.name, error)
    if isinstance(done, CaughtUp):
        return done if again is None else catch_up(order.projector, order.log, path, batch=1)
    if again is not None and (old is None or old.mark.position < done.position):
        rebuild_file(order._replace(through=done.position - 1), path, compare=False)
    return _noted(order, path, done)


def _crept(order: Feed, path: Path, error: PoisonEvent) -> CaughtUp | Stop:
    """Catch up in ever smaller batches, so that all before the event goes in; where it stops then."""
    projector, log = order.projector, order.log
    if not path.exists():
        catch_up(projector, log, path, through=0)
    for batch in _shrinking(order.batch):
        try:
            return catch_up(projector, log, path, batch=batch)
        except PoisonEvent as found:
            error = found
    reached = standing(path)
    assert reached is not None, f"{path.name} is gone"
    (event,) = log.read(after=reached.mark.position, topics=Plan(projector).topics, limit=1)
    said = error.message.partition("cannot be taken: ")[2] or error.message
    return Stop(
        model=projector.name, position=event.position, topic=event.topic, recorded_at=event.recorded_at,
        hash=event.hash.hex(), error=said, since=instant(datetime.now(UTC)), version=projector.version,
        schema=schema_of(projector).digest,
    )  # fmt: skip


def _shrinking(batch: int) -> Iterator[int]:
    while batch > 1:
        yield batch
        batch //= _SHRINK
    yield 1


def _noted(order: Feed, path: Path, stop: Stop) -> Stop:
    """Write the note, with the time of the note before where it is about the same."""
    before = _read(order.projector, order.log, path)
    if before is not None and before.position == stop.position:
        stop = msgspec.structs.replace(stop, since=before.since)
    note = _note(path)
    unfinished = note.with_name(f"{note.name}.{os.getpid()}")
    unfinished.write_bytes(msgspec.json.format(msgspec.json.encode(stop), indent=1))
    unfinished.replace(note)
    return stop


def _note(path: Path) -> Path:
    return path.with_name(path.stem + SUFFIX)
