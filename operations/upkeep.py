"""`cli maintain`: what is done each day, week and month so that a home stays well (legacy facts 4.4, its faults left out)."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

import apsw
from msgspec import Struct

from domain.errors import LedgerError
from ledger.log import open_log
from operations.backup.copies import copies_of
from operations.backup.tiers import Tier
from operations.drilling import Verdict, drill
from operations.health.looking import health
from operations.home import BACKUPS, LEDGER, size_of
from operations.monitoring.keeping import open_monitor
from operations.monitoring.measuring import Figure
from operations.monitoring.noted import NOT_WRITTEN_BACK, VACUUMED
from operations.retention import retention
from operations.settings import read as read_settings
from operations.soundness import check_soundness
from operations.trimming import Trimmed, trim_cleanup_logs, trim_plans
from projections import catalog
from projections.engine import catch_up, model_path
from projections.profiles import BUSY_MS
from replay.run import Tell

VACUUM_FROM = 0.25
"""A read model is vacuumed when this part of its pages is free."""


class Outcome(StrEnum):
    """skipped: there was nothing to do, or no ground to do it on; the reason says which."""

    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"


class Step(Struct, kw_only=True):
    """One step of upkeep. said: what was done, or why not."""

    name: str
    outcome: Outcome
    said: str
    seconds: float = 0.0


class Upkeep(Struct, kw_only=True):
    """What a round of upkeep did."""

    how_often: str
    steps: list[Step]

    @property
    def exit_code(self) -> int:
        """1 when a step failed; the others were done all the same."""
        return int(any(step.outcome is Outcome.FAILED for step in self.steps))


class Found(NamedTuple):
    """What a step found or did."""

    outcome: Outcome
    said: str


class Round(NamedTuple):
    """What the steps work on."""

    home: Path
    now: datetime
    tell: Tell


def maintain(home: Path, how_often: str, *, now: datetime, tell: Tell) -> Upkeep:
    """Do the steps of the day, the week or the month; one that fails does not keep the next from being done.

    how_often: daily, weekly or monthly. Raises HomeError when there is no ledger.
    """
    open_log(home).close()
    work, steps = Round(home, now, tell), []
    for name, step in STEPS[how_often].items():
        tell("maintain", name, 0, 0)
        begin = time.perf_counter()
        try:
            found = step(work)
        except (LedgerError, apsw.Error, OSError) as error:
            found = Found(Outcome.FAILED, getattr(error, "message", "") or str(error))
        seconds = round(time.perf_counter() - begin, 3)
        steps.append(Step(name=name, outcome=found.outcome, said=found.said, seconds=seconds))
    return Upkeep(how_often=how_often, steps=steps)


def _look(work: Round) -> Found:
    found = health(work.home, now=work.now)
    not_ok = [f"{one.question} is {one.state}: {one.reason}" for one in found.answers if one.state == "bad"]
    healed = "; ".join(found.healed)
    if not_ok:
        return Found(Outcome.FAILED, "; ".join(filter(None, [*not_ok, healed])))
    return Found(Outcome.DONE, healed or "nothing is broken")


def _check(work: Round) -> Found:
    found = check_soundness(work.home, now=work.now)
    if found.ledger:
        return Found(Outcome.FAILED, "the ledger is damaged and was closed to writers: " + "; ".join(found.ledger))
    return Found(Outcome.DONE, "; ".join(found.healed) or f"{found.checked} databases are sound")


def _grown(work: Round) -> Found:
    """Say how much each database grew in 30 days; the sizes are noted whenever health is looked at."""
    said = []
    with open_monitor(work.home) as monitor:
        for path in _databases(work.home):
            name = str(path.relative_to(work.home))
            before = monitor.earliest("daybook_database_bytes", name, since=work.now - timedelta(days=30))
            if before is not None:
                days = (work.now - before[0]) / timedelta(days=1)
                said.append(f"{name} {(path.stat().st_size - before[1]) / 1e6:+.1f} MB in {days:.0f} days")
    return Found(Outcome.DONE, ", ".join(said)) if said else Found(Outcome.SKIPPED, "nothing was measured yet")


def _bring_up(work: Round) -> Found:
    with open_log(work.home) as log:
        applied = sum(catch_up(one, log, model_path(work.home, one.name)).events for one in catalog.projectors_of(log))
    return Found(
        Outcome.DONE if applied else Outcome.SKIPPED, f"{applied:,} events" if applied else "nothing was behind"
    )


def _let_go(work: Round) -> Found:
    found = retention(work.home, now=work.now)
    said = []
    if found.purged or found.orphans:
        said.append(f"{len(found.purged)} securities forgotten, the grace of {len(found.orphans)} orphans began")
    if found.archived.files:
        said.append(f"{len(found.archived.files):,} day files archived, {found.archived.rows:,} rows")
    said += [f"{one.files:,} old day files stay: {one.reason}" for one in found.archived.held]
    if not said:
        return Found(Outcome.SKIPPED, "nothing is over its days of grace")
    return Found(Outcome.DONE, "; ".join(said))


def _write_back(work: Round) -> Found:
    """Bring what stands in each -wal into its database, and the -wal down to nothing, as far as readers let it."""
    errors: dict[str, float] = {}
    sizes = 0
    try:
        for path in _databases(work.home):
            name = str(path.relative_to(work.home))
            sizes += size_of(path.with_name(f"{path.name}-wal"))
            errors[name] = 1.0
            errors[name] = float(not _is_written_back(work.home, path))
    finally:
        with open_monitor(work.home) as monitor:
            monitor.keep([Figure(NOT_WRITTEN_BACK, name, error) for name, error in errors.items()], work.now)
    busy = [name for name, error in errors.items() if error]
    if busy:
        return Found(
            Outcome.DONE, f"{sizes / 1e6:.1f} MB; readers hold {', '.join(busy)}, the rest is written back later"
        )
    return Found(Outcome.DONE if sizes else Outcome.SKIPPED, f"{sizes / 1e6:.1f} MB")


def _is_written_back(home: Path, path: Path) -> bool:
    """Write a -wal back; returns whether no reader kept it from being done whole."""
    if path.name == LEDGER:
        with open_log(home, write=True, command="maintain") as log:
            return log.checkpoint()
    with closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)) as db:
        # The pragma, which reads the file first: a connection that has read nothing knows of no -wal, and does nothing.
        return not db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()[0][0]


def _databases(home: Path) -> list[Path]:
    paths = [home / LEDGER, *(model_path(home, one.name) for one in catalog.projectors())]
    return [path for path in paths if path.exists()]


def _give_back(work: Round) -> Found:
    """Give the free pages of read models back to the disk; the ledger has none, since nothing is ever deleted from it."""
    freed = 0
    for projector in catalog.projectors():
        path = model_path(work.home, projector.name)
        if not path.exists():
            continue
        with closing(_opened(path)) as db:
            before = _number(db, "freelist_count")
            # Each row of the answer is a page that was given back: all must be asked for.
            db.execute("PRAGMA incremental_vacuum").fetchall()
            freed += (before - _number(db, "freelist_count")) * _number(db, "page_size")
    return Found(Outcome.DONE if freed else Outcome.SKIPPED, f"{freed / 1e6:.1f} MB" if freed else "no page is free")


def _opened(path: Path) -> apsw.Connection:
    """A read model to be written to, in turn with whoever brings it up just now."""
    db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    db.set_busy_timeout(BUSY_MS)
    return db


def _number(db: apsw.Connection, pragma: str) -> int:
    return int(str(db.pragma(pragma)))


def _look_at_yesterday(work: Round) -> Found:
    name = Tier.DAILY.period(work.now - timedelta(days=1))
    places = [work.home / BACKUPS, *filter(None, [_elsewhere(work.home)])]
    missing, problems = [], []
    for place in places:
        copy = next((one for one in copies_of(place, Tier.DAILY) if one.name == name), None)
        if copy is None:
            missing.append(str(place))
        else:
            problems += [f"{copy.path}: {said}" for said in copy.problems()]
    if problems:
        return Found(Outcome.FAILED, "; ".join(problems))
    if missing:
        return Found(Outcome.SKIPPED, f"there is no copy {name} in {', '.join(missing)}")
    return Found(Outcome.DONE, f"{name} is as it was made")


def _elsewhere(home: Path) -> Path | None:
    to = read_settings(home).backup.to
    return Path(to) if to else None


def _vacuum(work: Round) -> Found:
    """Write a read model anew where enough of it is free; the ledger is never written anew."""
    done = []
    for projector in catalog.projectors():
        path = model_path(work.home, projector.name)
        if not path.exists():
            continue
        with closing(_opened(path)) as db:
            pages = _number(db, "page_count")
            if pages and _number(db, "freelist_count") / pages >= VACUUM_FROM:
                db.execute("VACUUM")
                with open_monitor(work.home) as monitor:
                    monitor.keep([Figure(VACUUMED, projector.file, 1.0)], work.now)
                done.append(f"{projector.file} from {pages:,} to {_number(db, 'page_count'):,} pages")
    return Found(Outcome.DONE, "; ".join(done)) if done else Found(Outcome.SKIPPED, "it would not pay anywhere")


def _trim_plans(work: Round) -> Found:
    return _trimmed(trim_plans(work.home, now=work.now))


def _trim_cleanup_logs(work: Round) -> Found:
    return _trimmed(trim_cleanup_logs(work.home, now=work.now))


def _trimmed(found: Trimmed) -> Found:
    if not found.total:
        return Found(Outcome.SKIPPED, "no row is old enough")
    said = [f"{name} {count:,}" for name, count in found.rows.items() if count]
    return Found(Outcome.DONE, f"rows that the read models forgot, while the log keeps them: {', '.join(said)}")


def _drill(work: Round) -> Found:
    found = drill(work.home, now=work.now, tell=work.tell)
    if found.verdict is Verdict.PROVEN:
        return Found(Outcome.DONE, f"{found.copy} was restored in {found.recover_seconds:.1f} s and is equal")
    outcome = Outcome.FAILED if found.verdict is Verdict.FAILED else Outcome.SKIPPED
    return Found(outcome, found.reason)


STEPS: dict[str, dict[str, Callable[[Round], Found]]] = {
    "daily": {
        "health": _look,
        "integrity": _check,
        "catch up": _bring_up,
        "retention": _let_go,
        "write-ahead logs": _write_back,
        "free pages": _give_back,
        "yesterday's copy": _look_at_yesterday,
    },
    "weekly": {"old cleanups": _trim_cleanup_logs, "vacuum": _vacuum},
    "monthly": {"old plans": _trim_plans, "vacuum": _vacuum, "growth": _grown, "drill": _drill},
}
