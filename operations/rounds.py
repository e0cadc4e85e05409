"""The rounds of `cli watch`: each replays what changed since the last one, and takes the rest as it was."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct

from domain.legacy import ReplayCompleted
from domain.moments import instant, zone_of_times
from domain.streams import stream
from ledger.durable import make_folder
from ledger.log import Log, open_log
from operations.blaming import blamed_on_the_ledger
from operations.bringing import STOPPED
from operations.home import BACKUPS, check_writable, enough_room, frozen_folders, remove_unfinished, size_of, time_stamp
from operations.milestones import check_not_cut_over, runs
from operations.program import program_version
from operations.replaying import finish, manifest_of, silent, source_settings
from replay import run as phases
from replay.changes import Mark, compare_tables, mark_of
from replay.freezing import Frozen, refreeze
from replay.report import FileReport, RunReport
from replay.reshaping import has_copies
from replay.run import Run, Tell
from replay.seen import open_seen
from replay.sources import Found
from replay.system import LegacySystem

ENDING = "-watch"
LOCK_WAIT_S = 0.3
RETRY_S = 2.0
GONE = "is gone; what was read of it stays in the ledger"
_SERIES = "history/"
_BYTES_PER_BYTE = 3


class Trouble(NamedTuple):
    """A file that could not be read: why, what it looked like then, and when to try again though it still looks so."""

    reason: str
    mark: Mark | None
    again_at: float


class Round(Struct, kw_only=True):
    """What a round did. changed: the files that had. whole: whether every table was read, not only what had changed.
    finished: whether breaks and read models were looked at again.

    A round that is held has no report: a file that others depend on cannot be read, and was never read before.
    """

    changed: list[str]
    report: RunReport | None = None
    whole: bool = False
    finished: bool = False


class Watcher:
    """What a watch remembers between its rounds.

    troubles: the files that cannot be read now; an earlier copy of them stands in. _marks: how each file looked when it was
    read last, _base: its copy. _runs: how many events the replays of this system have made; another number means that somebody
    else has replayed. _reread: read every table, in the first round and after a difference was found. force: go on also after
    the ledger has taken the system's place.
    """

    def __init__(
        self, source: Path, home: Path, system: LegacySystem, timezone: str | None, tell: Tell = silent, *, force: bool = False
    ) -> None:  # fmt: skip
        self.source, self.home, self.system, self.timezone, self.force = source, home, system, timezone, force
        self.tell = tell
        self.troubles: dict[str, Trouble] = {}
        self._marks: dict[str, Mark] = {}
        self._base: dict[str, Frozen] = {}
        self._runs, self._reread = -1, True

    def look(self) -> Round | None:
        """Replay what changed; None when nothing did. A file that cannot be read is a trouble, and no reason to stop.

        Raises SourceError when the folder as a whole cannot be read, HomeBusy when another writes to the home.
        """
        report = self._report()
        files = phases.recognise(self.source, report, self.system)
        marks, failed = _marks(files, report.failed)
        failed |= {name: GONE for name in self._base if name not in {one.name for one in report.files}}
        report.failed = {}
        due = [one for one in files if one.name in marks and self._is_due(one.name, marks[one.name])]
        try:
            return self._read(report, due, marks, failed) if due else None
        finally:
            tried = {one.name for one in due}
            again_at = time.monotonic() + RETRY_S
            waiting = {
                name: one
                for name, one in self.troubles.items()
                if name not in tried and one.mark and name in marks and one.mark.state == marks[name].state
            }
            self.troubles = waiting | {name: Trouble(why, marks.get(name), again_at) for name, why in failed.items()}

    @property
    def _ending(self) -> str:
        """Of the names of our copies: another watch of this home builds upon copies of its own."""
        return f"-{self.system.name}{ENDING}"

    def _report(self) -> RunReport:
        return RunReport(
            system=self.system.name, source=str(self.source), home=str(self.home), mode="watch",
            started_at=instant(datetime.now(UTC)), program=program_version(), timezone=self.timezone or "UTC",
            timezone_assumed=self.timezone is None,
        )  # fmt: skip

    def _is_due(self, name: str, now: Mark) -> bool:
        trouble = self.troubles.get(name)
        if trouble is not None and trouble.mark is not None and trouble.mark.state == now.state:
            return time.monotonic() >= trouble.again_at
        return name not in self._marks or not self._marks[name].is_still(now)

    def _read(
        self, report: RunReport, due: Sequence[Found], marks: Mapping[str, Mark], failed: dict[str, str]
    ) -> Round | None:
        check_writable(self.home)
        with self._opened(due) as log, self._folder() as folder:
            if not self.force:
                check_not_cut_over(log, self.system.name)
            begun = time.perf_counter()
            frozen, unread = refreeze(
                due, folder, known=self._base, in_place=phases.in_place(self.system), lock_wait_s=LOCK_WAIT_S
            )
            report.seconds["freeze"] = round(time.perf_counter() - begun, 3)
            failed |= {one.name: one.reason for one in unread}
            read = [one.name for one in due if one.name not in failed]
            absent = {name for name in failed if name not in self._base}
            if not self.system.reads_in_part and any(not name.startswith(_SERIES) for name in absent):
                return Round(changed=read)
            # Rows may have moved into a new file from any other.
            new = any(one.name not in self._base and not one.name.startswith(_SERIES) for one in frozen)
            whole = self._reread or new or self._runs != self._events_of_runs(log)
            done = None
            if whole or any(self._is_news(one) for one in frozen):
                finished = self._replay(log, report, frozen, absent, whole=whole)
                done = Round(changed=read, report=report, whole=whole, finished=finished)
                self._keep(log, folder, frozen, report)
                self._runs = self._events_of_runs(log)
                self._reread = any(one.kind != STOPPED for one in report.mismatches)
            self._marks |= {name: marks[name] for name in read}
            return done

    @contextmanager
    def _opened(self, due: Sequence[Found]) -> Iterator[Log]:
        needed = _BYTES_PER_BYTE * sum(size_of(one.path) for one in due)
        command = f"cli watch {self.source}"
        with enough_room(self.home, needed), open_log(self.home, create=True, write=True, command=command) as log:
            remove_unfinished(self.home)
            with blamed_on_the_ledger(self.home):
                yield log

    @contextmanager
    def _folder(self) -> Iterator[Path]:
        """A folder for the frozen copies of this round; gone afterwards, unless they are what the next one builds upon."""
        folder = self.home / BACKUPS / f"replay-{time_stamp()}{self._ending}"
        make_folder(folder)
        try:
            yield folder
        finally:
            if not any(one.path.is_relative_to(folder) for one in self._base.values()):
                shutil.rmtree(folder, ignore_errors=True)

    def _is_news(self, one: Frozen) -> bool:
        return one.name not in self._base or self._base[one.name].sha256 != one.sha256

    def _replay(self, log: Log, report: RunReport, frozen: list[Frozen], absent: set[str], *, whole: bool) -> bool:
        """Append what is new in these files; whether all that follows was done as well, which only news are worth."""
        _account(report, frozen)
        untouched = set[str]() if whole else {one.name for one in frozen if not self._is_news(one)}
        read = [one for one in frozen if not whole and one.name in self._base and one.name not in untouched]
        compared = {one.name: compare_tables(self._base[one.name].reading, one.reading) for one in read}
        same = {(file, name) for file, tables in compared.items() for name in tables.same}
        moving = self._kinds((file, name) for file, tables in compared.items() for name in tables.others)
        seen = open_seen(self.home / "replay.db")
        try:
            run = Run(log, seen, self.system, report, self.tell, zone_of_times(report.timezone), self.timezone is None)
            run.timezones = source_settings(self.home, self.source, self.system).timezones
            run.unread = lambda file, table: (
                file in absent
                or ((file in untouched or (file, table) in same) and moving.isdisjoint(self._kinds([(file, table)])))
            )
            with phases.opened(frozen) as opened:
                phases.prepare(run, opened)
                with run.timed("append"):
                    phases.append_all(run, opened)
                worth_it = whole or run.started
                if worth_it:
                    finish(run, self.home, catch_up=True)
                return worth_it
        finally:
            seen.close()

    def _kinds(self, places: Iterable[tuple[str, str]]) -> set[str]:
        """What the rows of these tables are about, where a row may move to another table without being gone.

        Whether it has can be told only where all of its kind are read.
        """
        declared = (self.system.declared(file, table) for file, table in places)
        return {one.kind for one in declared if one and one.removed is not None and not has_copies(one.removed)}

    def _keep(self, log: Log, folder: Path, frozen: Sequence[Frozen], report: RunReport) -> None:
        """Keep the copies that the newest run was made from, for `verify sources`, and those that this watch builds upon, which
        are others where a watch began after changes that are no news; all earlier ones of a watch go.
        """
        earlier = [one for one in frozen_folders(self.home) if one != folder]
        if report.events_appended:
            self._base = {one.name: one for one in frozen}
            _remove(earlier, self._ending)
        elif not self._base:
            same = bool(earlier) and manifest_of(earlier[-1]) == manifest_of(folder)
            place = earlier[-1] if same else folder
            self._base = {one.name: one.moved(place) for one in frozen}
            newest = runs(log, self.system.name, ReplayCompleted)
            old = (one for one in earlier if one != place and newest and manifest_of(one) != newest[-1].manifest)
            _remove(old, self._ending)

    def _events_of_runs(self, log: Log) -> int:
        name = stream("replay", self.system.name)
        return log.versions([name]).get(name, 0)


def _remove(copies: Iterable[Path], ending: str) -> None:
    """Remove those that a watch of ours has made."""
    for one in copies:
        if one.name.endswith(ending):
            shutil.rmtree(one, ignore_errors=True)


def _marks(files: Sequence[Found], unreadable: Mapping[str, str]) -> tuple[dict[str, Mark], dict[str, str]]:
    """How each file looks, before it is read: what changes while it is read is seen the next time."""
    marks, failed = {}, dict(unreadable)
    for one in files:
        try:
            marks[one.name] = mark_of(one.path)
        except OSError as error:
            failed[one.name] = f"cannot be opened: {error.strerror}"
    return marks, failed


def _account(report: RunReport, frozen: Sequence[Frozen]) -> None:
    """Name every frozen copy in the report: the run says in the log which files it speaks of."""
    by_name = {one.name: one for one in report.files}
    for one in frozen:
        if one.image:
            report.files.append(phases.about_image(one))
        about = by_name.get(one.name)
        if about is None:
            about = FileReport(name=one.name, use="gone", reason=GONE)
            report.files.append(about)
        about.sha256, about.bytes, about.copied_by = one.sha256, one.size, one.method
