"""Preparing a run: which rows and series the frozen files hold, and a translator for each table."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

import apsw

from domain import event as events
from domain.event import topic_of
from domain.legacy import LegacySchemaRead, ReplayCompleted, ReplayStarted
from domain.streams import stream
from domain.universe import SecurityDescribed, SecurityRestored
from ledger.log import Entry
from replay import provenance
from replay.blocks import Series, SeriesTranslator
from replay.clocks import known_by_table, unmatched, zones_of_order
from replay.duck_image import SUFFIX as IMAGE
from replay.duck_image import count_rows
from replay.mapping import Knowledge
from replay.market_blocks import MarketSeries
from replay.market_held import Held
from replay.reading import Table, guarded, is_image, rows_elsewhere, statements, tables
from replay.reshaping import ReshapedMemory, ReshapedTranslator, Shape, memory_of
from replay.series import copies_of
from replay.shared_series import ManySeries, OneOfMany, SharedMapping, owners
from replay.system import Universe
from replay.translating import Translator, teach_time
from replay.work import Job, Run

_PAGE = 5_000

E = TypeVar("E", ReplayStarted, ReplayCompleted)


class Many(NamedTuple):
    """A table of many series. symbols: by owner; why_none: why the rows of an owner belong to no series."""

    file: str
    mapping: SharedMapping
    symbols: Mapping[str, str]
    why_none: Mapping[str, str]


def prepare(run: Run, files: dict[str, apsw.Connection]) -> None:
    """A translator for every table of every file, and what the report says of each file."""
    with run.timed("prepare"):
        _prepare(run, files)


def _prepare(run: Run, files: dict[str, apsw.Connection]) -> None:
    found = {name: _tables_of(name, db) for name, db in files.items()}
    by_isin = any(_names_by_isin(table) for its_tables in found.values() for table in its_tables.values())
    universe = run.system.universe(files, found, _recorded_isins(run) if by_isin else {})
    knowledge = guarded("config.db", "securities", lambda: universe.knowledge(run.zone, zone_assumed=run.zone_assumed))
    knowledge = knowledge._replace(zone_changed=_zone_changed(run))
    run.report.findings += [*universe.findings(), *unmatched(run, found.values())]
    shared = _shared_series(run, files, found, knowledge)
    series = _series_of(run, universe, found, shared.values())
    run.seen.catch_up(run.log)
    number = _run_number(run)
    run.report.run = number
    with run.seen:
        for file, its_tables in found.items():
            known = knowledge._replace(version=universe.version(file))
            known_of = known_by_table(run, files[file], its_tables, known)
            teach_time(files[file], zones_of_order(run, file, its_tables, known_of))
            _describe(run, file, its_tables, universe.version(file))
            for table in its_tables.values():
                if run.unread(file, table.name):
                    run.passed.add((file, table.name))
                    continue
                prefix = provenance.prefix(number, run.system.name, file, table.name)
                rows = _rows(run, file, table, known_of[table.name], prefix)
                translator = _market(run, files[file], rows) or _translator(
                    run, rows, shared.get((file, table.name)), series
                )
                run.jobs.append(Job(file, files[file], translator))


def _names_by_isin(table: Table) -> bool:
    """Whether a table names securities by their ISIN only."""
    return "isin" in table.columns and "symbol" not in table.columns


def _recorded_isins(run: Run) -> dict[str, str]:
    """Symbol by ISIN as the log has them: the file that says so may be missing this time."""
    found: dict[str, str] = {}
    after, topics = 0, [topic_of(SecurityDescribed), topic_of(SecurityRestored)]
    while page := run.log.read(after=after, topics=topics, limit=_PAGE):
        for stored in page:
            security = events.decode(stored.topic, stored.state)
            if isinstance(security, SecurityDescribed) and security.isin:
                found[security.isin] = security.symbol
        after = page[-1].position
    return found


def _describe(run: Run, file: str, its_tables: dict[str, Table], version: int) -> None:
    """What the report says of a file's schema."""
    about = next((one for one in run.report.files if one.name == file), None)
    if about is not None:
        about.version = version or None
        about.generation = run.system.generation(file, its_tables, version)


def _tables_of(name: str, db: apsw.Connection) -> dict[str, Table]:
    listed: list[Table] = guarded(name, "sqlite_schema", lambda: tables(db))
    return {table.name: table for table in listed}


def _series_of(
    run: Run, universe: Universe, found: dict[str, dict[str, Table]], shared: Collection[Many]
) -> dict[tuple[str, str], Series]:
    """The series of each file of the history folder, under an empty name, and of each table of many, under its symbol."""
    owners = {file: universe.owner(file) for file in found if file.startswith("history/")}
    run.report.findings += [owner.assumed for owner in owners.values() if owner.assumed]
    pairs = {(file, owner.symbol): bool(owner.assumed) for file, owner in owners.items()}
    pairs |= {(many.file, symbol): False for many in shared for symbol in many.symbols.values()}
    copies = copies_of(pairs, run.log)
    series = {
        (file, symbol): Series(symbol, copies[file, symbol], assumed) for (file, symbol), assumed in pairs.items()
    }
    return series | {(file, ""): series[file, owner.symbol] for file, owner in owners.items()}


def _shared_series(
    run: Run, files: dict[str, apsw.Connection], found: dict[str, dict[str, Table]], knowledge: Knowledge
) -> dict[tuple[str, str], Many]:
    """The tables that hold the series of many securities, and which."""
    many = {}
    for file, its_tables in found.items():
        for table in its_tables.values():
            mapping = run.system.shared_series(file, table)
            if mapping is not None:
                which = guarded(file, table.name, partial(owners, files[file], table, mapping, knowledge))
                many[file, table.name] = Many(file, mapping, *which)
    return many


def _rows(run: Run, file: str, table: Table, known: Knowledge, prefix: bytes) -> Translator:
    """The translator of a table row by row; of a series, the one that keeps what fits no block."""
    mapping = run.system.mapping(file, table)
    memory = memory_of(run, file, table, mapping)
    if mapping is not None and isinstance(memory, ReshapedMemory):
        shape = Shape(table, mapping, run.system.mapping)
        return ReshapedTranslator.of(shared=prefix, file=file, shape=shape, knowledge=known, memory=memory)
    rows = Translator(shared=prefix, file=file, table=table, mapping=mapping, knowledge=known, memory=memory)
    rows.why_kept = run.system.why_kept(file, table.name)
    return rows


def _market(run: Run, db: apsw.Connection, rows: Translator) -> MarketSeries | None:
    """The translator of a table of bars or ticks, which is read in the frozen file that the image was made of."""
    mapping = run.system.market(rows.file, rows.table) if is_image(db) else None
    if mapping is None:
        return None
    if mapping.kind not in run.held:
        run.held[mapping.kind] = Held(run.log, mapping.event)
    # Row numbers of DuckDB change when it tidies up; by all that it holds a kept row is found again.
    rows = Translator(
        shared=rows.shared, file=rows.file, table=rows.table._replace(row_number=None, key=()), mapping=None,
        knowledge=rows.knowledge, memory=rows.memory,
    )  # fmt: skip
    path = Path(db.filename.removesuffix(IMAGE))
    held = run.held[mapping.kind]
    count = rows_elsewhere(db, rows.table.name)
    count = count_rows(path, rows.table.name) if count is None else count
    return MarketSeries(
        path=path, table=rows.table, mapping=mapping, fallback=rows, log=run.log, held=held, count=count
    )


def _translator(
    run: Run, rows: Translator, many: Many | None, series: dict[tuple[str, str], Series]
) -> Translator | SeriesTranslator | ManySeries:
    file, table = rows.file, rows.table
    memory = run.seen.of(run.system.name, file, table.name, run.log)
    of_series = run.system.series(file, table)
    if many is not None:
        parts = [
            OneOfMany(
                shared=many.mapping, owner=owner, series=series[file, symbol], table=table, knowledge=rows.knowledge,
                memory=memory, log=run.log, fallback=rows,
            )
            for owner, symbol in many.symbols.items()
        ]  # fmt: skip
        return ManySeries(table=table, owner=many.mapping.owner, parts=parts, why_none=many.why_none, fallback=rows)
    if of_series is None or (file, "") not in series:
        return rows
    return SeriesTranslator(
        mapping=of_series, series=series[file, ""], table=table, knowledge=rows.knowledge, memory=memory, log=run.log,
        fallback=rows,
    )  # fmt: skip


def _run_number(run: Run) -> int:
    """The number of an unfinished run of this system in the same zone, which is then taken up again, else the next."""
    starts = _own(run, ReplayStarted)
    finished = {event.run for event in _own(run, ReplayCompleted)}
    run.started = bool(starts) and starts[-1].run not in finished and _in_its_zones(run, starts[-1])
    if run.started:
        return starts[-1].run
    return starts[-1].run + 1 if starts else 1


def _zone_changed(run: Run) -> bool:
    """Whether naive times may stand in the log as read in another zone: by the last run that reached its end, or since."""
    last = max((event.run for event in _own(run, ReplayCompleted)), default=0)
    return any(event.run >= last and not _in_its_zones(run, event) for event in _own(run, ReplayStarted))


def _in_its_zones(run: Run, event: ReplayStarted) -> bool:
    return (event.timezone, event.timezones) == (run.zone.key, run.timezones)


def _own(run: Run, cls: type[E]) -> list[E]:
    decoded = [events.decode(s.topic, s.state) for s in run.log.stream(stream("replay", run.system.name))]
    return [event for event in decoded if isinstance(event, cls)]


def schema_entries(run: Run, files: dict[str, apsw.Connection]) -> list[Entry]:
    """The schema of each file, where it is not in the log already."""
    entries = []
    generations = {one.name: one.generation for one in run.report.files}
    for file, db in files.items():
        pragmas = {name: _pragma(db, name) for name in ("page_size", "encoding", "auto_vacuum", "user_version")}
        event = LegacySchemaRead(
            system=run.system.name,
            file=file,
            generation=generations[file],
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
