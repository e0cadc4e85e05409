"""What day files and live buffer show now of one series in one session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

from domain.market import exchange_of
from ledger.concerning import Value
from operations.market.history import History
from operations.market.query_sql import candles_sql, overlaid, ticks_sql
from projections.building import standing
from projections.engine import model_path

_INDEX, _LIVE = "trading-bot/market-data", "trading-bot/live-buffer"
_LOOKS_MAX = 10
"""A feed writes once a second, and a look takes a fraction of that."""

Row = tuple[Any, ...]  # cells of any kind


def rows(home: Path, table: str, key: Mapping[str, Value], columns: Sequence[str]) -> tuple[list[Row], int, str]:
    """The rows of this key, the position up to which they show the log, and why there are none, if that is known.

    Raises StoreError for a day file that cannot be read.
    """
    symbol, session = str(key["symbol"]), str(key["session"])
    timeframe = str(key["timeframe"]) if table == "candles" else None
    found_rows: list[Row] = []
    marks, trouble = _marks(home)
    for look in range(_LOOKS_MAX):
        if trouble:
            return [], 0, trouble
        earlier = found_rows
        with closing(History(home)) as history:
            found_rows = _stored(history, symbol, timeframe, session)
        before = marks
        marks, trouble = _marks(home)
        if look and found_rows == earlier:  # what came between the two looks is about others
            marks = before
        if marks == before:  # else the rows may be newer than the position from before
            break
    head = (symbol, session) if timeframe is None else (symbol, timeframe, session)
    shown = [(*head, *_own(row, is_tick=timeframe is None)) for row in found_rows]
    places = [(columns.index(column), value) for column, value in key.items()]
    return [row for row in shown if all(row[place] == value for place, value in places)], min(marks, default=0), ""


def _marks(home: Path) -> tuple[list[int], str]:
    """The positions of index and live buffer, and why there are none, if that is known."""
    marks = []
    for name in (_INDEX, _LIVE):
        path = model_path(home, name)
        found = standing(path) if path.exists() else None
        if found is None:
            return [], f"{path.name} is {'damaged' if path.exists() else 'missing'}"
        marks.append(found.mark.position)
    return marks, ""


def _stored(history: History, symbol: str, timeframe: str | None, session: str) -> list[Row]:
    """Time and values, of ticks the sequence after the time. The live rows first, as they may be put away meanwhile."""
    exchange, span = exchange_of(symbol), (session, session)
    live = (
        history.live_ticks(exchange, symbol, *span) if timeframe is None
        else history.live_candles(exchange, symbol, timeframe, *span)
    )  # fmt: skip
    stored: list[Row] = []
    for name in history.attached(history.files(exchange, timeframe, *span)):
        query = ticks_sql(name) if timeframe is None else candles_sql([name])
        stored += history.db.execute(query, [symbol]).fetchall()
    return overlaid(stored, live, 1 if timeframe is None else 0)


def _own(row: Row, *, is_tick: bool) -> Row:
    moment: datetime | None = row[0]
    time = None if moment is None else moment.time().isoformat()
    return (row[1], time, *row[2:]) if is_tick else (time, *row[1:])
