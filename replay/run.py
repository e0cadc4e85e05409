"""One run of replay: recognise, freeze, translate and append, reconcile, prove. Resumable anywhere, idempotent always."""

from __future__ import annotations

import heapq
import resource
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from operator import itemgetter
from pathlib import Path

import apsw

from domain import event as events
from domain.errors import SourceError
from domain.event import topic_of
from domain.legacy import ReplayCompleted, ReplayStarted
from domain.streams import stream
from ledger.collector import no_collector
from ledger.log import Entry
from ledger.meeting import anything_entered
from replay import proving
from replay.freezing import Frozen, InPlace, freeze
from replay.market_blocks import MarketSeries
from replay.meeting import completed
from replay.preparing import prepare, schema_entries
from replay.reading import open_frozen
from replay.report import FileReport, RunReport
from replay.reshaping import memory_of
from replay.sources import Found, Use, look
from replay.system import LegacySystem
from replay.translating import Ready, Translator
from replay.vanishing import all_vanished
from replay.work import APART_ROWS, BATCH_MAX, Job, Run, Tell
from replay.writing import Append, writing

__all__ = [
    "APART_ROWS",
    "BATCH_MAX",
    "Job",
    "Run",
    "Tell",
    "append_all",
    "complete",
    "freeze_into",
    "opened",
    "prepare",
    "prove",
    "recognise",
]

BATCH_BYTES_MAX = 8_000_000
_OTHER_FILES = 100


def recognise(source: Path, report: RunReport, system: LegacySystem) -> list[Found]:
    """List every file; the ones to be read come back. Raises SourceError when the folder is not the system's."""
    files = look(source, system.folders)
    report.files = [FileReport(name=f.name, use=str(f.use), reason=f.reason) for f in files]
    report.failed = {f.name: f.reason for f in files if f.use is Use.UNREADABLE}
    if not system.recognises(f.name for f in files if f.use in (Use.READ, Use.UNREADABLE, Use.EMPTY)):
        raise SourceError(
            f"{source}: no database of a known legacy system",
            hint="It should hold files such as config.db and ledger.db, or trading_bot.duckdb.",
        )
    return [f for f in files if f.use is Use.READ]


def freeze_into(folder: Path, files: list[Found], run: Run) -> list[Frozen]:
    """Freeze every file; the ones that fail are in the report."""
    frozen, failed = freeze(files, folder, in_place=in_place(run.system))
    run.report.failed |= {one.name: one.reason for one in failed}
    by_name = {one.name: one for one in frozen}
    for about in run.report.files:
        if about.name in by_name:
            one = by_name[about.name]
            about.sha256, about.bytes, about.copied_by = one.sha256, one.size, one.method
    run.report.files += [about_image(one) for one in frozen if one.image]
    run.report.frozen = folder.name
    return frozen


def in_place(system: LegacySystem) -> InPlace:
    """Which tables are read in the frozen file itself: those whose rows become blocks inside DuckDB."""
    return lambda file, table: system.market(file, table) is not None


def about_image(one: Frozen) -> FileReport:
    """What the report says of the image of a file, so that the log names its digest as well."""
    image = one.image
    assert image is not None
    return FileReport(
        name=image.name, use=Use.IMAGE, reason=f"an SQLite file with what {one.name} holds", sha256=image.sha256,
        bytes=image.size, copied_by=image.method,
    )  # fmt: skip


@contextmanager
def opened(frozen: list[Frozen]) -> Iterator[dict[str, apsw.Connection]]:
    """All frozen files, open for reading."""
    _allow_open_files(len(frozen))
    files = {one.name: open_frozen(one.reading) for one in frozen if one.size}
    try:
        yield files
    finally:
        for db in files.values():
            db.close()


def _allow_open_files(count: int) -> None:
    """A history folder may hold more files than a process may open at first."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if count + _OTHER_FILES > soft:
        wanted = count + _OTHER_FILES
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard)
        )


def append_all(run: Run, files: dict[str, apsw.Connection], *, write: bool = True) -> None:
    """Merge the entries of all tables by valid time and append them in batches, each in one transaction."""
    total = sum(_rows_of(job) for job in run.jobs)
    merged = heapq.merge(*(_guarded_entries(job) for job in run.jobs), key=itemgetter(0))
    batch, size, done = schema_entries(run, files), 0, 0
    with no_collector(), writing(run.log, apart=write and total >= run.apart_rows) as appending:
        append = appending if write else _leave
        for ready in merged:
            batch.append(ready.entry)
            size += len(ready.entry.state)
            done += ready.rows
            if len(batch) >= run.batch_max or size >= BATCH_BYTES_MAX:
                _append(run, batch, append)
                batch, size = [], 0
                run.tell("append", "", done, total)
        batch += all_vanished(run)
        _append(run, batch, append)
    run.report.tables = [job.translator.tally for job in run.jobs]
    for about in run.report.files:
        about.rows = sum(table.read for table in run.report.tables if table.file == about.name)


def _guarded_entries(job: Job) -> Iterator[Ready]:
    try:
        yield from job.translator.entries(job.db)
    except apsw.Error as error:
        raise SourceError(
            f"{job.file}: table {job.translator.table.name} is damaged: {error}",
            hint="Restore this file from a back-up and replay again.",
        ) from error


def _rows_of(job: Job) -> int:
    if isinstance(job.translator, MarketSeries):
        return job.translator.count
    return proving.rows_in(job.db, job.translator.table)


def _leave(_: Sequence[Entry]) -> None:
    """Append nothing: the run only looks."""


def _append(run: Run, batch: list[Entry], append: Append) -> None:
    if not batch:
        return
    if not run.started:
        event = ReplayStarted(
            run=run.report.run, system=run.system.name, timezone=run.zone.key, timezone_assumed=run.zone_assumed,
            program=run.report.program, timezones=run.timezones,
        )  # fmt: skip
        batch.insert(0, Entry(stream("replay", run.system.name), topic_of(ReplayStarted), events.encode(event)))
        run.started = True
        run.report.run_events += 1
    if run.anything_entered is None:
        run.anything_entered = anything_entered(run.log)
    append(completed(run.log, batch) if run.anything_entered else batch)
    run.report.events_appended += len(batch)


def reconcile_all(run: Run) -> None:
    """Phase 5: breaks into the report, new ones into the log."""
    entries, run.report.breaks = run.system.reconcile(run.log)
    _append(run, entries, run.log.append)
    run.report.run_events += len(entries)


def complete(run: Run) -> None:
    """Say that the run reached its end, if it recorded anything at all."""
    if not run.started:
        return
    manifest = {one.name: one.sha256 for one in run.report.files if one.sha256}
    # Only what does not depend on where an earlier attempt was killed: a run taken up again ends with the same events.
    counts = {f"{t.file}/{t.table}": {"read": t.read, "kept": t.kept} for t in run.report.tables}
    event = ReplayCompleted(run=run.report.run, system=run.system.name, manifest=manifest, counts=counts)
    run.log.append([Entry(stream("replay", run.system.name), topic_of(ReplayCompleted), events.encode(event))])
    run.report.events_appended += 1
    run.report.run_events += 1


def prove(run: Run) -> None:
    """Phase 6, the log's half: rebuild every legacy row from the log alone and compare it with the frozen copy."""
    run.seen.catch_up(run.log)
    done, total = 0, sum(_rows_of(job) for job in run.jobs)
    for job in run.jobs:
        mapping = job.translator.mapping if isinstance(job.translator, Translator) else None
        memory = memory_of(run, job.file, job.translator.table, mapping)
        proof = proving.prove_table(job.translator, job.db, memory, run.log)
        run.report.rows_proven += proof.equal
        run.report.mismatches += proof.mismatches
        done += proof.rows
        run.tell("prove", job.file, done, total)
