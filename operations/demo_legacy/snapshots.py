"""What the portfolio was worth at the end of every day, from the trades and the closes."""

from __future__ import annotations

from operations.demo_legacy.files import Row, seeded
from operations.demo_legacy.market import RATES
from operations.demo_legacy.satellites import cash_eur
from operations.demo_legacy.trading import Holding, Trade

SNAPSHOT = (
    "date total_value cash_balance invested_value unrealized_pnl geo_eu_pct geo_asia_pct geo_us_pct position_count "
    "annual_turnover created_at"
)
REGIONS = ("EU", "ASIA", "US")


def snapshot_rows(days: list[str], closes: dict[str, list[float]], trades: list[Trade]) -> list[Row]:
    """Value the portfolio day by day; the cash of the last day is what the buckets hold."""
    rng = seeded("snapshots")
    held: dict[str, Holding] = {}
    rows: list[Row] = []
    waiting = iter(trades)
    trade = next(waiting, None)
    last = len(days) - 1
    for row, day in enumerate(days):
        while trade and trade.day <= day:
            held.setdefault(trade.security.symbol, Holding(security=trade.security)).add(trade)
            trade = next(waiting, None)
        cash = float(cash_eur()) if row == last else round(rng.uniform(300, 9000), 2)
        turnover = round(rng.uniform(0.1, 0.9), 4) if row % 2 else None
        rows.append((day, *valued(row, held, closes, cash), turnover, f"{day} 21:30:02"))
    return rows


def valued(row: int, held: dict[str, Holding], closes: dict[str, list[float]], cash: float) -> tuple[float | int, ...]:
    """Sum up one day: value (cash is not in it), cash, cost, gain, the share of three regions, the positions."""
    total = cost = 0.0
    parts = dict.fromkeys((*REGIONS, "GREECE"), 0.0)  # the legacy system forgot the fourth
    count = 0
    for symbol, holding in held.items():
        if holding.quantity:
            rate = RATES[holding.security.currency]
            value = float(holding.quantity) * closes[symbol][row] / rate
            total += value
            cost += float(holding.cost) / rate
            parts[holding.security.region] += value
            count += 1
    shares = [round(parts[region] / total, 4) if total else 0.0 for region in REGIONS]
    return round(total, 2), cash, round(cost, 2), round(total - cost, 2), *shares, count
