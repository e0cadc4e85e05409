"""The classic tables, read from the views that rebuild them from events."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from typing import Final

Value = int | float | str | None
Convert = Callable[[Value], Value]

_PAGE: Final = 1_000
_COLUMNS = "SELECT name FROM pragma_table_info(?)"


def _whole(value: Value) -> Value:
    """As a column of type INTEGER keeps a number: whole if it is."""
    number = _real(value)
    return int(number) if isinstance(number, float) and number.is_integer() else number


def _real(value: Value) -> Value:
    """The double nearest to the decimal, which SQLite's own conversion misses now and then."""
    return value if value is None else float(value)


# The columns that the _exact views leave as text, and what the old table kept in them.
_NUMBERS: Final[dict[str, dict[str, Convert]]] = {
    "trades": dict.fromkeys(("quantity", "price", "currency_rate", "value_eur"), _real),
    "cash_flows": dict.fromkeys(("amount", "amount_eur"), _real),
    "dividend_history": {
        **dict.fromkeys(("amount", "amount_eur", "pending_bonus", "amount_per_share", "shares_held"), _real),
        "reinvested_quantity": _whole,
    },
    "drip_tracking": dict.fromkeys(("total_dividends_received", "total_shares_reinvested"), _real),
}

CLASSIC = tuple(_NUMBERS)


def columns(cursor: sqlite3.Cursor, view: str) -> tuple[str, ...]:
    """The columns of a classic table, in its order."""
    assert view in CLASSIC, view
    return tuple(row[0] for row in cursor.execute(_COLUMNS, (view,)))


def rows(cursor: sqlite3.Cursor, view: str) -> Iterator[tuple[Value, ...]]:
    """The rows as the view gives them, with every number exact."""
    names = columns(cursor, view)
    converters = [(names.index(name), convert) for name, convert in _NUMBERS[view].items()]
    cursor.execute(f"SELECT {', '.join(names)} FROM {view}_exact")
    while page := cursor.fetchmany(_PAGE):
        for row in page:
            values = list(row)
            for place, convert in converters:
                values[place] = convert(values[place])
            yield tuple(values)
