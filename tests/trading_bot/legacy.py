"""Writes the trading bot's stores for tests: a DuckDB monolith of either generation, and the isolated layout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import date, datetime
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

import apsw
import duckdb

from migrations import script
from tests.trading_bot import rows
from tests.trading_bot.rows import INDIA, KEYS, OTHER_RUN, RELIANCE, RUN, SESSIONS, Row, Rows, moment

Bars = Literal["candles", "ohlcv_1m"]
_AT_ONCE = 500  # rows of one statement; DuckDB takes about a millisecond for each

ISOLATED_SCRIPTS = {
    "trading/trading.db": "isolated_trading",
    "signals/signals.db": "isolated_signals",
    "config/config.db": "isolated_config",
    "backtest/summaries/backtest_index.db": "isolated_index",
    "scanner/scanner_index.db": "isolated_scanner",
    "execution.db": "isolated_execution",
}
"""The SQLite files of the isolated layout and their scripts in migrations/legacy/trading_bot."""


def monolith_a(*, zone: ZoneInfo = INDIA, per_session: int = 15, dirt: bool = True) -> Rows:
    """The rows of a monolith of generation A, by table."""
    return {
        "instruments": [_contract(row) for row in rows.instruments()],
        "ohlcv_1m": [_without(bar, "is_synthetic") for bar in rows.bars(zone, per_session, dirt=dirt)],
        "ohlcv_resampled": rows.resampled(zone),
        "trades": [_trade_a(trade, RUN) for trade in rows.run_trades(RUN)],
        "backtest_runs": [_run_a(run) for run in rows.runs()[:2]],
        "market_status": [
            {"instrument_key": key, "last_1m_timestamp": moment(SESSIONS[2], "15:29:00", zone), "status": "OK"}
            for key in KEYS
        ],
        "fo_stocks_master": [
            _without(row, "exchange") | {"added_date": SESSIONS[0], "updated_at": None} for row in rows.fo_stocks()
        ],
        "ehma_universe": [
            {"id": 1, "signal_date": SESSIONS[0], "symbol": "RELIANCE", "signal_type": "BUY", "score": 0.5},
        ],
    }  # fmt: skip


def monolith_b(
    *, bars: Bars = "candles", zone: ZoneInfo = INDIA, per_session: int = 15, dirt: bool = True, old_roles: bool = False
) -> Rows:
    """The rows of a monolith of generation B, by table. old_roles: the column of a role's name is called `name`."""
    surplus = ("oi", "is_synthetic") if bars == "ohlcv_1m" else ("oi",)
    found = list(rows.bars(zone, per_session, dirt=dirt))
    if dirt and bars == "candles":
        found.append(rows.doubled_bar(zone))
    role = "name" if old_roles else "role_name"
    return {
        "users": rows.users(dirt=dirt),
        "roles": [{role: "admin", "permissions": "read,write,execute"}, {role: "viewer", "permissions": "read"}],
        "user_watchlist": rows.watchlist(),
        "instrument_meta": rows.instruments(),
        "runner_state": rows.runner_states(),
        "websocket_status": rows.feed_status(),
        "fo_stocks_master": rows.fo_stocks(),
        bars: [_without(bar, *surplus) for bar in found],
        "ohlcv_resampled": rows.resampled(zone),
        "live_ticks": rows.ticks(dirt=dirt),
        "confluence_insights": rows.insights(),
        "regime_insights": rows.regimes(),
        "regime_snapshots": rows.regimes(),
        "signals": rows.signals(dirt=dirt),
        "trades": [*_with(rows.fills(side="direction", price="price"), status="FILLED"), _rejected()],
        "backtest_runs": rows.runs(),
        "backtest_trades": [trade for run in (RUN, OTHER_RUN) for trade in rows.run_trades(run)],
        "backtest_equity_curves": rows.equity(RUN),
    }


def isolated(*, zone: ZoneInfo = INDIA, per_session: int = 15, dirt: bool = True) -> dict[str, Rows]:
    """The rows of the isolated layout, by file and table."""
    found: dict[str, Rows] = {
        "trading/trading.db": {
            "orders": [_order()],
            "trades": _with(rows.fills(side="side", price="entry_price"), strategy_id="pixity_meta"),
            # Written before the last fill changed it, as the bot does (legacy facts 4.7): 100 + 50 - 120, without the 80 sold.
            "positions": [{"symbol": RELIANCE, "quantity": 30.0, "avg_entry_price": 0.0, "realized_pnl": 0.0,
                           "updated_at": moment(SESSIONS[1], "10:03:00")}],
        },
        "signals/signals.db": {
            "confluence_insights": rows.insights(), "regime_insights": rows.regimes(), "signals": rows.signals(dirt=dirt),
        },
        "config/config.db": _config(),
        "backtest/summaries/backtest_index.db": {"backtest_runs": [run | {"win_rate": 62.5} for run in rows.runs()]},
        "scanner/scanner_index.db": _scans(),
        "execution.db": rows.execution(),
        f"backtest/runs/{RUN}.duckdb": {"trades": [_without(row, "run_id") for row in rows.run_trades(RUN)]},
    }  # fmt: skip
    for day in SESSIONS[:2]:
        bars = [bar for bar in rows.bars(zone, per_session, dirt=False) if bar["timestamp"].date() == day]
        found[f"market_data/nse/candles/1m/{day}.duckdb"] = {"candles": [_candle(bar) for bar in bars]}
    found["live_buffer/candles_today.duckdb"] = {
        "candles": [
            _candle(bar) for bar in rows.bars(zone, per_session, dirt=False) if bar["timestamp"].date() == SESSIONS[2]
        ]
    }
    found["live_buffer/ticks_today.duckdb"] = {"ticks": _ticks_by_second()}
    return found


def write_monolith(path: Path, generation: Literal["a", "b"], tables: Rows, *, old_roles: bool = False) -> Path:
    """Write a monolith with the duckdb package."""
    schema = script("legacy", "trading_bot", f"monolith_{generation}.sql")
    if generation == "b":
        schema += script("legacy", "trading_bot", f"bars_{'candles' if 'candles' in tables else 'ohlcv_1m'}.sql")
    if old_roles:
        schema = schema.replace("roles (role_name VARCHAR", "roles (name VARCHAR")
    return write_duckdb(path, schema, tables)


def write_isolated(folder: Path, stores: Mapping[str, Rows]) -> Path:
    """Write every file of the isolated layout into a folder, with a stale lock beside each store, as the original left."""
    for file, tables in stores.items():
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        if file in ISOLATED_SCRIPTS:
            write_sqlite(path, script("legacy", "trading_bot", f"{ISOLATED_SCRIPTS[file]}.sql"), tables)
        else:
            kind = "run" if "/runs/" in file else "ticks" if "ticks" in file else "candles"
            write_duckdb(path, script("legacy", "trading_bot", f"isolated_{kind}.sql"), tables)
    for part in ("trading", "signals", "config", "live_buffer"):
        (folder / part).mkdir(exist_ok=True)
        (folder / part / ".writer.lock").write_text("4711\n")
    return folder


def write_duckdb(path: Path, schema: str, tables: Rows) -> Path:
    """Write a DuckDB file. Times without a zone are stored as they are, those with one as instants."""
    with closing(duckdb.connect(str(path))) as db:
        db.execute("SET TimeZone = 'UTC'")
        db.execute(schema)
        for table, its_rows in tables.items():
            for names, group in _grouped(its_rows):
                marks = ", ".join(["(" + ", ".join("?" * len(names)) + ")"] * len(group))
                db.execute(
                    f"INSERT INTO {table} ({_listed(names)}) VALUES {marks}", [cell for row in group for cell in row]
                )
    return path


def write_sqlite(path: Path, schema: str, tables: Rows) -> Path:
    """Write an SQLite file in WAL mode, as the bot's programs do: times as text with a blank, truth as 0 or 1."""
    with closing(apsw.Connection(str(path))) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute(schema)
        with db:
            for table, its_rows in tables.items():
                for names, group in _grouped(its_rows):
                    marks = ", ".join("?" * len(names))
                    db.executemany(f"INSERT INTO {table} ({_listed(names)}) VALUES ({marks})", map(_sqlite, group))
    return path


def _grouped(its_rows: Sequence[Row]) -> list[tuple[tuple[str, ...], list[list[object]]]]:
    """Rows with the same columns together, in order, not too many at once."""
    groups: list[tuple[tuple[str, ...], list[list[object]]]] = []
    for row in its_rows:
        if not groups or groups[-1][0] != tuple(row) or len(groups[-1][1]) == _AT_ONCE:
            groups.append((tuple(row), []))
        groups[-1][1].append([*row.values()])
    return groups


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _sqlite(row: Sequence[object]) -> list[object]:
    return [
        str(cell) if isinstance(cell, datetime | date) else int(cell) if isinstance(cell, bool) else cell
        for cell in row
    ]


def _without(row: Row, *columns: str) -> Row:
    return {name: cell for name, cell in row.items() if name not in columns}


def _with(found: Sequence[Row], **cells: object) -> list[Row]:
    return [row | cells for row in found]


def _rejected() -> Row:
    """A fill that never was one, so that it may not change the position."""
    row = rows.fills(side="direction", price="price")[0]
    return row | {"trade_id": "t-9", "signal_id": "sig-9", "quantity": 999, "status": "REJECTED"}


def _order() -> Row:
    return {
        "order_id": "o-1", "signal_id": "sig-1", "timestamp": moment(SESSIONS[1], "10:00:00"), "symbol": RELIANCE,
        "order_type": "MARKET", "side": "BUY", "quantity": 100.0, "price": None, "status": "FILLED",
        "broker_order_id": "sim_0123456789ab", "metadata": None,
    }  # fmt: skip


def _config() -> Rows:
    created = {"created_at": moment(SESSIONS[0], "07:00:00")}
    stock = _without(rows.fo_stocks()[0], "exchange") | {"last_updated": moment(SESSIONS[0], "07:00:00")}
    job = {"job_id": "job-1", "symbols": "RELIANCE", "unit": "minutes", "interval": "1", "from_date": "2026-01-30",
           "to_date": "2026-02-02", "status": "COMPLETED", "progress": 100.0, "updated_at": None}  # fmt: skip
    return {
        "users": _with(rows.users(dirt=False), **created),
        "roles": [{"role_name": "admin", "permissions": "all"}],
        "user_watchlist": rows.watchlist(),
        "instrument_meta": rows.instruments(),
        "runner_state": rows.runner_states(),
        "websocket_status": rows.feed_status(),
        "fo_stocks": [stock],
        "download_jobs": [job | created],
    }


def _scans() -> Rows:
    scan = {"scan_id": "scan_20260202_180000_0a1b2c", "scan_timestamp": moment(SESSIONS[1], "18:00:00")}
    halves = {
        f"{half}_{name}": cell
        for half in ("train", "test")
        for name, cell in (("pnl", 120.5), ("trades", 24), ("win_rate", 54.2), ("max_dd", 7.1), ("status", "COMPLETED"))
    }
    result = {
        "scan_id": scan["scan_id"],
        "symbol": RELIANCE,
        "trading_symbol": "RELIANCE",
        "is_profitable": 1,
        "rank": 1,
    }
    return {
        "scanner_results": [scan | {"total_symbols": 1, "profitable_symbols": 1, "status": "COMPLETED"}],
        "scanner_symbol_results": [result | halves],
    }


def _contract(row: Row) -> Row:
    contract = {"instrument_key": row["instrument_key"], "trading_symbol": row["trading_symbol"], "name": row["symbol"]}
    segment = row["instrument_key"].partition("|")[0]
    expiry = date(2026, 2, 19) if segment == "MCX_FO" else None
    return contract | {
        "instrument_type": "FUT" if expiry else "EQ", "exchange": row["exchange"], "segment": segment,
        "lot_size": row["lot_size"], "tick_size": row["tick_size"], "expiry": expiry, "strike": None, "is_active": True,
    }  # fmt: skip


def _trade_a(trade: Row, run: str) -> Row:
    return {
        "trade_id": f"{run[:8]}-{trade['trade_id']}", "run_id": run, "instrument_key": trade["symbol"],
        "trade_type": "BACKTEST", "direction": trade["direction"], "entry_time": trade["entry_ts"],
        "entry_price": trade["entry_price"], "exit_time": trade["exit_ts"], "exit_price": trade["exit_price"],
        "quantity": trade["qty"], "exit_reason": "TP", "pnl": trade["pnl"], "pnl_pct": 0.32, "commission": 26.8192,
    }  # fmt: skip


def _run_a(run: Row) -> Row:
    renamed = {"strategy_id": "strategy_name", "symbol": "instrument_key", "params": "parameters"}
    renamed |= {"max_drawdown": "max_drawdown_pct"}
    kept = _without(run, "total_pnl", "status", "error_message")
    return {renamed.get(name, name): cell for name, cell in kept.items()} | {
        "timeframe": "1m", "initial_capital": 100_000.0, "final_capital": 101_234.5, "profit_factor": 1.4, "metrics": None,
    }  # fmt: skip


def _candle(bar: Row) -> Row:
    return {"symbol": bar["instrument_key"], "timeframe": "1m"} | _without(bar, "instrument_key", "oi")


def _ticks_by_second() -> list[Row]:
    """The ticks that survived a key of symbol and second: the first of each."""
    kept: dict[tuple[object, object], Row] = {}
    for tick in rows.ticks(dirt=False):
        row = {
            "symbol": tick["symbol"],
            "timestamp": tick["exchange_ts"],
            "price": tick["price"],
            "volume": tick["volume"],
        }
        kept.setdefault((row["symbol"], row["timestamp"]), row | {"bid": None, "ask": None})
    return [*kept.values()]
