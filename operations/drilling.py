"""`cli drill`: restore the newest copy elsewhere, and prove that it is the home it was made of."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from functools import partial
from pathlib import Path

from msgspec import Struct

from domain.errors import DiskFull, LedgerError
from domain.event import encode, topic_of
from domain.moments import instant
from domain.upkeep import RestoreFailed, RestoreProven
from ledger.log import Entry, Log, open_log
from operations.backup.copies import Copy, all_copies
from operations.home import BACKUPS, enough_room, models_bytes, time_stamp
from operations.locking import held
from operations.restoring import Restored, restore
from operations.settings import read as read_settings
from operations.standing_at import unlike_live
from projections import catalog
from projections.comparing import table_digests
from projections.engine import model_path
from projections.places import known_places
from projections.projector import Projector
from replay.run import Tell

STREAM = "ledger:drills"
_LEFT = ".drill-"
_LOCK = "drill.lock"


class Verdict(StrEnum):
    """What a drill found. inconclusive: it could not be carried out, which says nothing about the copies."""

    PROVEN = "proven"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"


class Drill(Struct, kw_only=True):
    """What a drill found. reason: why it is not proven.

    lost_events, lost_seconds: what would be lost if the home were lost now; recover_seconds: restoring, deriving, verifying.
    """

    verdict: Verdict
    copy: str = ""
    reason: str = ""
    position: int = 0
    head: str = ""
    lost_events: int = 0
    lost_seconds: float = 0.0
    recover_seconds: float = 0.0

    @property
    def exit_code(self) -> int:
        """0 proven, 1 failed, 3 inconclusive."""
        return {Verdict.PROVEN: 0, Verdict.FAILED: 1, Verdict.INCONCLUSIVE: 3}[self.verdict]


def drill(home: Path, *, now: datetime, tell: Tell) -> Drill:
    """Restore the newest copy with the segments behind it, compare log and read models with the live ones, and record what
    was found. What was restored is removed again, whatever happens. Raises HomeError, HomeBusy.
    """
    open_log(home).close()  # there is a ledger
    settings = read_settings(home).backup
    places = [home / BACKUPS, *([Path(settings.to)] if settings.to else [])]
    newest = max((copy for copy in all_copies(*places)), key=_made_at, default=None)
    if newest is None:
        return Drill(verdict=Verdict.INCONCLUSIVE, reason="there is no copy yet; make one: cli backup")
    try:
        # One at a time: each begins by removing what drills that were killed have left.
        with (
            enough_room(home, models_bytes(home)),
            held(home / _LOCK, "drill", f"another drill of {home} is being made"),
        ):
            found = _tried(home, places, newest, now, tell)
    except DiskFull as error:
        return Drill(verdict=Verdict.INCONCLUSIVE, copy=_name(newest), reason=error.message)
    _record(home, found, now)
    return found


def _name(copy: Copy) -> str:
    return f"{copy.tier}/{copy.name}"


def _made_at(copy: Copy) -> str:
    """When the copy was made; a damaged manifest does not tell, but its folder does."""
    if copy.manifest:
        return copy.manifest.made_at
    return instant(datetime.fromtimestamp(copy.path.stat().st_mtime, UTC))


def _tried(home: Path, places: Sequence[Path], newest: Copy, now: datetime, tell: Tell) -> Drill:
    name = _name(newest)
    if problems := newest.problems():
        return Drill(verdict=Verdict.FAILED, copy=name, reason=f"{name}: {problems[0]}")
    with _scratch(home / BACKUPS, now) as scratch:
        try:
            restored = restore(places, scratch / "home", at=None, dry_run=False, replace=False, tell=tell)
        except LedgerError as error:
            if isinstance(error, DiskFull):
                raise
            return Drill(verdict=Verdict.FAILED, copy=name, reason=error.message)
        with open_log(home) as log:
            reason = next(_differences(log, restored, scratch), None)
            return _judged(log, restored, name, reason, now)


@contextmanager
def _scratch(folder: Path, now: datetime) -> Iterator[Path]:
    """A folder for what is restored; those of drills that were killed go as well."""
    for left in folder.glob(f"{_LEFT}*"):
        shutil.rmtree(left, ignore_errors=True)
    scratch = folder / f"{_LEFT}{time_stamp(now)}"
    scratch.mkdir(mode=0o700)
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _differences(log: Log, restored: Restored, scratch: Path) -> Iterator[str]:
    """What of the restored home is not as in the live one at the same position, a sentence each."""
    yield from restored.findings
    yield from restored.plan.skipped
    position = restored.plan.position
    if position > log.head().position or log.at([position])[0].hash.hex() != restored.plan.head:
        yield f"the restored log ends with another event at {position} than the live one has there"
        return
    with open_log(scratch / "home") as copied:
        models = catalog.projectors_of(copied)  # the live log may be about more by now
    for projector in models:
        copy = model_path(scratch / "home", projector.name)
        compare = partial(_other_rows, projector, copy=copy, position=position)
        yield from unlike_live(projector, log, position, scratch=scratch / "live", compare=compare)


def _other_rows(projector: Projector, live: Path, *, copy: Path, position: int) -> list[str]:
    """Tables, and files of a read model that has many, that do not hold the same rows."""
    wanted, found = table_digests(live), table_digests(copy)
    unlike = [
        f"{projector.file}: table {table} is not as in the live one at position {position:,}"
        for table in sorted(wanted.keys() | found.keys())
        if wanted.get(table) != found.get(table)
    ]
    return [*unlike, *(_other_files(live.parent, copy.parent, position) if projector.files else [])]


def _other_files(live: Path, restored: Path, position: int) -> Iterator[str]:
    """Files of a read model that do not hold the same rows in two folders. Those of the restored home were just verified."""
    wanted, found = known_places(live), known_places(restored)
    for path in sorted(wanted.keys() | found.keys()):
        here, there = wanted.get(path), found.get(path)
        if here is None or there is None or (here.rows, here.digest) != (there.rows, there.digest):
            yield f"{live.name}/{path} is not as in the live one at position {position:,}"


def _judged(log: Log, restored: Restored, name: str, reason: str | None, now: datetime) -> Drill:
    plan, head = restored.plan, log.head().position
    lost = head - plan.position
    lost_seconds = 0.0
    if lost > 0:
        (first,) = log.at([plan.position + 1])
        lost_seconds = max(0.0, (now - datetime.fromisoformat(first.recorded_at)).total_seconds())
    return Drill(
        verdict=Verdict.FAILED if reason else Verdict.PROVEN, copy=name, reason=reason or "", position=plan.position,
        head=plan.head, lost_events=max(lost, 0), lost_seconds=round(lost_seconds, 3), recover_seconds=restored.seconds,
    )  # fmt: skip


def _record(home: Path, found: Drill, now: datetime) -> None:
    moment = instant(now.astimezone(UTC))
    if found.verdict is Verdict.PROVEN:
        event: RestoreProven | RestoreFailed = RestoreProven(
            occurred_at=moment, copy=found.copy, position=found.position, head=found.head, lost_events=found.lost_events,
            lost_seconds=Decimal(str(found.lost_seconds)), recover_seconds=Decimal(str(found.recover_seconds)),
        )  # fmt: skip
    else:
        event = RestoreFailed(occurred_at=moment, copy=found.copy, reason=found.reason)
    with open_log(home, write=True, command="drill") as log:
        log.append([Entry(STREAM, topic_of(type(event)), encode(event))])
