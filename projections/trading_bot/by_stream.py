"""Tables with one row per stream, for facts whose own key may be missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

import apsw

from domain.event import Event
from ledger.concerning import STREAM
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


def _row(event: Event, fields: Sequence[str]) -> Row:
    cells = (getattr(event, field) for field in fields)
    return tuple(float(cell) if isinstance(cell, Decimal) else cell for cell in cells)
