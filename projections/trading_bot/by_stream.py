"""Tables with one row per stream: of facts whose own key may be missing, or is their moment, which may be corrected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

import apsw

from domain.event import Event
from ledger.concerning import SAME_STREAM, STREAM
from projections.bulk import Row, Upsert
from projections.projector import Concern, LaneTable, Projector, StreamFact


def keyed_by_stream(projector: Projector, table: str, columns: Mapping[str, str], *stated: type[Event]) -> None:
    """Let the newest of the events `stated` of each stream be a row. columns: column to event field; a last one, `stream`,
    is the key.
    """
    upsert = Upsert(table, (*columns, "stream"), ("stream",))
    fields = tuple(columns.values())

    def fold(db: apsw.Connection, facts: Sequence[StreamFact]) -> None:
        upsert.rows(db, [(*_row(fact.event, fields), fact.stream) for fact in facts])

    concerns = (Concern(stated, {"stream": STREAM}),)
    projector.lane(*stated, with_streams=True, tables=(LaneTable(table, concerns),))(fold)


def keyed_in_time(
    projector: Projector, table: str, columns: Mapping[str, str], key: tuple[str, ...], *stated: type[Event]
) -> None:
    """Let the newest of the events `stated` of each key be a row, and of each stream no more than one.

    The moment is part of the key. Where it had been read in a wrong zone and is stated again, the row moves. columns: column
    to event field; a last one, `stream`, says whose the row is.
    """
    upsert = Upsert(table, (*columns, "stream"), key)
    fields = tuple(columns.values())
    names = ", ".join(key)
    forget = f'DELETE FROM "{table}" WHERE stream = ? AND ({names}) <> ({", ".join("?" * len(key))})'
    places = [list(columns).index(name) for name in key]

    def fold(db: apsw.Connection, facts: Sequence[StreamFact]) -> None:
        rows = [(*_row(fact.event, fields), fact.stream) for fact in facts]
        upsert.rows(db, rows)
        newest = {row[-1]: [row[place] for place in places] for row in rows}
        db.executemany(forget, [(stream, *cells) for stream, cells in newest.items()])

    concerns = (Concern(stated, {column: columns[column] for column in key}, (SAME_STREAM,)),)
    projector.lane(*stated, with_streams=True, tables=(LaneTable(table, concerns),))(fold)


def _row(event: Event, fields: Sequence[str]) -> Row:
    cells = (getattr(event, field) for field in fields)
    return tuple(float(cell) if isinstance(cell, Decimal) else cell for cell in cells)
