"""live_buffer/live.db: ticks and bars of the sessions that a feed records and that are not put away yet."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat

import apsw

from domain.event import Event
from domain.market import (
    BarsRecorded,
    BarsVoided,
    BufferReset,
    RolloverCompleted,
    SessionOpened,
    TicksRecorded,
    TicksVoided,
    microseconds,
)
from domain.prices import each
from domain.systems import TRADING_BOT
from projections.bulk import Upsert
from projections.projector import Fact, LaneTable, Projector

projector = Projector(
    name="trading-bot/live-buffer",
    version=1,
    system=TRADING_BOT,
    file="live_buffer/live.db",
    batch_max=1_000,  # a block is as large as some hundred other events
)

_OPEN = """
INSERT INTO sessions (exchange, session, zone, last_position) VALUES (?, ?, ?, ?)
ON CONFLICT DO UPDATE SET last_position = excluded.last_position
"""
_MEET = "UPDATE sessions SET last_position = ? WHERE exchange = ? AND session = ?"
_CLOSE = "DELETE FROM sessions WHERE exchange = ? AND session = ? AND last_position <= ?"
_RESET = [f"DELETE FROM {table} WHERE exchange = ? AND session = ? AND position <= ?" for table in ("candles", "ticks")]

_BAR = ("exchange", "session", "symbol", "timeframe", "time_us")
_TICK = ("exchange", "session", "symbol", "sequence")
_CANDLES = Upsert(
    "candles",
    (*_BAR, "open", "high", "low", "close", "volume", "is_synthetic", "open_interest", "is_void", "position"),
    _BAR,
)
_TICKS = Upsert("ticks", (*_TICK, "time_us", "price", "volume", "bid", "ask", "is_void", "position"), _TICK)

_Rows = BarsRecorded | TicksRecorded | BarsVoided | TicksVoided


@projector.lane(
    BarsRecorded, TicksRecorded, BarsVoided, TicksVoided, SessionOpened, BufferReset, RolloverCompleted,
    tables=tuple(LaneTable(name) for name in ("sessions", "candles", "ticks")),
)  # fmt: skip
def live(db: apsw.Connection, facts: Sequence[Fact]) -> None:
    for position, event in facts:
        if isinstance(event, _Rows):
            db.execute(_MEET, (position, event.exchange, event.session))
            if db.changes():
                _show(db, position, event)
        else:
            _step(db, position, event)


def _step(db: apsw.Connection, position: int, step: Event) -> None:
    if isinstance(step, SessionOpened):
        db.execute(_OPEN, (step.exchange, step.session, step.zone, position))
    elif isinstance(step, BufferReset):
        for statement in _RESET:
            db.execute(statement, (step.exchange, step.session, step.through))
    else:
        assert isinstance(step, RolloverCompleted)
        db.execute(_CLOSE, (step.exchange, step.session, step.through))


def _show(db: apsw.Connection, position: int, rows: _Rows) -> None:
    key = (rows.exchange, rows.session, rows.symbol)
    if isinstance(rows, BarsRecorded):
        values = [each(one, rows.count) for one in rows.columns()[1:]]
        columns = (*map(repeat, (*key, rows.timeframe)), microseconds(rows), *values, repeat(0), repeat(position))
        _CANDLES.rows(db, list(zip(*columns, strict=False)))
    elif isinstance(rows, TicksRecorded):
        values = [each(one, rows.count) for one in (rows.price, rows.volume, rows.bid, rows.ask)]
        columns = (*map(repeat, key), rows.numbers, microseconds(rows), *values, repeat(0), repeat(position))
        _TICKS.rows(db, list(zip(*columns, strict=False)))
    elif isinstance(rows, BarsVoided):
        nothing = (None,) * 7
        _CANDLES.rows(db, [(*key, rows.timeframe, time, *nothing, 1, position) for time in microseconds(rows)])
    else:
        _TICKS.rows(db, [(*key, number, *(None,) * 5, 1, position) for number in rows.sequence])
