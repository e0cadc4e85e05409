"""The five questions: captured, complete, provable, restorable, current. Each is answered from evidence that has an age."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import Struct

from domain.errors import LedgerError
from domain.event import decode
from domain.upkeep import RestoreFailed, RestoreProven
from ledger import seal as seals
from ledger.guarding import marked, tail_findings
from ledger.log import Log
from operations.backup.copies import all_copies
from operations.drilling import STREAM as DRILLS
from operations.home import BACKUPS, LEDGER, REPORTS
from operations.monitoring.keeping import open_monitor
from operations.settings import Settings
from operations.stores import broken_files, foreign_stores, said_of, unsealed
from projections import catalog
from projections.building import recount, standing
from projections.engine import model_path, reason_to_rebuild
from projections.feeding import Feed
from projections.stopping import read_stop

DAY_S = 86_400


class State(StrEnum):
    """unknown: there is no evidence, which is not the same as all is well."""

    OK = "ok"
    WARNING = "warning"
    BAD = "bad"
    UNKNOWN = "unknown"


class Answer(Struct, kw_only=True):
    """One answer. age_seconds: of the newest evidence, None when there is none. next: the command that helps."""

    question: str
    state: State
    reason: str
    age_seconds: float | None = None
    next: str = ""


class Look(NamedTuple):
    """What the answers look at."""

    home: Path
    log: Log
    settings: Settings
    now: datetime

    def age(self, moment: str) -> float:
        """Seconds since an instant; a clock that was set back does not make it negative."""
        return max(0.0, (self.now - datetime.fromisoformat(moment)).total_seconds())


class Said(NamedTuple):
    """What a question is answered with; see Answer."""

    state: State
    reason: str
    age: float | None = None
    next: str = ""


def answers(look: Look) -> list[Answer]:
    """All five; a question whose evidence cannot be read is answered with `unknown` and the reason."""
    found = []
    for ask in (captured, complete, provable, restorable, current):
        try:
            said = ask(look)
        except LedgerError as error:
            said = Said(State.UNKNOWN, error.message, next="cli verify ledger")
        found.append(
            Answer(question=ask.__name__, state=said.state, reason=said.reason, age_seconds=said.age, next=said.next)
        )
    return found


class _Report(Struct):
    """What is read of the newest report of a replay."""

    source: str
    started_at: str
    failed: dict[str, str]
    breaks: list[msgspec.Raw]
    mismatches: list[msgspec.Raw]


def captured(look: Look) -> Said:
    """Whether everything that the sources hold was recorded: the newest report of a replay says so."""
    reports = sorted((look.home / REPORTS).glob("replay-*.json"))
    if not reports:
        return Said(State.OK, "no source was ever replayed; what is here was entered here")
    again = "cli replay SOURCE"
    try:
        report = msgspec.json.decode(reports[-1].read_bytes(), type=_Report)
    except msgspec.MsgspecError as error:
        return Said(State.UNKNOWN, f"{reports[-1].name} cannot be read: {error}", next=again)
    age = look.age(report.started_at)
    if report.failed:
        name, why = next(iter(report.failed.items()))
        reason = f"{len(report.failed)} files of {report.source} could not be read, such as {name}: {why}"
        return Said(State.BAD, reason, age, again)
    if report.mismatches:
        return Said(State.BAD, f"the proof of the last replay found {len(report.mismatches)} differences", age, again)
    if report.breaks:
        where = f"{REPORTS}/{reports[-1].stem}.md"
        return Said(State.WARNING, f"{len(report.breaks)} breaks stand open between the sources: {where}", age, again)
    if age > look.settings.health.replay_days * DAY_S:
        return Said(State.WARNING, f"{report.source} was replayed and proven, but long ago", age, again)
    return Said(State.OK, f"the last replay of {report.source} was proven", age)


def complete(look: Look) -> Said:
    """Whether each read model saw every event up to where it stands: counts and digests are taken from the log again."""
    broken = broken_models(look.home, look.log)
    stops = [
        f"{one.file} {stop}" for one in catalog.projectors_of(look.log) if (stop := read_stop(one, look.log, look.home))
    ]
    files, foreign = broken_files(look.home, look.log), foreign_stores(look.home, look.log)
    if broken or stops or files or foreign:
        wrong = [*(f"{catalog.file_of(name)}: {reason}" for name, reason in broken.items()), *stops, *map(str, files)]
        wrong += [one.message for one in foreign]
        help_ = "cli verify projections --repair" if broken else "cli health" if files else ""
        help_ = foreign[0].hint if foreign else help_
        return Said(State.BAD, "; ".join(wrong), 0.0, help_)
    return Said(State.OK, "each read model saw every event up to where it stands", 0.0)


def broken_models(home: Path, log: Log) -> dict[str, str]:
    """Read models that must be derived again, and why; one that stands still at an event is not among them."""
    found = {}
    for projector in catalog.projectors_of(log):
        if read_stop(projector, log, home):
            continue
        path = model_path(home, projector.name)
        at = standing(path)
        reason = reason_to_rebuild(Feed(projector, log, log.head().position), at, path)
        if at is None or reason is not None:
            found[projector.name] = reason or "it cannot be read"
        elif (at.mark.events, at.mark.digest) != recount(Feed(projector, log, at.mark.position, at.mark.as_of)):
            found[projector.name] = f"it saw other events than the log has up to {at.mark.position:,}"
    return found


def provable(look: Look) -> Said:
    """Whether the log could have been changed unseen: the newest events are hashed again, and the newest seal must fit."""
    if damage := marked(look.home):
        reason = f"damage was found at {damage.found_at}: {damage.reason}; the last good event is {damage.last_good:,}"
        back = f"cli restore --at {damage.last_good} --into {look.home} --replace"
        return Said(State.BAD, reason, next=f"{back}; what came after it: cli health --salvage DIR")
    if wrong := tail_findings(look.home / LEDGER):
        return Said(State.BAD, wrong[0].message, 0.0, "cli verify ledger")
    paths = seals.seals_in(look.home / seals.FOLDER)
    if not paths:
        reason = "the newest events fit their hashes, but the log was never sealed"
        return Said(State.WARNING, reason, 0.0, "cli audit seal --to DISK")
    seal, head = seals.read(paths[-1]), look.log.head().position
    age = look.age(seal.time)
    if not seal.is_signed() or seal.position > head or look.log.at([seal.position])[0].hash.hex() != seal.head:
        return Said(State.BAD, f"the log is not the one that was sealed at {seal.position:,}", age, "cli verify ledger")
    # The seal itself is an event behind what it seals.
    unsealed = max(0, head - seal.position - 1)
    reason = f"sealed up to {seal.position:,}, {unsealed:,} events since"
    stale = unsealed > 0 and age > look.settings.health.seal_days * DAY_S
    return Said(State.WARNING if stale else State.OK, reason, age, "cli audit seal" if stale else "")


def restorable(look: Look) -> Said:
    """Whether this home would come back if it were lost: the last drill says so, as far as the newest copy goes."""
    settings = look.settings
    places = [look.home / BACKUPS, *([Path(settings.backup.to)] if settings.backup.to else [])]
    copies = [copy.manifest for copy in all_copies(*places) if copy.manifest]
    if not copies:
        return Said(State.BAD, "there is no copy of this home", next="cli backup daily")
    newest = max(copy.made_at for copy in copies)
    drills = look.log.stream(DRILLS)
    if not drills:
        reason = f"the newest copy is of {newest}, but none was ever restored to see whether it can be"
        return Said(State.UNKNOWN, reason, next="cli drill")
    last = decode(drills[-1].topic, drills[-1].state)
    age = look.age(drills[-1].recorded_at)
    if isinstance(last, RestoreFailed):
        return Said(State.BAD, f"the last drill failed: {last.reason}", age, "cli backup daily, then cli drill")
    assert isinstance(last, RestoreProven), f"{DRILLS} holds {drills[-1].topic}"
    if look.age(newest) > settings.health.backup_hours * 3600:
        reason = f"the newest copy is of {newest}; what came after it would be lost"
        return Said(State.WARNING, reason, look.age(newest), "cli backup")
    reason = f"{last.copy} was restored and was equal, in {last.recover_seconds} s; the newest copy is of {newest}"
    stale = age > settings.health.drill_days * DAY_S
    return Said(State.WARNING if stale else State.OK, reason, age, "cli drill" if stale else "")


def current(look: Look) -> Said:
    """Whether the read models show the newest events, sessions that are over are put away, and jobs are done on their times."""
    head, lags = look.log.head().position, []
    for projector in catalog.projectors_of(look.log):
        found = standing(model_path(look.home, projector.name))
        position = found.mark.position if found else 0
        if position < head:
            lags.append((head - position, position + 1, projector.file))
    if not lags:
        return _undone(look) or Said(State.OK, "every read model is at the head of the log", 0.0)
    events, first, file = max(lags)
    age = look.age(look.log.at([first])[0].recorded_at)
    many = "1 read model is" if len(lags) == 1 else f"{len(lags)} read models are"
    reason = f"{many} behind, {file} the most: {events:,} events, the first recorded {age:,.0f} s ago"
    late = age > look.settings.health.lag_seconds
    if not late and (undone := _undone(look)):
        return undone._replace(reason=f"{undone.reason}; {reason}", age=age)
    return Said(State.BAD if late else State.OK, reason, age, "cli catch-up" if late else "")


def _undone(look: Look) -> Said | None:
    """What should have been done by now: sessions to be put away, jobs."""
    reasons, helps = _late_jobs(look), list[str]()
    if reasons:
        helps.append("cli run")
    if sessions := unsealed(look.home, look.log, look.now):
        said = said_of(sessions)
        reasons.insert(0, said.reason)
        helps.insert(0, said.next)
    return Said(State.WARNING, "; ".join(reasons), next=", then ".join(helps)) if reasons else None


def _late_jobs(look: Look) -> list[str]:
    """Jobs that were once done and should have been done again since; where none ever was, somebody else sees to them."""
    # Loaded here: the scheduler is needed only where `cli run` has noted a job.
    with open_monitor(look.home) as monitor:
        done = dict(monitor.jobs())
    if not done:
        return []
    from operations.scheduling.jobs import jobs  # noqa: PLC0415 - see above

    late = [
        (job.name, age)
        for job in jobs(look.settings.schedule)
        if job.name in done and (age := look.age(done[job.name])) > job.late_after.total_seconds()
    ]
    return [f"the job {name} was last done {age / DAY_S:,.1f} days ago" for name, age in late]
