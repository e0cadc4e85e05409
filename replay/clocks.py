"""By which clock the naive times of each legacy table and column are read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from zoneinfo import ZoneInfo

import apsw

from domain.moments import Clock, LocalClock
from replay.mapping import Knowledge
from replay.reading import Table, is_image
from replay.work import Run


def known_by_table(
    run: Run, db: apsw.Connection, tables: Mapping[str, Table], knowledge: Knowledge
) -> dict[str, Knowledge]:
    """What is known for each table of a file: its naive times, and those of single columns, may be of a zone of their own."""
    has_local_times = is_image(db) or run.system.has_local_times
    return {name: _known(run.timezones, table, knowledge, has_local_times) for name, table in tables.items()}


def _known(zones: Mapping[str, str], table: Table, knowledge: Knowledge, has_local_times: bool) -> Knowledge:  # noqa: FBT001
    """What is known for one table.

    Where somebody names its zone, no naive time in it is one of SQLite's in UTC. In a file that SQLite did not write there is
    none either, and where a system writes local times in SQLite's form, only what SQLite fills itself can hold one.
    """
    clocks = {}
    if table.name in zones:
        knowledge = knowledge._replace(zone=LocalClock(zones[table.name]), zone_assumed=False)
    elif has_local_times:
        own = Clock(ZoneInfo(knowledge.zone.key), knowledge.zone_assumed, may_be_sqlite=True)
        clocks = dict.fromkeys(table.stamped, own)
        knowledge = knowledge._replace(zone=LocalClock(knowledge.zone.key))
    named = {column: zones.get(f"{table.name}.{column}") for column in table.columns}
    clocks |= {column: Clock(LocalClock(zone), is_assumed=False) for column, zone in named.items() if zone}
    return knowledge._replace(clocks=clocks) if clocks else knowledge


def unmatched(run: Run, found: Iterable[Mapping[str, Table]]) -> list[str]:
    """A sentence for each table or column that a zone is named for and that no file has."""
    tables = [table for one in found for table in one.values()]
    known = {table.name for table in tables} | {
        f"{table.name}.{column}" for table in tables for column in table.columns
    }
    return [f"a time zone is named for {name}, which no file has" for name in run.timezones if name not in known]


def zones_of_order(
    run: Run, file: str, tables: Mapping[str, Table], known: Mapping[str, Knowledge]
) -> dict[str, ZoneInfo]:
    """For each table the zone of the times that its rows are ordered by."""
    mappings = {name: run.system.mapping(file, table) for name, table in tables.items()}
    return {name: known[name].clock(one.time if one else None).zone for name, one in mappings.items()}
