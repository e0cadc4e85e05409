"""The rows of read models that stand under the key of an event, found without deriving anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from msgspec import Struct

from domain.event import Event, decode
from domain.market import MarketBlock
from domain.prices import PriceBlock
from ledger.concerning import POSITION, Value
from ledger.log import Log, Stored
from operations.made import block_rows, market_rows, view_rows
from operations.origins import place_of_kind
from operations.tables import LEDGER, ModelTable, Table
from projections import catalog, narrowing

_MADE_BY = ("symbol", "stream")


class Row(Struct, kw_only=True):
    """A row of a read model that an event stands behind. cells: column to value."""

    place: str
    cells: dict[str, Any]  # any SQL value


def produced(home: Path, log: Log, stored: Stored) -> list[Row]:
    """The rows that show the event now, of a block the first and the last; a later event may have changed them."""
    event = decode(stored.topic, stored.state)
    found = [
        Row(place=made.table.name, cells=dict(zip(made.table.columns, row, strict=True)))
        for made, row in view_rows(log, stored)
    ]
    for table, key in _keys(log, stored, event):
        found += [
            Row(place=table.name, cells=dict(zip(table.columns, row, strict=True)))
            for row in table.live(home, log, key).rows
        ]
    return found


def _keys(log: Log, stored: Stored, event: Event) -> Iterator[tuple[Table, Mapping[str, Value]]]:
    if isinstance(event, PriceBlock | MarketBlock):
        made = list(block_rows(event) if isinstance(event, PriceBlock) else market_rows(event))
        yield from [(one.table, one.key) for one in [*made[:1], *made[1:][-1:]]]
        return
    place = place_of_kind(type(event))
    named: dict[str, tuple[Table, Mapping[str, Value]]] = {}
    if place is not None and place.model != LEDGER:
        table: Table = ModelTable(place.model, place.table)
        named[table.name] = table, {column: _plain(getattr(event, place.field(column))) for column in place.key}
    for declared in _tables_of(type(event)):
        key = _whole_key(log, declared, stored, event) or _own_rows(log, declared, stored)
        if key:
            table = ModelTable(declared.model, declared.name)
            named.setdefault(table.name, (table, key))
    yield from named.values()


def _tables_of(kind: type[Event]) -> Iterator[narrowing.ModelTable]:
    """The tables whose rows such events name."""
    for projector in catalog.projectors():
        if kind in narrowing.events_of(projector):
            for name in narrowing.shown_tables(projector):
                table = narrowing.find(projector.name, name)
                if any(kind in concern.events for concern in table.concerns):
                    yield table


def _whole_key(log: Log, table: narrowing.ModelTable, stored: Stored, event: Event) -> dict[str, Value] | None:
    """The key of the row that the event is about, when it says all of it, or when earlier events of its stream do."""
    concern = next(one for one in table.concerns if type(event) in one.events)
    if {*concern.by} != {*table.key}:
        return None
    key: dict[str, Value] = {}
    for column, field in concern.by.items():
        value = stored.position if field == POSITION else _said(log, stored, event, field)
        if value is None:
            return None
        key[column] = value
    return key


def _own_rows(log: Log, table: narrowing.ModelTable, stored: Stored) -> dict[str, Value] | None:
    """What finds the rows that name the stream they were made by: the lots that a trade opened, the gains that it made."""
    if not {*_MADE_BY} <= {*table.columns}:
        return None
    told = (decode(one.topic, one.state) for one in reversed(log.stream(stored.stream)))
    symbol = next((getattr(one, "symbol", None) for one in told), None)
    return {"symbol": symbol, "stream": stored.stream} if symbol is not None else None


def _said(log: Log, stored: Stored, event: Event, field: str) -> Value | None:
    if hasattr(event, field):
        value: Value | None = getattr(event, field)
        return value
    earlier = (decode(one.topic, one.state) for one in reversed(log.stream(stored.stream)))
    return next((getattr(one, field) for one in earlier if hasattr(one, field)), None)


def _plain(value: Any) -> Any:  # an event's field in, an SQL value out
    return float(value) if isinstance(value, Decimal) else value
