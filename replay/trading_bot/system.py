"""How the trading bot is recognised, and how its tables become events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from zoneinfo import ZoneInfo

import apsw

from domain.systems import TRADING_BOT
from ledger.log import Entry, Log
from replay.blocks import SeriesMapping
from replay.mapping import Knowledge, TableMapping
from replay.market_series import MarketMapping
from replay.reading import Table
from replay.reconciling import Break
from replay.shared_series import SharedMapping
from replay.system import Owner
from replay.trading_bot import reconciling, tables
from replay.trading_bot.market import market_of

_DUCKDB = ".duckdb"
# The isolated layout; what has a star is one file per day, run or timeframe.
_FOLDERS = (
    "market_data", "market_data/*/ticks", "market_data/*/candles/*", "live_buffer", "trading", "signals", "config",
    "backtest/runs", "backtest/summaries", "scanner",
)  # fmt: skip
_STORES = (
    tables.TRADING, tables.SIGNALS, tables.CONFIG, tables.INDEX, tables.SCANNER, tables.EXECUTION, "backtest/runs/*.duckdb",
    "market_data/*/ticks/*.duckdb", "market_data/*/candles/*/*.duckdb", "live_buffer/*.duckdb",
)  # fmt: skip
# Tables of which no more than the name is known (legacy facts 1.2, 1.3).
_NAMED_ONLY = frozenset({
    "user_roles", "paper_trades", "unified_signals", "live_positions", "scanner_signals", "daily_risk_log", "filter_stats",
    "stock_universe", "live_ohlcv_cache", "ohlcv_resampled_live", "live_data_status", "regime_analysis_history",
    "tradable_universe", "option_alerts",
})  # fmt: skip
_SERIES = frozenset({"candles", "ohlcv_1m", "ohlcv_resampled", "live_ticks", "ticks"})


class TradingBot:
    """The legacy system: a DuckDB file in two generations, and the stores that it was split into.

    The file may have any name; of a folder, every DuckDB file that lies in it by itself is a monolith.
    """

    name = TRADING_BOT
    folders: tuple[str, ...] = _FOLDERS
    reads_in_part = True
    has_local_times = True

    def recognises(self, files: Iterable[str]) -> bool:
        """Whether a folder with these files is one of this system's."""
        return any(_is_monolith(file) or _is_store(file) for file in files)

    def mapping(self, file: str, table: Table) -> TableMapping | None:
        """How a table of a file becomes events; None for one that is only kept."""
        return tables.mapping_of(file, table)

    def declared(self, file: str, table: str) -> TableMapping | None:
        """The mapping of a table that may no longer be there."""
        return next(tables.declared(file, table), None)

    def series(self, file: str, table: Table) -> SeriesMapping | None:  # noqa: ARG002 - no file is of one security
        """How a price table becomes blocks: there is none of one security."""
        return None

    def shared_series(self, file: str, table: Table) -> SharedMapping | None:  # noqa: ARG002 - the same
        """How a table of daily prices becomes blocks: there is none."""
        return None

    def market(self, file: str, table: Table) -> MarketMapping | None:
        """How a table of bars or ticks becomes blocks; None for any other table."""
        is_monolith = _is_monolith(file)
        return market_of(table, is_monolith=is_monolith) if is_monolith or _is_store(file) else None

    def generation(self, file: str, tables: Mapping[str, Table], version: int) -> str:  # noqa: ARG002 - it has none
        """The name of the state that a file's schema is in."""
        if _is_store(file):
            return "isolated"
        if not _is_monolith(file):
            return ""
        runs = tables.get("backtest_runs")
        if "instruments" in tables or (runs and "strategy_name" in runs.columns):
            return "monolith, generation A"
        if not {"instrument_meta", "signals", "users", "runner_state", "candles", "ohlcv_1m"} & {*tables}:
            return "none of the system's"
        return f"monolith, generation B with {'candles' if 'candles' in tables else 'ohlcv_1m'}"

    def why_kept(self, file: str, table: str) -> str:
        """Why the rows of a table are only kept."""
        if table.startswith("sqlite_"):
            return "SQLite's own bookkeeping"
        if next(tables.declared(file, table), None) is not None:
            return f"{table} has other columns than any version of the legacy system gave it"
        if any(one.table == table for one in tables.MAPPINGS):
            return f"{table} does not belong into {file}"
        if table in _NAMED_ONLY:
            return f"which columns {table} has is not known of any version of the legacy system"
        return "no event describes this table"

    def reconcile(self, log: Log) -> tuple[list[Entry], list[Break]]:
        """Compare the positions that the fills make with those that the bot wrote down."""
        return reconciling.reconcile(log)

    def universe(
        self,
        files: Mapping[str, apsw.Connection],  # noqa: ARG002 - no table says anything of another
        tables: Mapping[str, Mapping[str, Table]],
        recorded: Mapping[str, str],  # noqa: ARG002
    ) -> Universe:
        """What the tables of these files say about each other."""
        return Universe(tables)


class Universe:
    """What is known of a source as a whole."""

    def __init__(self, found: Mapping[str, Mapping[str, Table]]) -> None:
        self._found = found

    def owner(self, file: str) -> Owner:
        """Whose prices a file of series holds."""
        raise AssertionError(f"{file} is no file of one security")

    def version(self, file: str) -> int:  # noqa: ARG002 - no code of the system wrote one
        """The schema version of a file, 0 since none says."""
        return 0

    def knowledge(self, zone: ZoneInfo, *, zone_assumed: bool) -> Knowledge:
        """What a translation may look up."""
        return Knowledge(zone, zone_assumed)

    def findings(self) -> list[str]:
        """A file whose tables are none of the system's is named, since its name alone made it one."""
        known = {one.table for one in tables.MAPPINGS} | _SERIES
        return [
            f"{file}: no table of the trading bot is in it; its rows are kept as they are"
            for file, its_tables in self._found.items()
            if its_tables and not known & {*its_tables}
        ]


def _is_monolith(file: str) -> bool:
    return file.endswith(_DUCKDB) and "/" not in file


def _is_store(file: str) -> bool:
    return any(fnmatchcase(file, pattern) for pattern in _STORES)


SYSTEM = TradingBot()
