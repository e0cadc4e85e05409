"""Files of the time before: trader.db, where once everything was, and the empty trading.db."""

from __future__ import annotations

from operations.demo_legacy.catalogue import Security
from operations.demo_legacy.files import Build, legacy_file

WHEN = "2025-12-23T19:30:44.110283"
OLD_SECURITIES = 8


def write_leftovers(build: Build, securities: list[Security]) -> None:
    """Write trader.db with a few rows in every table, and trading.db with nothing."""
    old = securities[:OLD_SECURITIES]
    with legacy_file(build, "trader.db", "trader_v0") as file:
        stocks = [(s.symbol, s.name, s.industry, s.region) for s in old]
        file.insert("stocks", "symbol name industry geography", stocks)
        positions = [(s.number + 1, s.symbol, 10.0, 20.5, s.currency, WHEN) for s in old]
        file.insert("positions", "id symbol quantity avg_price currency last_updated", positions)
        trades = [(s.number + 1, s.symbol, "BUY", 10.0, 20.5, WHEN, f"old-{s.number}") for s in old]
        file.insert("trades", "id symbol side quantity price executed_at order_id", trades)
        scores = [(s.symbol, 0.4, 0.5, WHEN) for s in old]
        file.insert("scores", "symbol technical_score total_score calculated_at", scores)
        file.insert("portfolio_snapshots", "date total_value cash_balance", [("2025-12-23", 1640.0, 12.0)])
        file.insert("allocation_targets", "type name target_pct", [("geography", "EU", 0.5), ("geography", "US", 0.5)])
        file.insert("settings", "key value", [("min_stock_score", "0.5")])
        flow = ("1", 337, "withdrawal", "2025-12-22", 5.0, "EUR", 5.0, WHEN, WHEN)
        columns = "transaction_id type_doc_id transaction_type date amount currency amount_eur created_at updated_at"
        file.insert("cash_flows", columns, [flow])
        prices = [(s.symbol, "2025-12-22", 20.5, WHEN) for s in old]
        file.insert("stock_price_history", "symbol date close_price created_at", prices)
        months = [(s.symbol, "2025-11", 20.1, WHEN) for s in old]
        file.insert("stock_price_monthly", "symbol year_month avg_close created_at", months)
    build.flaw("old-file", "trader.db", "the system kept everything in this file until 24 December 2025")
    (build.folder / "trading.db").write_bytes(b"")
    build.flaw("empty-file", "trading.db", "a file of 0 bytes")
