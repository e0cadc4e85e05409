"""`cli replay`: a run of replay, then the read models, then their comparison with the sources, then the report."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from domain.errors import LedgerError
from domain.moments import instant, zone_of_times
from ledger.copying import back_up
from ledger.durable import make_folder, write_whole
from ledger.log import Log, open_log
from operations.blaming import blamed_on_the_ledger
from operations.bringing import bring_up, compare
from operations.home import (
    BACKUPS,
    LEDGER,
    MANIFEST,
    check_apart,
    check_has_its_ledger,
    check_no_strangers,
    check_writable,
    enough_room,
    frozen_folders,
    models_bytes,
    remove_unfinished,
    report_path,
    time_stamp,
)
from operations.milestones import check_not_cut_over
from operations.misread_times import misread_times
from operations.program import program_version
from operations.secrets import mask_of
from operations.settings import Source
from operations.settings import read as read_settings
from projections import catalog
from replay import run as phases
from replay.arduino_trader import SYSTEM as ARDUINO_TRADER
from replay.page import page
from replay.report import RunReport
from replay.run import APART_ROWS, BATCH_MAX, Run, Tell
from replay.seen import open_seen
from replay.sources import Found, Use, look
from replay.system import LegacySystem
from replay.trading_bot import SYSTEM as TRADING_BOT

SYSTEMS: Mapping[str, LegacySystem] = {one.name: one for one in (ARDUINO_TRADER, TRADING_BOT)}

# A byte of legacy file takes a byte in the frozen copy, about one in the ledger, and one in the ledger's -wal meanwhile.
_BYTES_PER_BYTE = 3


def silent(phase: str, file: str, done: int, total: int) -> None:
    """Tell nobody."""


def replay(  # noqa: PLR0913 - what the command and the tests of it may say
    source: Path,
    home: Path,
    *,
    system: str | None = None,
    timezone: str | None = None,
    mode: str = "replay",
    catch_up: bool = True,
    force: bool = False,
    tell: Tell = silent,
    batch_max: int = BATCH_MAX,
    apart_rows: int = APART_ROWS,
) -> RunReport:
    """Replay a legacy folder into the home. mode: replay, dry-run (into a throw-away home) or verify-only (look only).
    force: also after the ledger has taken the legacy system's place.

    The report says what happened, also when sources could not be read (then nothing was appended, or what the others say,
    as the system has it). Raises LedgerError for
    what stops a run before it begins: no such folder, a home that is busy or is the legacy folder, a zone or system that
    is not known. Nothing is made in the home before the source was recognised.
    """
    legacy = legacy_system(system, source)
    now, said = datetime.now(UTC), source_settings(home, source, legacy)
    report = _new_report(legacy, source, home, mode, timezone or said.timezone, now)
    naive_zone = zone_of_times(report.timezone)
    files = _recognised(source, report, legacy)
    check_apart(home, source)
    check_has_its_ledger(home)
    check_no_strangers(home, [one.name for one in catalog.projectors()])
    with _workplace(home, mode) as place, _room(place, files), _opened(place, f"cli replay {source}") as log:
        if mode == "replay" and not force:
            check_not_cut_over(log, legacy.name)
        remove_unfinished(place)
        seen = open_seen(place / "replay.db")
        assumed = report.timezone_assumed
        run = Run(log, seen, legacy, report, tell, naive_zone, assumed, batch_max, apart_rows, said.timezones)
        try:
            with blamed_on_the_ledger(place):
                _phases(run, files, place, place / BACKUPS / f"replay-{time_stamp(now)}", catch_up=catch_up)
        finally:
            seen.close()
        # Of a throw-away home as well, whose secrets nobody knows when it is gone.
        report = mask_of(place).content(report)
        if mode == "replay":
            write_report(report, home)
    return report


def _new_report(
    legacy: LegacySystem, source: Path, home: Path, mode: str, timezone: str | None, now: datetime
) -> RunReport:
    return RunReport(
        system=legacy.name, source=str(source), home=str(home), mode=mode, started_at=instant(now),
        program=program_version(), timezone=timezone or "UTC", timezone_assumed=timezone is None,
    )  # fmt: skip


def legacy_system(name: str | None, source: Path) -> LegacySystem:
    """The legacy system of this name, or the one that recognises the source; raises LedgerError for a name that is not known.

    Of a source that none recognises it is the first, which will say so.
    """
    if name is not None:
        if name not in SYSTEMS:
            raise LedgerError(f"legacy system {name!r} is not known", hint=f"Known are: {', '.join(SYSTEMS)}.")
        return SYSTEMS[name]
    used = (Use.READ, Use.UNREADABLE, Use.EMPTY)
    for system in SYSTEMS.values():
        if source.exists() and system.recognises(one.name for one in look(source, system.folders) if one.use in used):
            return system
    return ARDUINO_TRADER


def source_settings(home: Path, source: Path, system: LegacySystem) -> Source:
    """What daybook.toml says of a source: the section with its path, or the one that is called after its system."""
    sections = read_settings(home).sources
    here = [one for one in sections.values() if one.path and Path(one.path).resolve() == source.resolve()]
    called = [one for name, one in sections.items() if name.replace("_", "-") == system.name and not one.path]
    return next(iter([*here, *called]), Source())


def _recognised(source: Path, report: RunReport, legacy: LegacySystem) -> list[Found]:
    begin = time.perf_counter()
    files = phases.recognise(source, report, legacy)
    report.seconds["recognise"] = round(time.perf_counter() - begin, 3)
    return files


@contextmanager
def _workplace(home: Path, mode: str) -> Iterator[Path]:
    """The home itself, or for dry-run and verify-only a throw-away copy that leaves the home as it is."""
    if mode == "replay":
        check_writable(home)
        yield home
        return
    with tempfile.TemporaryDirectory(prefix="daybook-") as name:
        place = Path(name)
        if (home / LEDGER).exists():
            with enough_room(place, models_bytes(home)), open_log(home) as log:
                back_up(log, place / LEDGER)
        yield place


@contextmanager
def _room(place: Path, files: Sequence[Found]) -> Iterator[None]:
    sizes = sum(file.path.stat().st_size for file in files)
    with enough_room(place, _BYTES_PER_BYTE * sizes + max(models_bytes(place), sizes)):
        yield


@contextmanager
def _opened(place: Path, command: str) -> Iterator[Log]:
    with open_log(place, create=True, write=True, command=command) as log:
        yield log


def _phases(run: Run, files: list[Found], place: Path, folder: Path, *, catch_up: bool) -> None:
    report = run.report
    try:
        with run.timed("freeze"):
            make_folder(folder)
            frozen = phases.freeze_into(folder, files, run)
        report.in_part = bool(report.failed and frozen) and run.system.reads_in_part
        run.unread = lambda file, _: file in report.failed
        write = report.mode != "verify-only" and (report.in_part or not report.failed)
        with phases.opened(frozen) as opened:
            phases.prepare(run, opened)
            with run.timed("append"):
                phases.append_all(run, opened, write=write)
            report.findings += misread_times(report)
            if write:
                finish(run, place, catch_up=catch_up)
            elif report.failed and not report.in_part:
                report.events_appended = report.run_events = 0
    except BaseException:
        # The copy of a run that did not end proves nothing; the run that is started again makes its own.
        shutil.rmtree(folder, ignore_errors=True)
        raise
    _drop_needless(folder, place, report)


def finish(run: Run, place: Path, *, catch_up: bool) -> None:
    """What follows when everything is appended: reconcile, prove, bring the read models up, compare."""
    with run.timed("reconcile"):
        phases.reconcile_all(run)
        phases.complete(run)
    with run.timed("prove"):
        phases.prove(run)
    if catch_up:
        with run.timed("catch up"):
            bring_up(run, place)
        with run.timed("compare"):
            compare(run, place)
    report = run.report
    report.position = run.log.head().position
    report.proven = not report.mismatches and report.sums_hold and report.rows_proven == report.rows


def _drop_needless(folder: Path, place: Path, report: RunReport) -> None:
    """A frozen copy is kept for what it proves; one that failed, or equals the one before, proves nothing new."""
    if report.events_appended and report.mode == "replay":
        return
    earlier = [one for one in frozen_folders(place) if one != folder]
    same = bool(earlier) and manifest_of(earlier[-1]) == manifest_of(folder)
    if report.failed or report.mode != "replay" or same:
        shutil.rmtree(folder, ignore_errors=True)
        report.frozen = earlier[-1].name if same else ""


def manifest_of(folder: Path) -> dict[str, str]:
    """The SHA-256 of each file of a frozen copy, as its manifest says."""
    manifest = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=dict[str, dict[str, str | int]])
    return {name: str(about["sha256"]) for name, about in manifest.items()}


def write_report(report: RunReport, home: Path) -> None:
    """Write the report of a run as JSON and as a page. The page last: where it stands, the report is whole."""
    as_json = msgspec.json.format(msgspec.json.encode(report), indent=1)
    for suffix, content in ((".json", as_json), (".md", page(report).encode())):
        path = report_path(home, report.started_at, suffix)
        make_folder(path.parent)
        write_whole(path, content)
