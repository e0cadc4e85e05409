"""`cli health`: look, mend what can be derived again, and stop writers where the ledger itself is damaged."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from wsgiref.simple_server import WSGIServer

from msgspec import Struct

from domain.errors import HomeError, StoreError
from domain.moments import instant
from ledger import guarding
from ledger.log import open_log
from ledger.verifying import verify_log
from operations.health.answers import Answer, Look, State, answers, broken_models
from operations.home import LEDGER, check_no_strangers, enough_room, models_bytes
from operations.monitoring.alerting import Notice, due, tell
from operations.monitoring.conditions import Condition, Level, conditions
from operations.monitoring.counting import Counts
from operations.monitoring.keeping import open_monitor
from operations.monitoring.measuring import NOT_KEPT, Figure, measured
from operations.monitoring.metrics import serve as serve_metrics
from operations.monitoring.metrics import write as write_metrics
from operations.monitoring.noted import noted
from operations.secrets import mask_of
from operations.settings import read as read_settings
from operations.stores import mend_files, writers
from projections import catalog
from projections.rebuilding import rebuild

HEALTH_JOB = "health"


class Health(Struct, kw_only=True):
    """The answers. healed: read models that were broken and were derived again, a sentence each.

    figures: what was measured; conditions: what of it is worth an alert. writers: who writes to which store now.
    """

    home: str
    looked_at: str
    answers: list[Answer]
    healed: list[str]
    figures: list[Figure] = []
    conditions: list[Condition] = []
    writers: list[str] = []

    @property
    def exit_code(self) -> int:
        """0 when every answer is `ok`; 1 when one is not, and also when one is not known."""
        return int(any(answer.state is not State.OK for answer in self.answers))


def health(home: Path, *, now: datetime, repair: bool = True) -> Health:
    """Answer the five questions. repair: derive broken read models again first; the ledger is never mended.

    A ledger that is not sound is copied aside as it is and marked, so that nothing is written to it any more; a mark is
    taken away when the whole ledger verifies. Raises HomeError when there is none.
    """
    if not (home / LEDGER).exists():
        raise HomeError(f"there is no ledger in {home}", hint="Name the home with --home.")
    settings = read_settings(home)
    _look_at_the_ledger(home, now)
    try:
        with open_log(home) as log:
            healed = _healed(home) if repair and not guarding.marked(home) else []
            found = answers(Look(home, log, settings, now))
            figures = measured(home, log, settings, now)
            with open_monitor(home) as monitor:
                monitor.keep([one for one in figures if one.name not in NOT_KEPT], now)
                figures += noted(figures, monitor, now)
                said = conditions(figures, monitor, now)
    except StoreError as error:
        reason = f"{error.message}"
        found = [Answer(question="provable", state=State.BAD, reason=reason, next="cli restore --into DIR --replace")]
        healed, figures, said = [], [], []
    # What no figure shows: an answer that is bad is worth an alert as well.
    said += [Condition("health", one.question, Level.ERROR, one.reason) for one in found if one.state is State.BAD]
    return Health(
        home=str(home),
        looked_at=instant(now.astimezone(UTC)),
        answers=found,
        healed=healed,
        figures=figures,
        conditions=said,
        writers=writers(home),
    )


def alert(found: Health, home: Path, *, now: datetime) -> tuple[list[Notice], list[str]]:
    """Tell whoever is to be told what has changed; returns the notices, and which channels failed."""
    settings = read_settings(home).alerts
    with open_monitor(home) as monitor:
        notices = due(mask_of(home).content(found.conditions), monitor, settings, now)
    return notices, tell(home, notices, settings, now)


class Looked(NamedTuple):
    """What `look` did: the answers, who was told what, and which channels of the alerts failed."""

    health: Health
    notices: list[Notice]
    failed: list[str]


def look(home: Path, *, repair: bool, alerts: bool, metrics: Path | None) -> Looked:
    """Answer the questions as of now; on request tell whoever is to be told, and write the figures into a file."""
    now = datetime.now(UTC)
    found = health(home, now=now, repair=repair)
    if metrics is not None:
        write_metrics(found.figures, metrics)
    notices, failed = alert(found, home, now=now) if alerts else ([], [])
    if alerts:
        _note_that_it_looked(home, now)
    return Looked(found, notices, failed)


def _note_that_it_looked(home: Path, now: datetime) -> None:
    """As a job of the schedule it is done whatever it found; else the next would find it late, and so on for ever."""
    with open_monitor(home) as monitor:
        if monitor.job_done_at(HEALTH_JOB) is not None:
            monitor.note_job(HEALTH_JOB, instant(now))


def serve(home: Path, *, host: str, port: int) -> WSGIServer:
    """Answer with what is measured at each request, until the server is shut down. Nothing is healed and nobody told."""
    counts = Counts()

    def measure() -> list[Figure]:
        with open_log(home) as log:
            now = datetime.now(UTC)
            figures = measured(home, log, read_settings(home), now, counts)
            with open_monitor(home) as monitor:
                return [*figures, *noted(figures, monitor, now)]

    measure()  # what is wrong with the home is said before anybody asks
    return serve_metrics(measure, host=host, port=port)


def _look_at_the_ledger(home: Path, now: datetime) -> None:
    """Mark a damaged ledger; take a mark away from one that is sound again, as after a file was put back."""
    path = home / LEDGER
    if guarding.marked(home):
        if not verify_log(path).findings:
            guarding.unmark(home)
        return
    try:
        wrong = guarding.tail_findings(path)
    except StoreError:
        wrong = []
    findings = verify_log(path).findings if wrong else []
    if findings:  # else a sound ledger was put in its place between the two looks
        first = min((one.position for one in findings if one.position), default=wrong[0].position or 1)
        guarding.mark(
            home, path, found_at=instant(now.astimezone(UTC)), last_good=max(0, first - 1), reason=findings[0].message
        )


def _healed(home: Path) -> list[str]:
    """Derive again what is missing, corrupt or saw other events than the log has; what is merely behind stays so."""
    done = []
    with open_log(home) as log:
        for name, reason in broken_models(home, log).items():
            check_no_strangers(home, [name])
            with enough_room(home, models_bytes(home)):
                made = rebuild(catalog.find(name), log, home)
            done.append(f"{catalog.file_of(name)} was derived again from {made.events:,} events, because: {reason}")
        done += mend_files(home, log)
    return done
