"""Real prices and exchange rates, where they lie beside the checkout: every number is found again."""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from pathlib import Path

import pytest

from tests.legacy import Legacy, bar, rate, security

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
PRICES, RATES = DATA / "daily_prices.csv.gz", DATA / "exchange_rates_monthly.csv.gz"

pytestmark = pytest.mark.skipif(not PRICES.exists(), reason="the real prices do not lie beside this checkout")


def rows_of(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_real_daily_bar_is_found_again_in_history(legacy: Legacy) -> None:
    bars: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in rows_of(PRICES):
        bars[f"{row['symbol']}.US"].append(row)
    legacy.write("config.db", "config_v12", securities=[security(symbol) for symbol in bars])
    expected = []
    for symbol, rows in bars.items():
        values = [
            (r["date"], float(r["open"]), float(r["high"]), float(r["low"]), float(r["close"]), int(r["volume"]))
            for r in rows
        ]
        expected += [(symbol, *value) for value in values]
        legacy.write(f"history/{symbol.replace('.', '_')}.db", "history_v1", daily_prices=[
            bar(date, close, open_price=first, high_price=high, low_price=low, volume=volume)
            for date, first, high, low, close, volume in values])  # fmt: skip
    report = legacy.replay()
    columns = "symbol, date, open_price, high_price, low_price, close_price, volume"
    found = legacy.model("history", f"SELECT {columns} FROM daily_prices ORDER BY symbol, date")
    assert len(found) == 24_352
    assert found == sorted(expected)
    assert report.rows_proven == report.rows
    assert legacy.replay().events_appended == 0


def test_every_real_exchange_rate_is_found_again_by_date(legacy: Legacy) -> None:
    """Each month is one replay's worth of `rates.db`, which knows the latest only; the ledger keeps them all."""
    months: dict[str, dict[str, float]] = defaultdict(dict)
    for row in rows_of(RATES):
        if row["Exchange rate"] and row["Country"] in ("Japan", "Switzerland", "Canada"):
            months[row["Date"]][row["Country"][:3].upper()] = float(row["Exchange rate"])
    taken = dict(sorted(months.items())[-6:])
    legacy.write("rates.db", "rates_v1")
    for date, quotes in taken.items():
        legacy.run("rates.db", "DELETE FROM exchange_rates")
        legacy.write(
            "rates.db", exchange_rates=[rate(name, value, f"{date}T09:00:00") for name, value in quotes.items()]
        )
        legacy.replay()
    found = legacy.model("history", "SELECT date, from_currency, rate FROM exchange_rates ORDER BY date, from_currency")
    assert found == sorted((date, name, value) for date, quotes in taken.items() for name, value in quotes.items())
