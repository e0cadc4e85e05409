"""`cli replay`: a run of replay, then the read models, then their comparison with the sources, then the report."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec

from domain.errors import LedgerError
from domain.moments import instant, zone
from ledger.copying import back_up
from ledger.log import Log, open_log
from operations import model_proof
from operations.home import BACKUPS, LEDGER, REPORTS, check_apart, check_writable, frozen_folders, time_stamp
from projections.catalog import projectors
from projections.engine import catch_up as catch_up_model
from projections.engine import model_path
from replay import run as phases
from replay.arduino_trader import SYSTEM
from replay.page import page
from replay.report import RunReport
from replay.run import BATCH_MAX, Run, Tell
from replay.seen import open_seen

SYSTEMS = {SYSTEM.name: SYSTEM}


def _silent(phase: str, file: str, done: int, total: int) -> None:
    """Tell nobody."""


def replay(
    source: Path,
    home: Path,
    *,
    system: str | None = None,
    timezone: str | None = None,
    mode: str = "replay",
    catch_up: bool = True,
    tell: Tell = _silent,
    batch_max: int = BATCH_MAX,
) -> RunReport:
    """Replay a legacy folder into the home. mode: replay, dry-run (into a throw-away home) or verify-only (look only).

    The report says what happened, also when sources could not be read (then nothing was appended). Raises LedgerError for
    what stops a run before it begins: no such folder, a home that is busy or is the legacy folder, a zone or system that
    is not known.
    """
    legacy = SYSTEMS.get(system or SYSTEM.name)
    if legacy is None:
        raise LedgerError(f"legacy system {system!r} is not known", hint=f"Known are: {', '.join(SYSTEMS)}.")
    now = datetime.now(UTC)
    report = RunReport(
        system=legacy.name, source=str(source), home=str(home), mode=mode, started_at=instant(now), program=_version(),
        timezone=timezone or "UTC", timezone_assumed=timezone is None,
    )  # fmt: skip
    naive_zone = zone(report.timezone)
    with _workplace(source, home, mode) as place, _opened(place, mode) as log:
        seen = open_seen(place / "replay.db")
        run = Run(log, seen, legacy, report, tell, naive_zone, timezone is None, batch_max)
        try:
            _phases(run, source, place, place / BACKUPS / f"replay-{time_stamp(now)}", catch_up=catch_up)
        finally:
            seen.close()
    if mode == "replay":
        _write(report, home / REPORTS, time_stamp(now))
    return report


def _version() -> str:
    try:
        return version("daybook")
    except PackageNotFoundError:
        return "checkout"


@contextmanager
def _workplace(source: Path, home: Path, mode: str) -> Iterator[Path]:
    """The home itself, or for dry-run and verify-only a throw-away copy that leaves the home as it is."""
    check_apart(home, source)
    if mode == "replay":
        check_writable(home)
        yield home
        return
    with tempfile.TemporaryDirectory(prefix="daybook-") as name:
        place = Path(name)
        if (home / LEDGER).exists():
            with open_log(home) as log:
                back_up(log, place / LEDGER)
        yield place


@contextmanager
def _opened(place: Path, mode: str) -> Iterator[Log]:
    with open_log(place, create=True, write=True, command=f"replay ({mode})") as log:
        yield log


def _phases(run: Run, source: Path, place: Path, folder: Path, *, catch_up: bool) -> None:
    report = run.report
    with run.timed("recognise"):
        files = phases.recognise(source, report, run.system)
    try:
        with run.timed("freeze"):
            folder.mkdir(parents=True, exist_ok=True)
            frozen = phases.freeze_into(folder, files, run)
        write = report.mode != "verify-only" and not report.failed
        with phases.opened(frozen) as opened:
            phases.prepare(run, opened)
            with run.timed("append"):
                phases.append_all(run, opened, write=write)
            if write:
                _finish(run, place, catch_up=catch_up)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    if report.failed or report.mode != "replay" or not report.events_appended:
        _drop_needless(folder, place, report)


def _finish(run: Run, place: Path, *, catch_up: bool) -> None:
    with run.timed("reconcile"):
        phases.reconcile_all(run)
        phases.complete(run)
    with run.timed("prove"):
        phases.prove(run)
    if catch_up:
        with run.timed("catch up"):
            for projector in projectors():
                run.tell("catch up", projector.name, 0, 0)
                catch_up_model(projector, run.log, model_path(place, projector.name))
        with run.timed("compare"):
            model_proof.compare(run, place)
    report = run.report
    report.position = run.log.head().position
    report.proven = not report.mismatches and report.sums_hold and report.rows_proven == report.rows


def _drop_needless(folder: Path, place: Path, report: RunReport) -> None:
    """A frozen copy is kept for what it proves; one that failed, or equals the one before, proves nothing new."""
    earlier = [one for one in frozen_folders(place) if one != folder]
    same = earlier and (earlier[-1] / "manifest.json").exists() and _hashes(earlier[-1]) == _hashes(folder)
    if report.failed or report.mode != "replay" or same:
        shutil.rmtree(folder, ignore_errors=True)
        report.frozen = earlier[-1].name if same else ""


def _hashes(folder: Path) -> dict[str, str]:
    manifest = msgspec.json.decode((folder / "manifest.json").read_bytes(), type=dict[str, dict[str, str | int]])
    return {name: str(about["sha256"]) for name, about in manifest.items()}


def _write(report: RunReport, folder: Path, stamp: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"replay-{stamp}.json").write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1))
    (folder / f"replay-{stamp}.md").write_text(page(report), encoding="utf-8")
