"""Preparing a run: which rows and series the frozen files hold, and a translator for each table."""

from __future__ import annotations

from typing import TypeVar

import apsw

from domain import event as events
from domain.event import topic_of
from domain.legacy import LegacySchemaRead, ReplayCompleted, ReplayStarted
from domain.streams import stream
from ledger.log import Entry
from replay import provenance
from replay.blocks import Series, SeriesTranslator
from replay.mapping import Knowledge
from replay.reading import Table, guarded, statements, tables
from replay.series import copies_of
from replay.system import Universe
from replay.translating import Translator, teach_time
from replay.work import Job, Run

E = TypeVar("E", ReplayStarted, ReplayCompleted)


def prepare(run: Run, files: dict[str, apsw.Connection]) -> None:
    """A translator for every table of every file, and what the report says of each file."""
    with run.timed("prepare"):
        _prepare(run, files)


def _prepare(run: Run, files: dict[str, apsw.Connection]) -> None:
    found = {name: _tables_of(name, db) for name, db in files.items()}
    universe = run.system.universe(files, found)
    knowledge = guarded("config.db", "securities", lambda: universe.knowledge(run.zone, zone_assumed=run.zone_assumed))
    knowledge = knowledge._replace(zone_changed=_zone_changed(run))
    run.report.findings += universe.findings()
    series = _series_of(run, universe, found)
    run.seen.catch_up(run.log)
    number = _run_number(run)
    run.report.run = number
    about = {one.name: one for one in run.report.files}
    with run.seen:
        for file, its_tables in found.items():
            teach_time(files[file], run.zone)
            known = knowledge._replace(version=universe.version(file))
            if file in about:
                about[file].version = known.version or None
            for table in its_tables.values():
                shared = provenance.prefix(number, run.system.name, file, table.name)
                translator = _translator(run, file, table, known, shared, series.get(file))
                run.jobs.append(Job(file, files[file], translator))


def _tables_of(name: str, db: apsw.Connection) -> dict[str, Table]:
    listed: list[Table] = guarded(name, "sqlite_schema", lambda: tables(db))
    return {table.name: table for table in listed}


def _series_of(run: Run, universe: Universe, found: dict[str, dict[str, Table]]) -> dict[str, Series]:
    """Whose series each file of the history folder holds; what is not certain is a finding."""
    owners = {file: universe.owner(file) for file in found if file.startswith("history/")}
    run.report.findings += [owner.assumed for owner in owners.values() if owner.assumed]
    return {
        file: Series(owners[file].symbol, copy, bool(owners[file].assumed))
        for file, copy in copies_of({file: owner.symbol for file, owner in owners.items()}, run.log).items()
    }


def _translator(
    run: Run, file: str, table: Table, known: Knowledge, shared: bytes, series: Series | None
) -> Translator | SeriesTranslator:
    memory = run.seen.of(run.system.name, file, table.name, run.log)
    mapping = run.system.mapping(file, table)
    rows = Translator(shared=shared, file=file, table=table, mapping=mapping, knowledge=known, memory=memory)
    rows.why_kept = run.system.why_kept(file, table.name)
    of_series = run.system.series(file, table)
    if of_series is None or series is None:
        return rows
    return SeriesTranslator(
        mapping=of_series, series=series, table=table, knowledge=known, memory=memory, log=run.log, fallback=rows
    )


def _run_number(run: Run) -> int:
    """The number of an unfinished run of this system in the same zone, which is then taken up again, else the next."""
    starts = _own(run, ReplayStarted)
    finished = {event.run for event in _own(run, ReplayCompleted)}
    run.started = bool(starts) and starts[-1].run not in finished and starts[-1].timezone == run.zone.key
    if run.started:
        return starts[-1].run
    return starts[-1].run + 1 if starts else 1


def _zone_changed(run: Run) -> bool:
    """Whether naive times may stand in the log as read in another zone: by the last run that reached its end, or since."""
    last = max((event.run for event in _own(run, ReplayCompleted)), default=0)
    return any(event.run >= last and event.timezone != run.zone.key for event in _own(run, ReplayStarted))


def _own(run: Run, cls: type[E]) -> list[E]:
    decoded = [events.decode(s.topic, s.state) for s in run.log.stream(stream("replay", run.system.name))]
    return [event for event in decoded if isinstance(event, cls)]


def schema_entries(run: Run, files: dict[str, apsw.Connection]) -> list[Entry]:
    """The schema of each file, where it is not in the log already."""
    entries = []
    versions = {one.name: one.version for one in run.report.files}
    for file, db in files.items():
        pragmas = {name: _pragma(db, name) for name in ("page_size", "encoding", "auto_vacuum", "user_version")}
        event = LegacySchemaRead(
            system=run.system.name,
            file=file,
            generation=f"v{versions[file] or 0}",
            statements=statements(db),
            pragmas=pragmas,
        )
        entry = Entry(stream("legacy-schema", run.system.name, file), topic_of(LegacySchemaRead), events.encode(event))
        before = run.log.stream(entry.stream)
        if not before or before[-1].state.encode() != entry.state:
            entries.append(entry)
    return entries


def _pragma(db: apsw.Connection, name: str) -> int | str:
    value = next(iter(db.execute(f"PRAGMA {name}")))[0]
    return value if isinstance(value, int) else str(value)
