"""Small legacy folders for tests, and what came out of their replay, read without any helper of the product."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import apsw

from migrations import script
from operations.replaying import replay
from replay.report import RunReport
from replay.tally import TableTally

NOW = "2025-12-28 10:00:00"
Cells = dict[str, Any]


def trade(
    order_id: str | None, symbol: str = "AAPL.US", side: str = "BUY", quantity: float = 10.0, **cells: Any
) -> Cells:
    """A row of `trades`; executed_at and the others may be given."""
    row = {"symbol": symbol, "side": side, "quantity": quantity, "price": 100.0, "order_id": order_id}
    return row | {"executed_at": "2025-03-03T15:30:06.000", "created_at": NOW} | cells


def cash_flow(transaction_id: str, **cells: Any) -> Cells:
    """A row of `cash_flows`: a dividend of 12.50 USD."""
    row = {"transaction_id": transaction_id, "type_doc_id": 337, "transaction_type": "dividend", "date": "2025-03-04"}
    return (
        row | {"amount": 12.5, "currency": "USD", "amount_eur": 11.9, "status": "completed", "created_at": NOW} | cells
    )


def security(symbol: str, **cells: Any) -> Cells:
    """A row of `securities`."""
    row = {"symbol": symbol, "name": f"{symbol} Inc.", "currency": "USD", "product_type": "EQUITY"}
    return row | {"created_at": "2025-01-01T09:00:00.123456", "updated_at": "2025-12-01T09:00:00"} | cells


def position(symbol: str, quantity: float, avg_price: float = 100.0, **cells: Any) -> Cells:
    """A row of `positions`."""
    row = {"symbol": symbol, "quantity": quantity, "avg_price": avg_price, "currency": "USD"}
    return row | {"last_updated": "2025-12-28T09:00:00"} | cells


def score(symbol: str, calculated_at: str | None, total: float = 0.5, **cells: Any) -> Cells:
    """A row of `scores`."""
    return {"symbol": symbol, "total_score": total, "calculated_at": calculated_at} | cells


def snapshot(date: str, total: float, created_at: str = NOW, **cells: Any) -> Cells:
    """A row of `portfolio_snapshots`."""
    return {"date": date, "total_value": total, "cash_balance": 1.0, "created_at": created_at} | cells


def rate(currency: str, value: float, fetched_at: str) -> Cells:
    """A row of `exchange_rates` to EUR."""
    return {
        "from_currency": currency, "to_currency": "EUR", "rate": value, "fetched_at": fetched_at, "expires_at": fetched_at,
    }  # fmt: skip


def bar(date: str, close: float = 10.0, **cells: Any) -> Cells:
    """A row of `daily_prices`."""
    row = {"date": date, "open_price": close, "high_price": close, "low_price": close, "close_price": close}
    return row | {"volume": 1000, "source": "yahoo", "created_at": NOW} | cells


class Legacy:
    """A legacy folder and the home that it is replayed into."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.home = folder / "legacy", folder / "home"
        self.folder.mkdir()

    def write(self, file: str, schema: str = "", **tables: Iterable[Cells]) -> Legacy:
        """Add rows to tables of a file; `schema` names a script of migrations/legacy for a file that does not exist yet."""
        path = self.folder / file
        path.parent.mkdir(exist_ok=True)
        db = apsw.Connection(str(path))
        db.execute("PRAGMA synchronous = OFF")  # no power fails here while it is written
        if schema:
            db.execute(script("legacy", "arduino_trader", f"{schema}.sql"))
        with db:
            for table, rows in tables.items():
                for row in rows:
                    names = ", ".join(f'"{name}"' for name in row)
                    marks = ", ".join("?" * len(row))
                    db.execute(f'INSERT INTO "{table}" ({names}) VALUES ({marks})', tuple(row.values()))
        db.close()
        return self

    def run_new(self, file: str, sql: str) -> Legacy:
        """Run SQL in a file that may not exist yet."""
        (self.folder / file).parent.mkdir(exist_ok=True)
        return self.run(file, sql)

    def run(self, file: str, sql: str) -> Legacy:
        """Run SQL in a file."""
        db = apsw.Connection(str(self.folder / file))
        db.execute(sql).fetchall()
        db.close()
        return self

    def replay(self, **options: Any) -> RunReport:
        """Replay into the home; whatever the trap, every row must be accounted for and proven."""
        report = replay(self.folder, self.home, **options)
        assert report.sums_hold
        assert report.mismatches == []
        assert report.failed or report.mode != "replay" or report.proven
        return report

    def model(self, name: str, query: str) -> list[tuple[Any, ...]]:
        """Ask a read model."""
        db = apsw.Connection(str(self.home / f"{name}.db"), flags=apsw.SQLITE_OPEN_READONLY)
        try:
            return db.execute(query).fetchall()
        finally:
            db.close()

    def ledger(self, query: str) -> list[tuple[Any, ...]]:
        """Ask the ledger with plain SQL."""
        db = sqlite3.connect(f"file:{self.home / 'ledger.db'}?mode=ro", uri=True)
        try:
            return db.execute(query).fetchall()
        finally:
            db.close()

    def events(self, kind: str) -> list[dict[str, Any]]:
        """The events of one type, in log order."""
        rows = self.ledger(f"SELECT data FROM events WHERE type = '{kind}' ORDER BY position")
        return [json.loads(row[0]) for row in rows]

    def fingerprint(self) -> dict[str, str]:
        """Every file of the legacy folder with the hash of its bytes."""
        files = sorted(path for path in self.folder.rglob("*") if path.is_file())
        return {str(path.relative_to(self.folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def tally(report: RunReport, file: str, table: str) -> TableTally:
    """What the report says of one table."""
    (found,) = [one for one in report.tables if (one.file, one.table) == (file, table)]
    return found
