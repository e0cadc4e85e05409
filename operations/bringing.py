"""The read models at the end of a run of replay: brought up to date, compared with the sources, mended where they differ."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from operations import model_proof
from projections import catalog
from projections.engine import model_path
from projections.rebuilding import Rebuilt, rebuild
from projections.stopping import Stop, catch_up_or_stop, read_stop
from projections.trouble import DAMAGED
from replay.reconciling import Break
from replay.report import RunReport
from replay.run import Run

STOPPED = "stopped read model"


def bring_up(run: Run, home: Path) -> None:
    """Bring every read model to the head of the log; what had to be built again, and why, is a finding.

    One that stops at an event is a difference to the sources, and does not hold up the others.
    """
    for projector in catalog.projectors_of(run.log):
        path = model_path(home, projector.name)
        was_there = path.exists()
        run.tell("catch up", projector.file, 0, 0)
        done = catch_up_or_stop(projector, run.log, path, retry=False, progress=_telling(run, projector.file))
        if isinstance(done, Stop):
            run.report.mismatches.append(_stopped(done))
        elif done.rebuilt and was_there:
            run.report.findings.append(f"{projector.file} was built again from the log: {done.rebuilt}")


def _stopped(stop: Stop) -> Break:
    return Break(
        kind=STOPPED, subject=catalog.file_of(stop.model), expected="every event",
        found=f"none from position {stop.position:,} on", reason=str(stop),
    )  # fmt: skip


def _telling(run: Run, file: str) -> Callable[[int, int], None]:
    return lambda position, end: run.tell("catch up", file, position, end)


def compare(run: Run, home: Path) -> None:
    """Compare the sources with the read models. One that differs is derived again: the log decides, not the file."""
    report = run.report
    before = len(report.mismatches), len(report.breaks)
    names = [one.name for one in catalog.projectors_of(run.log)]
    try:
        model_proof.compare(run, home)
        differing = sorted({one.model for one in report.models if one.differing} & {*names})
    except DAMAGED:
        differing = names
    differing = [name for name in differing if read_stop(catalog.find(name), run.log, home) is None]
    if not differing:
        return
    for projector in map(catalog.find, differing):
        _mended(report, rebuild(projector, run.log, home))
    del report.mismatches[before[0] :], report.breaks[before[1] :]
    report.models = []
    model_proof.compare(run, home)


def _mended(report: RunReport, done: Rebuilt) -> None:
    if done.differences:
        count = len(done.differences)
        what = str(done.differences[0]) if count == 1 else f"{count} differences, the first: {done.differences[0]}"
        report.findings.append(f"{catalog.file_of(done.name)} was not what the log says and was built again: {what}")
    elif done.old is None:
        report.findings.append(f"{catalog.file_of(done.name)} was damaged and was built again from the log")
    else:
        # Of a read model of many files the index may be right, and one of the files wrong.
        report.findings.append(
            f"{catalog.file_of(done.name)} did not show what the sources hold and was built again from the log"
        )
