"""Events of the trading bot's backtests and scans (legacy backtest_index.db, run files, scanner_index.db, monolith).

Amounts are INR; symbol: the instrument key, such as `NSE_EQ|INE002A01018`, or a text that names a portfolio.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from domain.event import Count, Event, Flag, Verbatim, register
from domain.moments import Instant

WinRateUnit = Literal["fraction", "percent"]


@register
class BacktestRun(Event, frozen=True, kw_only=True, tag="bot-backtest-run.v1"):
    """A backtest was asked for, ran or failed. Legacy `backtest_runs`; occurred_at from created_at.

    strategy_id, symbol, params, max_drawdown: in the first monolith strategy_name, instrument_key, parameters and
    max_drawdown_pct. params: JSON. win_rate: as the row has it; win_rate_unit: whether that is a fraction of 1 or percent,
    by the rule below; win_rate_pct: the same in percent. total_pnl: before fees.
    max_drawdown: percent. status: PENDING, RUNNING, COMPLETED or FAILED. timeframe, initial_capital, final_capital,
    profit_factor and metrics (JSON) are of the first monolith.

    The programs of the monolith wrote win_rate as a fraction, those of the isolated stores as percent into the same column,
    into which the legacy migration had copied the fractions (legacy trap M10). More than 1 is percent; up to 1 it is taken for
    a fraction, since as percent it would mean that hardly one trade in a hundred won. Filled by rule, win_rate_pct counts as
    assumed.
    """

    run_id: str
    strategy_id: str | None = None
    symbol: str | None = None
    start_date: Verbatim = None
    end_date: Verbatim = None
    params: str | None = None
    total_trades: Count | None = None
    win_rate: Decimal | None = None
    win_rate_pct: Decimal | None = None
    win_rate_unit: WinRateUnit | None = None
    total_pnl: Decimal | None = None
    max_drawdown: Decimal | None = None
    sharpe_ratio: Decimal | None = None
    status: str | None = None
    error_message: str | None = None
    timeframe: str | None = None
    initial_capital: Decimal | None = None
    final_capital: Decimal | None = None
    profit_factor: Decimal | None = None
    metrics: str | None = None


@register
class BacktestRunRemoved(Event, frozen=True, kw_only=True, tag="bot-backtest-run-removed.v1"):
    """A backtest was deleted. A legacy `backtest_runs` row that vanished."""

    run_id: str


@register
class BacktestTradeClosed(Event, frozen=True, kw_only=True, tag="bot-backtest-trade-closed.v1"):
    """A backtest entered a position and left it again. Legacy `backtest_trades`, and `trades` of a run's own file;
    occurred_at from entry_ts.

    trade_id: unique within the run only. direction: LONG or SHORT. qty: units. pnl: before fees. metadata: JSON.
    """

    run_id: str
    trade_id: str
    symbol: str | None = None
    exit_ts: Instant | None = None
    direction: str | None = None
    entry_price: Decimal | None = None
    exit_price: Decimal | None = None
    qty: Decimal | None = None
    pnl: Decimal | None = None
    fees: Decimal | None = None
    metadata: str | None = None


@register
class BacktestTradeRemoved(Event, frozen=True, kw_only=True, tag="bot-backtest-trade-removed.v1"):
    """A trade of a backtest was deleted. A legacy row that vanished."""

    run_id: str
    trade_id: str


@register
class EquityMarked(Event, frozen=True, kw_only=True, tag="bot-equity-marked.v1"):
    """A backtest's account was valued at a moment. Legacy `backtest_equity_curves`; occurred_at from timestamp."""

    run_id: str
    equity: Decimal


@register
class ScanRun(Event, frozen=True, kw_only=True, tag="bot-scan-run.v1"):
    """Many instruments were backtested, first on one part of their history, then on the rest. Legacy `scanner_results`;
    occurred_at from scan_timestamp.

    status: RUNNING, COMPLETED or FAILED. scan_params: JSON.
    """

    scan_id: str
    total_symbols: Count | None = None
    profitable_symbols: Count | None = None
    scan_params: str | None = None
    status: str | None = None
    created_at: Instant | None = None


@register
class ScanRemoved(Event, frozen=True, kw_only=True, tag="bot-scan-removed.v1"):
    """A scan was deleted. A legacy `scanner_results` row that vanished."""

    scan_id: str


@register
class SymbolScanned(Event, frozen=True, kw_only=True, tag="bot-symbol-scanned.v1"):
    """One instrument of a scan was backtested. Legacy `scanner_symbol_results`; the row has no time of its own.

    train_, test_: the two parts of the history. _pnl: before fees; _win_rate, _max_dd: percent; _status: PENDING, RUNNING,
    COMPLETED, FAILED or SKIPPED. is_profitable: 0 or 1; rank: from 1, 0 for none.
    """

    scan_id: str
    symbol: str
    trading_symbol: str | None = None
    train_pnl: Decimal | None = None
    train_trades: Count | None = None
    train_win_rate: Decimal | None = None
    train_max_dd: Decimal | None = None
    train_run_id: str | None = None
    train_status: str | None = None
    test_pnl: Decimal | None = None
    test_trades: Count | None = None
    test_win_rate: Decimal | None = None
    test_max_dd: Decimal | None = None
    test_run_id: str | None = None
    test_status: str | None = None
    is_profitable: Flag | None = None
    rank: Count | None = None
    error: str | None = None


@register
class SymbolScanRemoved(Event, frozen=True, kw_only=True, tag="bot-symbol-scan-removed.v1"):
    """The result of one instrument of a scan was deleted. A legacy `scanner_symbol_results` row that vanished."""

    scan_id: str
    symbol: str
