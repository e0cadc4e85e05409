"""One table of a read model by itself: what writes it, and which events can concern a row of it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from domain.errors import LedgerError
from domain.event import Event, topic_of
from ledger.concerning import Sought, Value
from projections import catalog
from projections.projector import Concern, Lane, LaneTable, Projector, RowTable
from projections.schema import columns_by_table
from projections.topics import topics_of


class Column(NamedTuple):
    """A column of a table. type: as declared. place: its place in the key from 1, 0 outside of it."""

    name: str
    type: str
    place: int


class ModelTable(NamedTuple):
    """A table of a read model. writer: a projector of only what writes it; concerns: what its rows come from."""

    model: str
    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    types: Mapping[str, str]
    writer: Projector
    concerns: tuple[Concern, ...]
    is_shown: bool
    dated_by: str | None
    rows_from: frozenset[str] | None

    @property
    def apart_by(self) -> str | None:
        """The field of all events that concern the table by which they can be told apart; None where there is none."""
        lanes = self.writer.all_lanes()
        return lanes[0].apart_by if len(lanes) == 1 and not self.writer.rows else None

    @property
    def is_ordered(self) -> bool:
        """Whether the rows of what `apart_by` tells apart come one thing after the other."""
        return all(concern.by.get(self.key[0]) == self.apart_by for concern in self.concerns) and bool(self.concerns)

    def sought(self, key: Mapping[str, Value]) -> list[Sought]:
        """The events that can concern the rows in which these columns of the key hold these values."""
        named = [event for concern in self.concerns for event in concern.events]
        others = Concern(tuple(event for event in events_of(self.writer) if event not in named), {})
        return [sought for concern in (*self.concerns, others) for sought in _sought(concern, key)]


def events_of(projector: Projector) -> list[type[Event]]:
    """The events that a projector wants, in a steady order."""
    wanted = {event for table in projector.rows for event in (*table.stated, *table.removed)}
    wanted |= {event for lane in projector.all_lanes() for event in lane.events}
    return sorted(wanted, key=lambda event: event.__name__)


def _sought(concern: Concern, key: Mapping[str, Value]) -> list[Sought]:
    topics = [topic for event in concern.events for topic in topics_of(event)]
    if not topics:
        return []
    if not concern.by or not concern.by.keys() <= key.keys() or any("\0" in str(value) for value in key.values()):
        return [Sought(topics)]
    newest = [topic_of(event) for event in concern.events]
    # In an older version a field may have another name, so all events of one count.
    older = [topic for topic in topics if topic not in newest]
    by_key = Sought(newest, {field: key[column] for column, field in concern.by.items()}, concern.then)
    return [by_key, Sought(older)] if older else [by_key]


def shown_tables(projector: Projector) -> list[str]:
    """The tables of a read model that are there to be read, by name."""
    return [name for name in columns_by_table(projector.name) if find(projector.name, name).is_shown]


def find(model: str, table: str) -> ModelTable:
    """A table of a read model; raises LedgerError that lists what there is when there is none of that name."""
    projector = catalog.find(model)
    known = columns_by_table(model)
    if table not in known:
        near = difflib.get_close_matches(table, known, n=3) or known
        raise LedgerError(f"{model} has no table {table!r}", hint=f"It has: {', '.join(near)}.")
    columns = [Column(*about) for about in known[table]]
    rows, lanes = _writers(projector, table)
    writer = _writer(projector, rows, lanes)
    declared = [one for lane in lanes for one in lane.tables if one.name == table]
    concerns = [_concern(row) for row in rows if table in written(row)]
    return ModelTable(
        model=model, name=table, columns=tuple(one.name for one in columns),
        key=tuple(one.name for one in sorted(columns, key=lambda one: one.place) if one.place),
        types={one.name: one.type for one in columns}, writer=writer,
        concerns=(*concerns, *(concern for one in declared for concern in one.concerns)),
        is_shown=all(one.is_shown for one in declared) and not table.endswith("_copies"),
        dated_by=next((one.dated_by for one in declared), None), rows_from=_rows_from(declared),
    )  # fmt: skip


def written_together(tables: Sequence[ModelTable]) -> list[ModelTable]:
    """The same tables of one read model, written by all that writes any of them."""
    if not tables:
        return []
    whole = catalog.find(tables[0].model)
    rows = [row for row in whole.rows if any(row in one.writer.rows for one in tables)]
    lanes = [lane for lane in whole.all_lanes() if any(lane in one.writer.lanes for one in tables)]
    return [one._replace(writer=_writer(whole, rows, lanes)) for one in tables]


def _rows_from(declared: Sequence[LaneTable]) -> frozenset[str] | None:
    """The topics without one of which a thing has no row; None where that is not said."""
    events = [event for one in declared for event in one.rows_from]
    return frozenset(topic for event in events for topic in topics_of(event)) if events else None


def _writer(whole: Projector, rows: Sequence[RowTable], lanes: Sequence[Lane]) -> Projector:
    return Projector(whole.name, whole.version, rows=tuple(rows), batch_max=whole.batch_max, lanes=list(lanes))


def _writers(projector: Projector, table: str) -> tuple[list[RowTable], list[Lane]]:
    """What writes a table; where nothing says that it does, all that the projector has."""
    rows = [row for row in projector.rows if table in written(row)]
    lanes = [lane for lane in projector.all_lanes() if any(one.name == table for one in lane.tables)]
    return (rows, lanes) if rows or lanes else (list(projector.rows), projector.all_lanes())


def written(row: RowTable) -> Sequence[str]:
    """The tables that the events of a RowTable go to."""
    return [row.table, f"{row.table}_copies"] if row.newest else [row.table]


def _concern(row: RowTable) -> Concern:
    fields = {field.name: field.encode_name for field in msgspec.structs.fields(row.row)}
    return Concern((*row.stated, *row.removed), {column: fields[column] for column in row.key})


def declared_tables(projector: Projector) -> list[LaneTable]:
    """The tables that the lanes of a projector say they write."""
    return [table for lane in projector.all_lanes() for table in lane.tables]
