"""The rows that one event made: in every table that it concerned when it came, and what they show now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from domain.event import Event, decode
from domain.market import MarketBlock
from domain.prices import PriceBlock
from ledger.concerning import POSITION, Value, concerning, pages
from ledger.log import Log, Stored
from ledger.past_views import VIEWS
from operations.market_tables import table_of
from operations.tables import ClassicTable, Key, ModelTable, Row, Table
from projections import catalog, narrowing
from projections.deriving import Deriving
from projections.projector import Concern, Lane, Projector, RowTable
from projections.topics import topics_of


class Made(NamedTuple):
    """A row that an event made or changed."""

    table: Table
    key: Key


def rows_of(log: Log, stored: Stored) -> list[Made]:
    """The rows that the event changed when it came; of a block all rows of the series that it brought."""
    event = decode(stored.topic, stored.state)
    if isinstance(event, MarketBlock):
        return list(market_rows(event))
    made = [one for one, _ in view_rows(log, stored)]
    for projector in catalog.projectors():
        naming = [row for row in projector.rows if type(event) in (*row.stated, *row.removed)]
        made += [_of_row_table(projector, row, event) for row in naming]
        for lane in projector.all_lanes():
            if stored.topic in {topic for kind in lane.events for topic in topics_of(kind)}:
                made += block_rows(event) if isinstance(event, PriceBlock) else _of_lane(log, projector, lane, stored)
    return made


def view_rows(log: Log, stored: Stored) -> Iterator[tuple[Made, Row]]:
    """The rows that the ledger's own tables show of the event's stream."""
    for view, about in VIEWS.items():
        if stored.topic not in about.topics[0]:
            continue
        table = ClassicTable(view)
        with table.past(log, None) as past:
            past.put(log.stream(stored.stream))
            for row in past.rows():
                cells = dict(zip(past.columns, row, strict=True))
                columns = next((key for key in table.keys if all(cells[name] is not None for name in key)), ())
                if columns:
                    yield Made(table, {name: cells[name] for name in columns}), row


def _of_row_table(projector: Projector, row: RowTable, event: Event) -> Made:
    table = ModelTable(projector.name, row.table)
    (concern,) = table.declared.concerns
    return Made(table, {column: getattr(event, field) for column, field in concern.by.items()})


def block_rows(block: PriceBlock) -> Iterator[Made]:
    """The rows of a block."""
    for name, column in (("daily_prices", "date"), ("monthly_prices", "year_month")):
        table = ModelTable("history", name)
        for key in getattr(block, column, ()):
            yield Made(table, {"symbol": block.symbol, column: key})


def market_rows(block: MarketBlock) -> Iterator[Made]:
    """The candles or ticks of a block."""
    table = table_of(block)
    for key in table.rows_of(block):
        yield Made(table, key)


def _of_lane(log: Log, projector: Projector, lane: Lane, stored: Stored) -> Iterator[Made]:
    """Everything before the event that can concern its rows happens again, then the event itself."""
    tables = [narrowing.find(projector.name, table.name) for table in lane.tables]
    shown = [table for table in tables if table.is_shown]
    if not shown:
        return
    before = _before(log, shown, stored)
    with Deriving(shown[0], log) as deriving:
        for page in pages(log, before):
            deriving.put(page)
        for change in deriving.changes([stored], shown):
            yield Made(ModelTable(projector.name, change.table.name), change.key)


def _before(log: Log, tables: list[narrowing.ModelTable], stored: Stored) -> list[int]:
    """The events before one that can concern any row that it can change."""
    event = decode(stored.topic, stored.state)
    wanted = [sought for table in tables for sought in table.sought(_key_in(table, event, stored.position))]
    once = {repr(sought): sought for sought in wanted}
    return concerning(log, [*once.values()], through=stored.position - 1).positions


def _key_in(table: narrowing.ModelTable, event: Event, position: int) -> Mapping[str, Value]:
    """What the event says of the key of the rows that it concerns; nothing when it says too little."""
    concern = next((one for one in table.concerns if type(event) in one.events), Concern((), {}))
    said = {
        column: position if field == POSITION else getattr(event, field, None) for column, field in concern.by.items()
    }
    return {} if None in said.values() else {column: value for column, value in said.items() if value is not None}
