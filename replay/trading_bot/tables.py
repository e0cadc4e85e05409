"""The row tables of the trading bot and the events they become (legacy facts 1.1 to 1.3, 2.1 to 2.3).

The same table stands in the monolith, whatever its file is called, and in a store of the isolated layout. Some changed their
shape on the way; each shape has a mapping, told apart by its columns. Bars and ticks are series and have no mapping here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from domain import bot_backtest as backtest
from domain import bot_config as config
from domain import bot_signals as signals
from domain import bot_trading as trading
from domain.streams import stream
from replay.mapping import TableMapping as Map
from replay.reading import Table
from replay.trading_bot import fills

TRADING, SIGNALS, CONFIG = "trading/trading.db", "signals/signals.db", "config/config.db"
INDEX, SCANNER = "backtest/summaries/backtest_index.db", "scanner/scanner_index.db"
EXECUTION = "execution.db"
RUNS = "backtest/runs/"
_DUCKDB = ".duckdb"
_STORES = (TRADING, SIGNALS, CONFIG, INDEX, SCANNER, EXECUTION)

_FILLS = Map(
    "trades", (TRADING,), trading.FillRecorded, "bot-fill", ("trade_id",), time="timestamp",
    changed=trading.FillCorrected, twins=("symbol", "timestamp", "quantity", "signal_id"), marks=("timestamp", "quantity"),
    renamed={"entry_price": "price", "price": "stated_price", "direction": "stated_direction"},
    made=frozenset({"side", "price", "stated_price", "stated_direction"}), fill=fills.fill_of_pairs,
)  # fmt: skip

_TRADING = (
    Map(
        "orders", (TRADING,), trading.OrderPlaced, "bot-order", ("order_id",), time="timestamp",
        changed=trading.OrderUpdated, fill=fills.order,
    ),
    _FILLS,
    Map(
        "positions", (TRADING,), trading.BotPositionReported, "bot-position", ("symbol",), time="updated_at",
        removed=trading.BotPositionNoLongerReported, marks=("avg_entry_price",),
    ),
)  # fmt: skip

# Only in execution.db, to which the bot's later programs moved its orders and fills.
_EXECUTION = (
    Map(
        "orders", (EXECUTION,), trading.OrderPlaced, "bot-order", ("correlation_id",), time="timestamp",
        changed=trading.OrderUpdated, renamed={"correlation_id": "order_id"}, fill=fills.order,
    ),
    Map(
        "fills", (EXECUTION,), trading.FillRecorded, "bot-fill", ("fill_id",), time="timestamp",
        changed=trading.FillCorrected, renamed={"fill_id": "trade_id", "fee": "fees"}, fill=fills.order,
    ),
    Map(
        "positions", (EXECUTION,), trading.BotPositionReported, "bot-position", ("symbol",), time="timestamp",
        removed=trading.BotPositionNoLongerReported, renamed={"avg_price": "avg_entry_price"}, marks=("avg_price",),
        made=frozenset({"side", "quantity"}), fill=fills.reported,
    ),
)  # fmt: skip

_SIGNALS = (
    Map(
        "signals", (SIGNALS,), signals.SignalEmitted, "bot-signal", ("signal_id",), time="created_at",
        changed=signals.SignalUpdated, twins=("strategy_id", "symbol", "signal_type", "bar_ts", "created_at"),
    ),
    Map(
        "confluence_insights", (SIGNALS,), signals.ConfluenceAssessed, "bot-insight", ("symbol", "timestamp"),
        time="timestamp", fill=fills.timed(),
    ),
    Map(
        "regime_insights", (SIGNALS,), signals.RegimeIdentified, "bot-regime", ("symbol", "timestamp"),
        time="timestamp", fill=fills.timed(),
    ),
    Map(
        "regime_snapshots", (SIGNALS,), signals.RegimeSnapshotTaken, "bot-regime-snapshot", ("symbol", "timestamp"),
        time="timestamp", fill=fills.timed(),
    ),
)  # fmt: skip

_MASTER = Map(
    "fo_stocks_master", (CONFIG,), config.DerivativesMasterListed, "bot-derivatives-master", ("trading_symbol",),
    time="updated_at", removed=config.DerivativesMasterDelisted, fill=fills.day_of("added_date"),
)  # fmt: skip
_ROLES = Map("roles", (CONFIG,), config.RoleDefined, "bot-role", ("role_name",), removed=config.RoleRemoved)

_CONFIG = (
    Map(
        "users", (CONFIG,), config.UserRegistered, "bot-user", ("username",), time="created_at",
        removed=config.UserRemoved, marks=("password_hash",),
    ),
    _ROLES,
    replace(_ROLES, key=("name",), renamed={"name": "role_name"}),
    Map(
        "user_watchlist", (CONFIG,), config.WatchlistItemAdded, "bot-watchlist-item", ("username", "instrument_key"),
        time="added_at", removed=config.WatchlistItemRemoved,
    ),
    Map(
        "instrument_meta", (CONFIG,), config.InstrumentListed, "bot-instrument", ("symbol",), time="created_at",
        removed=config.InstrumentDelisted,
    ),
    Map(
        "runner_state", (CONFIG,), config.RunnerStateUpdated, "bot-runner-state", ("symbol", "strategy_id"),
        time="updated_at", removed=config.RunnerStateCleared,
    ),
    Map(
        "websocket_status", (CONFIG,), config.FeedStatusChanged, "bot-feed", ("key",), time="updated_at",
        removed=config.FeedStatusDropped,
    ),
    Map(
        "fo_stocks", (CONFIG,), config.DerivativesStockListed, "bot-derivatives-stock", ("trading_symbol",),
        time="last_updated", removed=config.DerivativesStockDelisted,
    ),
    replace(_MASTER, time="last_updated", marks=("last_updated",)),
    _MASTER,
    Map(
        "download_jobs", (CONFIG,), config.DownloadJobUpdated, "bot-download-job", ("job_id",), time="updated_at",
        removed=config.DownloadJobRemoved, renamed={"progress": "progress_text"},
        made=frozenset({"progress", "progress_text"}), fill=fills.progress,
    ),
)  # fmt: skip

_RUN = Map(
    "backtest_runs", (INDEX,), backtest.BacktestRun, "bot-backtest", ("run_id",), time="created_at",
    removed=backtest.BacktestRunRemoved, fill=fills.win_rate,
)  # fmt: skip
_RUN_TRADES = Map(
    "backtest_trades", (), backtest.BacktestTradeClosed, "bot-backtest-trade", ("run_id", "trade_id"), time="entry_ts",
    removed=backtest.BacktestTradeRemoved,
)  # fmt: skip

_EQUITY = Map(
    "backtest_equity_curves", (), backtest.EquityMarked, "bot-equity", ("run_id", "timestamp"), time="timestamp",
    marks=("equity",), fill=fills.timed(),
)  # fmt: skip

_BACKTEST = (
    _RUN,
    replace(_RUN_TRADES, files=(INDEX,)),
    replace(_EQUITY, files=(INDEX,)),
    Map(
        "scanner_results", (SCANNER,), backtest.ScanRun, "bot-scan", ("scan_id",), time="scan_timestamp",
        removed=backtest.ScanRemoved,
    ),
    Map(
        "scanner_symbol_results", (SCANNER,), backtest.SymbolScanned, "bot-scan-symbol", ("scan_id", "symbol"),
        removed=backtest.SymbolScanRemoved,
    ),
)  # fmt: skip

# Only in a monolith.
_OWN = (
    replace(_RUN, files=(), marks=("strategy_id",)),
    replace(
        _RUN, files=(), marks=("strategy_name",),
        renamed={
            "strategy_name": "strategy_id", "instrument_key": "symbol", "parameters": "params",
            "max_drawdown_pct": "max_drawdown",
        },
    ),
    _RUN_TRADES,
    _EQUITY,
    Map(
        "trades", (), trading.RoundTripClosed, "bot-round-trip", ("trade_id",), time="entry_time", marks=("entry_time",),
    ),
    Map(
        "instruments", (), config.ContractListed, "bot-contract", ("instrument_key",), time="updated_at",
        removed=config.ContractDelisted, marks=("segment",), fill=fills.day_of("expiry"),
    ),
    Map(
        "market_status", (), config.MarketStatusChecked, "bot-market-status", ("instrument_key",), time="last_checked",
        removed=config.MarketStatusDropped,
    ),
    Map(
        "ehma_universe", (), config.UniverseSignalListed, "bot-universe-signal", ("id",), time="signal_date",
        marks=("signal_type",), days=frozenset({"occurred_at"}), rest="details", made=frozenset({"details"}),
        is_newer=True,
    ),
)  # fmt: skip

_SHARED = (*_TRADING, *_SIGNALS, *_CONFIG)

MONOLITH: tuple[Map, ...] = (*_OWN, *(replace(shape, files=()) for shape in _SHARED))
"""The tables of a monolith, in all their shapes."""

ISOLATED: tuple[Map, ...] = tuple(replace(shape, is_newer=True) for shape in (*_SHARED, *_EXECUTION, *_BACKTEST))
"""The tables of the isolated stores; they came later, so a row that a monolith had already given is not new there."""

MAPPINGS: tuple[Map, ...] = (*MONOLITH, *ISOLATED)


def mapping_of(file: str, table: Table) -> Map | None:
    """How a row table of a file becomes events; None for a table of another name or with other columns."""
    return next((shape for shape in declared(file, table.name) if _fits(shape, table)), None)


def declared(file: str, table: str) -> Iterator[Map]:
    """The shapes that a table of this name can have in a file, which need not be there any more."""
    if file.startswith(RUNS):
        shapes: tuple[Map, ...] = (_trades_of(file),)
    elif file in _STORES:
        shapes = tuple(shape for shape in ISOLATED if file in shape.files)
    else:
        shapes = MONOLITH if file.endswith(_DUCKDB) and "/" not in file else ()
    yield from (shape for shape in shapes if shape.table == table)


def _trades_of(file: str) -> Map:
    """The table of a run's own file, whose name is the run's id; its trades are those that a monolith has in one table."""
    run = file.removeprefix(RUNS).removesuffix(_DUCKDB)
    return replace(
        _RUN_TRADES, table="trades", kind=stream(_RUN_TRADES.kind, run), key=("trade_id",), constants={"run_id": run},
        marks=("entry_ts",),
    )  # fmt: skip


def _fits(shape: Map, table: Table) -> bool:
    return {*shape.key, *shape.marks} <= {*table.columns}
