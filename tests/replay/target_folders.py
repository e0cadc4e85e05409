"""Folders of the layout with eight databases: as it was designed, and in its later state."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from migrations import script
from tests.legacy import Cells, Legacy

APPLE, SAP = "US0378331005", "DE0007164600"
NOW = "2026-01-03T20:39:00Z"


def unix(moment: str) -> int:
    """Unix seconds of a moment in UTC, of a date its midnight."""
    text = moment if "T" in moment else f"{moment}T00:00:00Z"
    return int(datetime.fromisoformat(text).timestamp())


def security(symbol: str, isin: str, *, later: bool = False, **cells: Any) -> Cells:
    """A row of universe.db's `securities`."""
    at: Any = unix(NOW) if later else NOW
    row = {"symbol": symbol, "isin": isin, "name": f"{symbol} Inc.", "currency": "USD", "product_type": "EQUITY"}
    return row | {"created_at": at, "updated_at": at} | cells


def trade(order_id: str | None, **cells: Any) -> Cells:
    """A row of ledger.db's `trades` as designed: the side in lower case, no rate."""
    row = {"symbol": "AAPL.US", "side": "buy", "quantity": 10.0, "price": 100.0, "executed_at": "2026-01-03T15:30:06Z"}
    return row | {"order_id": order_id, "currency": "USD", "value_eur": 950.0, "created_at": NOW} | cells


def bar(symbol: str, date: str, close: float = 10.0, **cells: Any) -> Cells:
    """A row of history.db's `daily_prices`."""
    return {
        "symbol": symbol,
        "date": date,
        "open": close,
        "high": close,
        "low": close,
        "close": close,
        "volume": 7,
    } | cells


DESIGNED: Mapping[str, Mapping[str, list[Cells]]] = {
    "universe.db": {
        "securities": [
            security("AAPL.US", APPLE, bucket_id="tech", fullExchangeName="NASDAQ", min_lot=1, allow_sell=None),
            security("SAP.EU", SAP, currency="EUR", active=0),
        ],
        "country_groups": [
            {"group_name": "Europe", "country_name": "Germany", "created_at": NOW, "updated_at": NOW},
            {"group_name": "Asia", "country_name": "__EMPTY__", "created_at": NOW, "updated_at": NOW},
        ],
        "industry_groups": [{"group_name": "Tech", "industry_name": "Software", "created_at": NOW, "updated_at": NOW}],
        "_database_health": [{"checked_at": unix(NOW), "integrity_check_passed": 1, "size_bytes": 40960}],
    },
    "config.db": {
        "settings": [{"key": "min_security_score", "value": "0.5", "description": None, "updated_at": NOW}],
        "allocation_targets": [
            {"group_type": "country", "group_name": "Germany", "target_percentage": 12.3, "min_percentage": 5.0,
             "max_percentage": None, "created_at": NOW, "updated_at": NOW},
            {"group_type": "bucket", "group_name": "tech", "target_percentage": 7.0, "min_percentage": None,
             "max_percentage": 33.3, "created_at": NOW, "updated_at": NOW},
        ],
    },
    "ledger.db": {
        "trades": [trade("O1", bucket_id="tech"), trade("O2", side="sell", quantity=4.0, mode="drip")],
        "cash_flows": [
            {"id": 7, "flow_type": "deposit", "amount": 500.0, "currency": "EUR", "amount_eur": 500.0,
             "description": "first", "executed_at": "2026-01-02T09:00:00Z", "bucket_id": "tech", "created_at": NOW},
            {"id": 8, "flow_type": "fee", "amount": 2.5, "currency": "USD", "amount_eur": 2.4, "description": None,
             "executed_at": "2026-01-03T15:30:06Z", "bucket_id": "core", "created_at": NOW},
        ],
        "dividend_history": [
            {"symbol": "AAPL.US", "isin": APPLE, "payment_date": "2026-01-02", "ex_date": "2025-12-20",
             "amount_per_share": 0.25, "shares_held": 50.0, "total_amount": 12.5, "currency": "USD",
             "total_amount_eur": 11.9, "drip_enabled": 1, "reinvested_shares": 0.5, "bucket_id": "tech",
             "created_at": NOW},
        ],
        "drip_tracking": [
            {"symbol": "AAPL.US", "drip_enabled": 1, "total_dividends_received": 12.5, "total_shares_reinvested": 0.5,
             "last_dividend_date": "2026-01-02", "updated_at": NOW},
        ],
    },
    "portfolio.db": {
        "positions": [
            {"symbol": "AAPL.US", "quantity": 6.0, "avg_price": 100.0, "current_price": 110.0, "currency": "USD",
             "currency_rate": 1.05, "market_value_eur": 628.5, "cost_basis_eur": 571.4, "unrealized_pnl": 57.1,
             "unrealized_pnl_pct": 10.0, "last_updated": NOW, "first_bought": "2026-01-03T15:30:06Z", "last_sold": None,
             "isin": APPLE, "bucket_id": "tech"},
        ],
        "scores": [
            {"symbol": "AAPL.US", "total_score": 0.75, "quality_score": 0.5, "volatility": 0.2, "history_years": 7,
             "technical_score": 0.25, "fundamental_score": 0.125, "last_updated": NOW},
        ],
        "calculated_metrics": [
            {"symbol": "AAPL.US", "metric_name": "RSI_14", "metric_value": 55.5, "calculated_at": NOW},
        ],
        "portfolio_snapshots": [
            {"snapshot_date": "2026-01-03", "total_value": 660.0, "cash_balance": 497.5, "invested_value": 600.0,
             "total_pnl": 60.0, "total_pnl_pct": 10.0, "position_count": 1, "bucket_id": "core",
             "snapshot_json": '{"geo_us": 1}', "created_at": NOW},
        ],
    },
    "satellites.db": {
        "buckets": [
            {"id": "tech", "name": "Tech", "type": "satellite", "agent_id": "a1", "created_at": NOW, "updated_at": NOW},
        ],
        "bucket_balances": [{"bucket_id": "tech", "currency": "EUR", "balance": 497.5, "last_updated": NOW}],
    },
    "agents.db": {
        "agent_configs": [
            {"id": "a1", "name": "Growth", "toml_config": "[x]", "bucket_id": "tech", "created_at": NOW, "updated_at": NOW},
        ],
        "config_history": [
            {"id": "h1", "agent_config_id": "a1", "name": "Growth", "toml_config": "[w]", "saved_at": NOW,
             "performance_score": 0.5},
        ],
        "sequences": [
            {"sequence_hash": "s1", "portfolio_hash": "p1", "priority": 1.0, "sequence_json": "[]", "depth": 1,
             "pattern_type": None, "completed": 1, "evaluated_at": NOW, "created_at": NOW},
        ],
        "evaluations": [
            {"sequence_hash": "s1", "portfolio_hash": "p1", "end_score": 0.5, "breakdown_json": "{}", "end_cash": 1.0,
             "end_context_positions_json": "{}", "div_score": 0.1, "total_value": 9.0, "evaluated_at": NOW},
        ],
        "best_result": [
            {"portfolio_hash": "p1", "best_sequence_hash": "s1", "best_score": 0.5, "updated_at": NOW},
        ],
    },
    "history.db": {
        "daily_prices": [
            bar("AAPL.US", "2026-01-02", 100.5, adjusted_close=100.25), bar("AAPL.US", "2026-01-03", 110.0),
            bar("SAP.EU", "2026-01-03", 200.0, volume=None),
        ],
        "exchange_rates": [{"from_currency": "USD", "to_currency": "EUR", "date": "2026-01-03", "rate": 1.05}],
        "symbol_removals": [
            {"symbol": "SAP.EU", "removed_at": unix(NOW), "grace_period_days": 30, "row_count": 1,
             "marked_by": "universe_service"},
        ],
        "cleanup_log": [
            {"symbol": "OLD.US", "deleted_at": unix(NOW), "row_count": 250, "cleanup_reason": "grace_period_expired",
             "size_freed_bytes": None},
        ],
    },
    "cache.db": {
        "recommendations": [
            {"uuid": "u1", "symbol": "AAPL.US", "name": "Apple", "side": "buy", "quantity": 1.5, "estimated_price": 110.0,
             "estimated_value": 165.0, "reason": "cheap", "currency": "USD", "priority": 1.0, "current_portfolio_score": 0.5,
             "new_portfolio_score": 0.6, "score_change": 0.1, "status": "rejected", "portfolio_hash": "p1",
             "created_at": NOW, "updated_at": NOW, "executed_at": None},
        ],
        "cache_data": [
            {"cache_key": "score:AAPL.US", "cache_value": "{}", "expires_at": unix("2026-01-04T00:00:01Z"),
             "created_at": unix(NOW)},
            {"cache_key": "for ever", "cache_value": "1", "expires_at": None, "created_at": unix(NOW)},
        ],
    },
}  # fmt: skip

LATER: Mapping[str, Mapping[str, list[Cells]]] = {
    "universe.db": {
        "securities": [
            security("AAPL.US", APPLE, later=True, last_synced=unix(NOW)),
            security("SAP.EU", SAP, later=True, currency="EUR"),
        ],
        "tags": [{"id": "growth", "name": "Growth", "created_at": unix(NOW), "updated_at": unix(NOW)}],
        "security_tags": [
            {"isin": APPLE, "tag_id": "growth", "created_at": unix(NOW), "updated_at": unix(NOW)},
        ],
    },
    "config.db": {
        "settings": [{"key": "min_security_score", "value": "0.5", "description": None, "updated_at": unix(NOW)}],
        "allocation_targets": [
            {"id": 1, "type": "geography", "name": "EU", "target_pct": 0.5, "created_at": unix(NOW), "updated_at": unix(NOW)},
        ],
        "planner_settings": [
            {"id": "main", "name": "default", "max_depth": 5, "diversity_weight": 0.3, "allow_sell": 1,
             "optimizer_blend": None, "updated_at": unix(NOW)},
        ],
    },
    "ledger.db": {
        "trades": [
            trade("O1", side="BUY", executed_at=unix("2026-01-05T15:30:06Z"), created_at=unix(NOW)),
            trade("O2", side="SELL", quantity=4.0, executed_at=unix("2026-01-06"), created_at=unix(NOW)),
        ],
        "cash_flows": [
            {"id": 1, "transaction_id": "T1", "type_doc_id": 337, "transaction_type": "withdrawal",
             "date": unix("2026-01-05"), "amount": 20.0, "currency": "EUR", "amount_eur": 20.0, "status": "completed",
             "status_c": 3, "created_at": unix(NOW)},
            {"id": 2, "transaction_id": "migrated-7", "type_doc_id": 0, "transaction_type": "deposit",
             "date": unix("2026-01-02"), "amount": 500.0, "currency": "EUR", "amount_eur": 500.0, "created_at": unix(NOW)},
        ],
        "dividend_history": [
            {"symbol": "AAPL.US", "isin": APPLE, "cash_flow_id": 1, "amount": 3.5, "currency": "USD", "amount_eur": 3.3,
             "payment_date": unix("2026-01-05"), "reinvested": 1, "reinvested_at": unix("2026-01-06T10:00:00Z"),
             "reinvested_quantity": 2, "created_at": unix(NOW)},
        ],
        "drip_tracking": [
            {"symbol": "AAPL.US", "drip_enabled": 1, "total_dividends_received": 3.5, "total_shares_reinvested": 2.0,
             "last_dividend_date": unix("2026-01-05"), "updated_at": unix(NOW)},
        ],
    },
    "portfolio.db": {
        "positions": [
            {"isin": APPLE, "symbol": "AAPL.US", "quantity": 6.0, "avg_price": 100.0, "currency": "USD",
             "last_updated": unix(NOW), "first_bought": unix("2026-01-05T15:30:06Z")},
        ],
        "scores": [
            {"isin": APPLE, "total_score": 0.75, "stability_score": 0.5, "history_years": 7.4, "last_updated": unix(NOW)},
        ],
        "calculated_metrics": [
            {"isin": APPLE, "metric_name": "RSI_14", "metric_value": 55.5, "calculated_at": unix(NOW)},
        ],
        "cash_balances": [
            {"currency": "EUR", "balance": 480.0, "last_updated": unix(NOW)},
            {"currency": "USD", "balance": -2.5, "last_updated": unix(NOW)},
        ],
    },
    "agents.db": {
        "best_result": [
            {"portfolio_hash": "p1", "sequence_hash": "s1", "plan_data": "{}", "score": 0.5, "created_at": unix(NOW),
             "updated_at": unix(NOW)},
        ],
    },
    "history.db": {
        "daily_prices": [
            {"isin": APPLE, "date": unix("2026-01-05"), "open": 1.0, "high": 2.0, "low": 0.5, "close": 1.5, "volume": 9},
            {"isin": APPLE, "date": unix("2026-01-06"), "open": 1.0, "high": 2.0, "low": 0.5, "close": 1.75, "volume": 9},
            {"isin": SAP, "date": unix("2026-01-05"), "open": 3.0, "high": 3.0, "low": 3.0, "close": 3.0, "volume": None},
        ],
        "monthly_prices": [
            {"isin": APPLE, "year_month": "2025-12", "avg_close": 99.5, "avg_adj_close": 99.0, "source": "calculated",
             "created_at": unix(NOW)},
        ],
        "exchange_rates": [{"from_currency": "USD", "to_currency": "EUR", "date": unix("2026-01-05"), "rate": 1.04}],
    },
    "cache.db": {
        "recommendations": [
            DESIGNED["cache.db"]["recommendations"][0] | {
                "side": "BUY", "status": "dismissed", "created_at": unix(NOW), "updated_at": unix(NOW), "retry_count": 3},
        ],
        "cache_data": [
            {"cache_key": "score:AAPL.US", "cache_value": "{}", "expires_at": None, "created_at": unix(NOW)},
        ],
    },
}  # fmt: skip


def build(legacy: Legacy, files: Mapping[str, Mapping[str, list[Cells]]], state: str) -> Legacy:
    """Write a folder in one state: `designed` or `unix`."""
    for file, tables in files.items():
        name = file.removesuffix(".db")
        schema = f"{name}_{'designed' if name == 'satellites' else state}.sql"
        rows: Mapping[str, Any] = tables
        legacy.run_new(file, script("legacy", "eight_databases", schema)).write(file, **rows)
    return legacy
