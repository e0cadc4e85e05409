"""Entries for tests, and a ledger that takes them, read without any helper of the product."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from operations.ledger import Ledger

Fields = dict[str, Any]
NOW = datetime(2026, 11, 20, 18, 0, tzinfo=UTC)


def trade(order_id: str | None, side: str = "BUY", quantity: Any = "10", **more: Any) -> Fields:
    """A trade of AAPL.US at 100 USD."""
    fields = {
        "entry": "trade",
        "symbol": "AAPL.US",
        "side": side,
        "quantity": quantity,
        "price": "100",
        "currency": "USD",
    }
    return fields | ({"order_id": order_id} if order_id else {}) | more


def deposit(transaction_id: str, amount: Any = "1000", **more: Any) -> Fields:
    """A deposit in EUR."""
    return {"entry": "deposit", "transaction_id": transaction_id, "amount": amount, "currency": "EUR"} | more


def bar(symbol: str, date: str, close: float = 10.5, **more: Any) -> Fields:
    """A daily bar."""
    return {"entry": "prices", "symbol": symbol, "date": date, "close_price": close} | more


def opened(home: Path, *, clock: Callable[[], datetime] = lambda: NOW, **options: Any) -> Ledger:
    """The ledger of a home, at a fixed moment."""
    return Ledger.open(home, create=True, clock=clock, **options)


def events(home: Path, prefix: str = "") -> list[tuple[str, str, Fields]]:
    """Stream, type and content of all events whose stream begins so, in log order."""
    with sqlite3.connect(f"file:{home / 'ledger.db'}?mode=ro", uri=True) as db:
        rows = db.execute("SELECT stream, type, data FROM events WHERE stream >= ? ORDER BY position", (prefix,))
        found = [(stream, kind, json.loads(data)) for stream, kind, data in rows if stream.startswith(prefix)]
    db.close()
    return found


def count(home: Path) -> int:
    """How many events there are."""
    return len(events(home))


def written(path: Path, entries: Iterator[Fields] | list[Fields]) -> Path:
    """A file of JSON Lines."""
    path.write_text("".join(json.dumps(one) + "\n" for one in entries), encoding="utf-8")
    return path
