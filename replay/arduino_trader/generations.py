"""Which state of the legacy system's schema a file is in (legacy facts 1 and 2.2)."""

from __future__ import annotations

from collections.abc import Mapping

from replay.arduino_trader.target_tables import TARGET_FILES
from replay.reading import Table

DESIGNED = "eight databases, as designed"
REPAIRED = "eight databases, repaired"
BY_ISIN = "eight databases, by ISIN"
UNIX = "eight databases, unix times"
JSON = "eight databases, JSON securities"

# What a file holds only as it was designed, and what it holds in any state of the newer layout but never in the older one.
_DESIGNED = {
    "cash_flows": "flow_type", "dividend_history": "total_amount", "portfolio_snapshots": "snapshot_date",
    "positions": "bucket_id", "securities": "bucket_id", "trades": "bucket_id", "agent_configs": "id",
    "allocation_targets": "group_type", "symbol_removals": "symbol", "_database_health": "id", "buckets": "agent_id",
}  # fmt: skip
_NEWER = {
    "cash_flows": "flow_type", "dividend_history": "total_amount", "allocation_targets": "group_type",
    "_database_health": "id", "buckets": "agent_id", "planner_settings": "id", "cache_data": "cache_key",
}  # fmt: skip
_ONLY_NEWER = frozenset({"universe.db", "portfolio.db", "agents.db", "history.db"})
# Columns that held unix seconds from the beginning.
_ALWAYS_UNIX = frozenset({"symbol_removals", "cleanup_log", "_database_health", "cache_data"})
_TIMES = frozenset(
    {
        "created_at", "updated_at", "executed_at", "last_updated", "calculated_at", "last_synced", "date", "payment_date",
        "evaluated_at", "snapshot_date",
    }
)  # fmt: skip


def generation(file: str, tables: Mapping[str, Table], version: int) -> str:
    """The name of the state: `v12` and the like in the older layout, a name in the one with eight databases."""
    if file not in TARGET_FILES or not tables:
        return f"v{version}"
    has_unix = any(_has_unix_times(table) for name, table in tables.items() if name not in _ALWAYS_UNIX)
    has_isin = any(_is_by_isin(table) for table in tables.values())
    if "schema_version" in tables or "stocks" in tables:  # every file of the older layout says its version
        newer = file in _ONLY_NEWER or has_unix or has_isin or _has_any(tables, _NEWER)
        return f"v{version} with tables of the eight databases" if newer else f"v{version}"
    if "data" in _columns(tables, "securities"):
        return JSON
    if has_unix:
        return UNIX
    if has_isin:
        return BY_ISIN
    return DESIGNED if _has_any(tables, _DESIGNED) else REPAIRED


def _columns(tables: Mapping[str, Table], name: str) -> tuple[str, ...]:
    return tables[name].columns if name in tables else ()


def _has_any(tables: Mapping[str, Table], columns: Mapping[str, str]) -> bool:
    return any(column in _columns(tables, name) for name, column in columns.items())


def _has_unix_times(table: Table) -> bool:
    return any(column in _TIMES and table.declared(column).startswith("INT") for column in table.columns)


def _is_by_isin(table: Table) -> bool:
    return "isin" in table.key or (table.name in ("scores", "daily_prices") and "symbol" not in table.columns)
