"""backtest/index.db: the trading bot's backtests with their trades and equity, its scans, and the files of its runs."""

from __future__ import annotations

from collections.abc import Sequence

import apsw
import msgspec
from msgspec import field

from domain.bot_backtest import (
    BacktestRun,
    BacktestRunRemoved,
    BacktestTradeClosed,
    BacktestTradeRemoved,
    EquityMarked,
    ScanRemoved,
    ScanRun,
    SymbolScanned,
    SymbolScanRemoved,
)
from domain.bot_runs import FOLDER, run_file
from domain.bot_trading import RoundTripClosed
from domain.systems import TRADING_BOT
from projections.bulk import Row, Upsert
from projections.projector import Concern, Fact, LaneTable, Projector, RowTable, StreamFact
from projections.trading_bot.by_stream import keyed_in_time
from projections.trading_bot.run_files import EVENTS, FILES, RunEvent


class Run(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row of `backtest_runs`."""

    run_id: str
    strategy_id: str | None = None
    symbol: str | None = None
    start_date: int | float | str | None = None
    end_date: int | float | str | None = None
    params: str | None = None
    total_trades: int | float | None = None
    win_rate: float | None = field(name="win_rate_pct", default=None)
    total_pnl: float | None = None
    max_drawdown: float | None = None
    sharpe_ratio: float | None = None
    status: str | None = None
    error_message: str | None = None
    created_at: str | None = field(name="occurred_at", default=None)
    timeframe: str | None = None
    initial_capital: float | None = None
    final_capital: float | None = None
    profit_factor: float | None = None
    metrics: str | None = None
    legacy_win_rate: float | None = field(name="win_rate", default=None)
    win_rate_unit: str | None = None


class RunTrade(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row of `backtest_trades`."""

    trade_id: str
    run_id: str
    symbol: str | None = None
    entry_ts: str | None = field(name="occurred_at", default=None)
    exit_ts: str | None = None
    direction: str | None = None
    entry_price: float | None = None
    exit_price: float | None = None
    qty: float | None = None
    pnl: float | None = None
    fees: float | None = None
    metadata: str | None = None


class Scan(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row of `scanner_results`."""

    scan_id: str
    scan_timestamp: str | None = field(name="occurred_at", default=None)
    total_symbols: int | float | None = None
    profitable_symbols: int | float | None = None
    scan_params: str | None = None
    status: str | None = None
    created_at: str | None = None


class SymbolResult(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row of `scanner_symbol_results`."""

    scan_id: str
    symbol: str
    trading_symbol: str | None = None
    train_pnl: float | None = None
    train_trades: int | float | None = None
    train_win_rate: float | None = None
    train_max_dd: float | None = None
    train_run_id: str | None = None
    train_status: str | None = None
    test_pnl: float | None = None
    test_trades: int | float | None = None
    test_win_rate: float | None = None
    test_max_dd: float | None = None
    test_run_id: str | None = None
    test_status: str | None = None
    is_profitable: int | None = None
    rank: int | float | None = None
    error: str | None = None


_SYMBOL_RESULT = ("scan_id", "symbol")
_RUN_TRADE, _EQUITY = ("run_id", "trade_id"), ("run_id", "timestamp")

projector = Projector(
    name="trading-bot/backtest",
    version=2,
    system=TRADING_BOT,
    file="backtest/index.db",
    files=FILES,
    rows=(
        RowTable("backtest_runs", Run, ("run_id",), (BacktestRun,), (BacktestRunRemoved,)),
        RowTable("backtest_trades", RunTrade, _RUN_TRADE, (BacktestTradeClosed,), (BacktestTradeRemoved,)),
        RowTable("scanner_results", Scan, ("scan_id",), (ScanRun,), (ScanRemoved,)),
        RowTable("scanner_symbol_results", SymbolResult, _SYMBOL_RESULT, (SymbolScanned,), (SymbolScanRemoved,)),
    ),
)

_EQUITY_COLUMNS = {"run_id": "run_id", "timestamp": "occurred_at", "equity": "equity"}
keyed_in_time(projector, "backtest_equity_curves", _EQUITY_COLUMNS, _EQUITY, EquityMarked)

_named = Upsert("run_files", ("run_id", "file", "is_renamed", "why"), ("run_id",))
_NAMING = (BacktestRun, BacktestTradeClosed, EquityMarked, RoundTripClosed)
_FILES = LaneTable("run_files", (Concern(_NAMING, {"run_id": "run_id"}),))


@projector.lane(*_NAMING, tables=(_FILES,))
def run_files(db: apsw.Connection, facts: Sequence[Fact]) -> None:
    """The file of every run that anything was ever said of; the name of one that was removed stays its own."""
    found = {fact.event.run_id for fact in facts if isinstance(fact.event, _NAMING) and fact.event.run_id is not None}
    _named.rows(db, [_row(run_id) for run_id in sorted(found)])


def _row(run_id: str) -> Row:
    file = run_file(run_id)
    return run_id, file.path, int(file.why is not None), file.why


_PARTITION = """
INSERT INTO partitions (path, exchange, session, kind, timeframe, zone, events, last_position)
VALUES (?, '', ?, 'run', '', '', 0, 0) ON CONFLICT (path) DO NOTHING
"""
_EVENT = "INSERT INTO partition_events (partition, position, is_held) SELECT id, ?, 0 FROM partitions WHERE path = ?"
_SHOW = "UPDATE partitions SET events = events + 1, last_position = ? WHERE path = ?"


_RUNS = f"{FOLDER.partition('/')[0]}/"
_SHOW_LESS = "UPDATE partitions SET events = events - 1 WHERE path = ?"
_MARKED = "SELECT position FROM equity_marks WHERE stream = ?"
_MARK = "INSERT OR REPLACE INTO equity_marks (stream, position) VALUES (?, ?)"
_UNMARK = "DELETE FROM partition_events WHERE position = ? AND partition = (SELECT id FROM partitions WHERE path = ?)"
_BELONGS = "SELECT run_id FROM round_trip_runs WHERE trade_id = ?"
_BELONG = "INSERT OR REPLACE INTO round_trip_runs (trade_id, run_id) VALUES (?, ?)"
_PARTS = tuple(
    LaneTable(name, is_shown=False) for name in ("partitions", "partition_events", "round_trip_runs", "equity_marks")
)


@projector.lane(*EVENTS, with_streams=True, tables=_PARTS)
def partitions(db: apsw.Connection, facts: Sequence[StreamFact]) -> None:
    """The events that the file of each run is made of; of a mark of equity only the newest, whose moment may be another."""
    for position, stream, event in facts:
        assert isinstance(event, EVENTS)
        if isinstance(event, EquityMarked):
            for (before,) in db.execute(_MARKED, (stream,)).fetchall():
                db.execute(_UNMARK, (before, _path(event.run_id)))
                db.execute(_SHOW_LESS, (_path(event.run_id),))
            db.execute(_MARK, (stream, position))
        for run_id in _runs(db, event):
            path = _path(run_id)
            db.execute(_PARTITION, (path, run_id))
            db.execute(_EVENT, (position, path))
            db.execute(_SHOW, (position, path))


def _path(run_id: str) -> str:
    return run_file(run_id).path.removeprefix(_RUNS)


def _runs(db: apsw.Connection, event: RunEvent) -> list[str]:
    """The runs that an event is about: of a round trip also the one that it belonged to before."""
    if not isinstance(event, RoundTripClosed):
        return [event.run_id]
    before = [str(run_id) for (run_id,) in db.execute(_BELONGS, (event.trade_id,))]
    if event.run_id is None:
        return before
    db.execute(_BELONG, (event.trade_id, event.run_id))
    return sorted({event.run_id, *before})
