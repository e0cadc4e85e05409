"""Made-up legacy folders of a given size, all rows sound; the same arguments always give the same rows."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from random import Random

import apsw

from migrations import script

NOW = "2025-12-01 10:00:00"
Cell = int | float | str | None
_WALKS = 8
_FETCHED_DAILY = 250
_BAR = "date open_price high_price low_price close_price volume source created_at"
_FLOW = (
    "transaction_id type_doc_id transaction_type date amount currency amount_eur status status_c description created_at"
)
_TRADE = (
    "symbol side quantity price executed_at order_id currency currency_rate value_eur source bucket_id mode created_at"
)
_METRIC = "symbol isin metric value calculated_at expires_at source"
_METRICS = (
    "RSI_14",
    "EMA_50",
    "EMA_200",
    "CAGR_5Y",
    "SHARPE",
    "MAX_DRAWDOWN",
    "HIGH_52W",
    "LOW_52W",
    "PE_RATIO",
    "DIVIDEND_YIELD",
)


def legacy_file(path: Path, schema: str, **tables: tuple[str, Iterable[Sequence[Cell]]]) -> None:
    """Write a file with one of the schemas in migrations/legacy; a table is the names of its columns and its rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(apsw.Connection(str(path))) as db:
        db.execute(script("legacy", "arduino_trader", f"{schema}.sql"))
        with db:
            for table, (columns, rows) in tables.items():
                names = columns.split()
                marks = ", ".join("?" * len(names))
                db.executemany(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})", rows)


def symbol_of(path: Path) -> str:
    """Whose prices a file of `price_files` holds."""
    return path.stem.replace("_", ".")


def price_files(folder: Path, *, files: int, bars: int) -> Path:
    """A price file per security, and the config.db that knows the securities.

    Most bars were fetched at once, those of the last year day by day, as in a real history folder.
    """
    names = [f"S{number:04d}_US" for number in range(files)]
    for number, name in enumerate(names):
        path = folder / "history" / f"{name}.db"
        if number < _WALKS:
            legacy_file(path, "history_v1", daily_prices=(_BAR, _walk(number, bars)))
        else:
            shutil.copyfile(folder / "history" / f"{names[number % _WALKS]}.db", path)
    securities = [(name.replace("_", "."), f"{name} Inc.", "EQUITY", "USD", NOW, NOW) for name in names]
    columns = "symbol name product_type currency created_at updated_at"
    legacy_file(folder / "config.db", "config_v12", securities=(columns, securities))
    return folder


def _walk(seed: int, bars: int) -> list[tuple[Cell, ...]]:
    rng = Random(seed)
    price = 100.0
    rows: list[tuple[Cell, ...]] = []
    for number in range(bars):
        # A million days do not fit into the calendar from 1960 on.
        day = (date(1960 if bars < 50_000 else 1, 1, 1) + timedelta(days=number)).isoformat()
        opened = price
        price = max(round(price * (1 + rng.gauss(0, 0.01)), 2), 1.0)
        high, low = round(max(opened, price) * 1.01, 2), round(min(opened, price) * 0.99, 2)
        fetched = f"{day} 23:30:00" if number >= bars - _FETCHED_DAILY else NOW
        rows.append((day, opened, high, low, price, rng.randrange(10**6), "yahoo", fetched))
    return rows


def _day(number: int) -> str:
    return f"{2010 + number % 15}-{1 + number % 12:02d}-{1 + number % 28:02d}"


def cash_flows(folder: Path, count: int) -> Path:
    """A ledger.db with cash flows."""
    rng = Random(2)
    rows = (
        (f"T{n}", 337, "dividend", _day(n), round(rng.random() * 1000, 2), "USD", round(rng.random() * 900, 2), "completed",
         3, f"Dividend: AAPL.US ({n} shares x 0.2 USD)", NOW)
        for n in range(count)
    )  # fmt: skip
    legacy_file(folder / "ledger.db", "ledger_v4", cash_flows=(_FLOW, rows))
    return folder


def trades(folder: Path, count: int) -> Path:
    """A ledger.db with trades of fifty securities, two purchases to a sale."""
    rng = Random(3)
    rows = (
        (f"S{n % 50}.US", "SELL" if n % 3 == 2 else "BUY", float(1 + n % 9), round(50 + rng.random() * 100, 2),
         f"{_day(n // 100)}T{n // 60 % 24:02d}:{n % 60:02d}:00.000", f"O{n}", "USD", 1.1, round(rng.random() * 900, 2),
         "tradernet", "core", "live", NOW)
        for n in range(count)
    )  # fmt: skip
    legacy_file(folder / "ledger.db", "ledger_v4", trades=(_TRADE, rows))
    return folder


def metrics(folder: Path, count: int) -> Path:
    """A calculations.db with ten figures for each security."""
    rng = Random(4)
    rows = (
        (f"S{n // 10}.US", f"US{n // 10:010d}", _METRICS[n % 10], rng.gauss(0.2, 0.5), "2025-12-28T04:10:30.518822", None,
         "calculated")
        for n in range(count)
    )  # fmt: skip
    legacy_file(folder / "calculations.db", "calculations_v3", calculated_metrics=(_METRIC, rows))
    return folder
