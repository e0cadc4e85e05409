"""`cli cutover`: rehearse that the ledger can take the legacy system's place, and say that it has."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path

from msgspec import Struct, field

from domain import event as events
from domain.errors import LedgerError
from domain.event import topic_of
from domain.legacy import CutOver, ReplayStarted
from domain.moments import instant
from ledger.copying import back_up
from ledger.log import Entry, Log, open_log
from ledger.verifying import verify_log
from operations import rebuilding
from operations.home import LEDGER, check_has_its_ledger, enough_room, models_bytes
from operations.legacy_export import check_new_or_empty, write_legacy, writer
from operations.milestones import check_not_cut_over, cut_over_stream, last_run, runs
from operations.replaying import legacy_system, replay
from operations.standing_at import unlike_live
from operations.verifying import verify
from projections import catalog
from projections.comparing import file_differences
from projections.projector import Projector
from replay.freezing import State, state_of
from replay.reconciling import Break
from replay.report import RunReport
from replay.same_rows import differences
from replay.sources import Use, look
from replay.standing_rows import StandingRows
from replay.system import WritingBack
from replay.work import Tell

UNWRITTEN = "unwritten"
"""The kind of a break between the ledger and the files that would be the way back."""


class Step(Struct, kw_only=True):
    """One step of the rehearsal. found: why it failed, a sentence each; none when it passed. unread: what could not be read."""

    name: str
    checked: str = ""
    found: list[str] = field(default_factory=list)
    unread: bool = False
    seconds: float = 0.0


class CutOverReport(Struct, kw_only=True):
    """A rehearsal, and with `executed` the cut-over at event `position`. breaks: all that stand open; accepted: those that the
    user accepted, as kind:subject.
    """

    home: str
    source: str
    system: str
    steps: list[Step] = field(default_factory=list)
    breaks: list[Break] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)
    executed: bool = False
    position: int | None = None

    @property
    def passed(self) -> bool:
        """Whether every step was passed."""
        return not any(step.found for step in self.steps)

    @property
    def exit_code(self) -> int:
        """0 when all steps passed, 3 when something could not be read, else 1."""
        return 0 if self.passed else 3 if any(step.unread for step in self.steps) else 1


class CutOverRequest(Struct, kw_only=True, frozen=True):
    """What the user asks for. accept: open breaks to go along with, as kind:subject or a pattern; keep: where the restored copy
    stays.
    """

    source: Path
    system: str | None = None
    timezone: str | None = None
    accept: Sequence[str] = ()
    keep: Path | None = None
    execute: bool = False


def name_of(one: Break) -> str:
    """What a break is called when it is accepted."""
    return f"{one.kind}:{one.subject}"


def cut_over(home: Path, asked: CutOverRequest, *, tell: Tell) -> CutOverReport:
    """Rehearse; with `execute`, and when every step has passed, record that the ledger has taken the system's place.

    The last replay is a real one: it only adds what the legacy system wrote since, as any replay does.
    """
    back = writer(legacy_system(asked.system, asked.source).name)
    name = back.system.name
    check_has_its_ledger(home)
    if asked.keep is not None:
        check_new_or_empty(asked.keep)
    zone = asked.timezone or _zone_before(home, name)
    rehearsal = _Rehearsal(
        home, asked, zone, tell, CutOverReport(home=str(home), source=str(asked.source), system=name)
    )
    before = _stamps(asked.source)
    rehearsal.step("last replay", rehearsal.last_replay)
    if rehearsal.run is not None:
        rehearsal.step("verification", rehearsal.verification)
        rehearsal.step("restored copy", rehearsal.restored_copy)
        rehearsal.step("way back", rehearsal.way_back)
        rehearsal.step("no difference", rehearsal.no_difference)
        if asked.execute and rehearsal.report.passed:
            rehearsal.step("cut-over", lambda step: rehearsal.record(step, before))
    return rehearsal.report


def _zone_before(home: Path, system: str) -> str | None:
    """The zone that the replay before was told; naive times must not be read in another one now."""
    if not (home / LEDGER).exists():
        return None
    with open_log(home) as log:
        check_not_cut_over(log, system)
        started = runs(log, system, ReplayStarted)
    # Of a run that has not ended as well: a watch may be at it.
    return None if not started or started[-1].timezone_assumed else started[-1].timezone


class _Rehearsal:
    """The steps, each of which says in its Step what it checked and what it found."""

    def __init__(self, home: Path, asked: CutOverRequest, zone: str | None, tell: Tell, report: CutOverReport) -> None:
        self.home, self.asked, self.zone, self.tell, self.report = home, asked, zone, tell, report
        self.run: RunReport | None = None
        self._back = writer(report.system)

    def step(self, name: str, work: Callable[[Step], None]) -> None:
        """Take one step; an error that a user can mend is why it failed."""
        begin = time.perf_counter()
        step = Step(name=name)
        self.report.steps.append(step)
        self.tell(name, "", 0, 0)
        try:
            work(step)
        except LedgerError as error:
            if self.run is None and error.exit_code == LedgerError.exit_code:
                raise  # wrong usage or environment, before anything was looked at
            step.found.append(f"{error.message}. {error.hint}".rstrip())
            step.unread = error.exit_code == 3
        step.seconds = round(time.perf_counter() - begin, 3)

    def last_replay(self, step: Step) -> None:
        """Record what the legacy system wrote since the replay before, and prove all of it."""
        run = replay(self.asked.source, self.home, system=self.asked.system, timezone=self.zone, tell=self.tell)
        step.checked = f"{run.rows:,} rows, {run.events_appended:,} events appended"
        step.found += [f"{name}: {reason}" for name, reason in run.failed.items()]
        step.unread = bool(run.failed)
        if run.failed:
            return
        self.run = run
        step.found += [f"{one.subject}: expected {one.expected}, found {one.found}" for one in run.mismatches]
        if not (run.proven and run.models_compared) and not step.found:
            step.found.append("the replay is not proven")
        self.report.breaks += run.breaks

    def verification(self, step: Step) -> None:
        """Ledger, seals, read models and frozen sources, each derived again."""
        parts = verify(self.home, "all", repair=False, tell=self.tell).parts
        step.checked = f"{len(parts)} parts, ledger, seals, read models and sources"
        step.found += [f"{part.name}: {line}" for part in parts for line in (*part.found, *part.unread)]
        step.unread = any(part.unread for part in parts)

    def restored_copy(self, step: Step) -> None:
        """A copy of the ledger, verified elsewhere, and every read model built from it equal to the one that is used."""
        with self._elsewhere(self.asked.keep) as place, enough_room(place, models_bytes(self.home)):
            with open_log(self.home) as log:
                back_up(log, place / LEDGER)
                verdict = verify_log(place / LEDGER)
                step.found += [finding.message for finding in verdict.findings]
                # What was recorded since the copy was made is not missing from it.
                if [one.hash for one in log.at([verdict.head.position])] != [verdict.head.hash]:
                    ends = f"the copy ends at event {verdict.head.position:,}, the ledger at {log.head().position:,}"
                    step.found.append(ends)
                built = rebuilding.rebuild(place, [], as_of=None, known_at=None, into=None, tell=self.tell)
                models = [catalog.find(one.name) for one in built]
                step.found += _unlike_in_use(log, models, verdict.head.position, place)
            step.checked = f"{verdict.events:,} events, {len(built)} read models"

    def way_back(self, step: Step) -> None:
        """The legacy files written from the ledger, and replayed into another home that then knows the same."""
        with self._elsewhere(None) as place, open_log(self.home) as log:
            # What is recorded meanwhile is neither in the files nor missing from them.
            through = log.head().position
            export = write_legacy(log, place / "legacy", self._back, through=through, tell=self.tell)
            run = replay(place / "legacy", place / "home", system=self.asked.system, timezone=self.zone, tell=self.tell)
            step.found += [f"{one.subject}: expected {one.expected}, found {one.found}" for one in run.mismatches]
            step.found += [f"{name}: {reason}" for name, reason in run.failed.items()]
            with open_log(place / "home") as again:
                step.found += _unlike(log, again, self._back, place / "legacy", through=through)
        written = export.written
        step.found += [f"{one.file} {one.table}: not as it should be" for one in written.tables if not one.faithful]
        self.report.breaks += [
            Break(
                kind=UNWRITTEN, subject=one.what, expected=f"{one.count:,} in the files", found="not there", reason=one.reason
            )
            for one in written.unwritten
        ]  # fmt: skip
        step.checked = f"{len(written.files)} files, {sum(one.rows for one in written.tables):,} rows"

    def no_difference(self, step: Step) -> None:
        """Nothing stands open between the legacy system and the ledger, but what the user accepts."""
        wanted, open_ = [*dict.fromkeys(self.asked.accept)], {name_of(one) for one in self.report.breaks}
        self.report.accepted = sorted(name for name in open_ if any(_means(one, name) for one in wanted))
        left = len(open_) - len(self.report.accepted)
        step.checked = f"{len(open_):,} open, {len(self.report.accepted):,} of them accepted"
        step.found += [f"{left:,} stand open and are not accepted"] if left else []
        step.found += [
            f"{one} was to be accepted and is not open" for one in wanted if not any(_means(one, n) for n in open_)
        ]

    def record(self, step: Step, before: Mapping[str, State]) -> None:
        """Record the cut-over, in one transaction, if the legacy system has not written since the last replay began."""
        assert self.run is not None
        with open_log(self.home, write=True, command="cli cutover --execute") as log:
            check_not_cut_over(log, self.report.system)
            if _stamps(self.asked.source) != before:
                step.found.append("the legacy system wrote meanwhile; stop it, and run the same command again")
                return
            (self.report.position,) = log.append([self._entry(log)])
        self.report.executed = True
        rebuilding.catch_up_all(self.home, tell=self.tell)
        step.checked = f"recorded as event {self.report.position:,}"

    def _entry(self, log: Log) -> Entry:
        found, head = last_run(log, self.report.system), log.head()
        assert found is not None
        event = CutOver(
            occurred_at=instant(datetime.now(UTC)), system=self.report.system, source=str(self.asked.source),
            run=found[1].run, manifest=found[1].manifest, timezone=found[0].timezone, position=head.position,
            head=head.hash.hex(), accepted=self.report.accepted,
        )  # fmt: skip
        return Entry(cut_over_stream(self.report.system), topic_of(CutOver), events.encode(event))

    @contextmanager
    def _elsewhere(self, keep: Path | None) -> Iterator[Path]:
        if keep is not None:
            keep.mkdir(mode=0o700, parents=True, exist_ok=True)
            yield keep
            return
        with tempfile.TemporaryDirectory(prefix="daybook-") as name:
            yield Path(name)


def _unlike_in_use(log: Log, models: Sequence[Projector], position: int, place: Path) -> list[str]:
    """What differs between the read models of a copy and those that are used, as they were at its position."""
    found = []
    with tempfile.TemporaryDirectory(prefix="daybook-") as scratch:
        for model in models:
            compare = partial(_unlike_files, place / model.file)
            unlike = unlike_live(model, log, position, scratch=Path(scratch), compare=compare)
            found += [f"{model.file}: {one}" for one in unlike]
    return found


def _unlike_files(copied: Path, used: Path) -> list[str]:
    return [str(one) for one in file_differences(expected=copied, found=used, limit=5)]


def _unlike(log: Log, again: Log, back: WritingBack, folder: Path, *, through: int) -> list[str]:
    mine = StandingRows(log, back, through=through)
    other = StandingRows(again, back, through=again.head().position)
    try:
        return differences(mine, other, back, folder)
    finally:
        mine.close()
        other.close()


def _means(accepted: str, name: str) -> bool:
    """Whether the user meant this break: by its name, or by a pattern such as price:*."""
    return accepted == name or fnmatchcase(name, accepted)


def _stamps(source: Path) -> dict[str, State]:
    """What changes when a file of the folder, its -wal or its -journal is written to; also which files there are."""
    found = {}
    for one in look(source):
        if one.use is not Use.SIDECAR and one.path.is_file():
            with suppress(FileNotFoundError):  # gone since it was listed, so it is not there
                found[one.name] = state_of(one.path)
    return found
