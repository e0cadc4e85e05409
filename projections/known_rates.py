"""The exchange rates that positions are converted with: the newest quote of each currency and day."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

import apsw

from domain.money import EUR
from domain.prices import ExchangeRateQuoted

Key = tuple[str, str]
"""A currency and a date."""

# Of two quotes of a day the newer counts; on a tie the proper home (copy ''), then the later event.
_NOTE = """
    INSERT INTO known_rates (currency, date, rate, fetched_at, copy, position) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (currency, date) DO UPDATE SET
        rate = excluded.rate, fetched_at = excluded.fetched_at, copy = excluded.copy, position = excluded.position
    WHERE (excluded.fetched_at, excluded.copy = '', excluded.position)
        > (known_rates.fetched_at, known_rates.copy = '', known_rates.position)"""
_RATE = "SELECT rate FROM known_rates WHERE currency = ? AND date = ?"
_SHOWN = "SELECT symbol, currency, substr(last_updated, 1, 10) FROM positions WHERE currency IS NOT NULL"


def note(db: apsw.Connection, quotes: Sequence[tuple[int, ExchangeRateQuoted]]) -> set[Key]:
    """Keep these quotes, position in the log first; the currencies and dates they are about."""
    rows = [
        (quote.from_currency, quote.occurred_at[:10], str(quote.rate), quote.occurred_at, quote.copy or "", position)
        for position, quote in quotes
        if quote.to_currency == EUR and quote.occurred_at is not None
    ]
    db.executemany(_NOTE, rows)
    return {(currency, date) for currency, date, *_ in rows}


def rate(db: apsw.Connection, currency: str, date: str) -> Decimal | None:
    """Units of the currency per 1 EUR as quoted on that date."""
    found = db.execute(_RATE, [currency, date]).fetchone()
    return Decimal(found[0]) if found else None


def concerned(db: apsw.Connection, quoted: Iterable[Key]) -> set[str]:
    """The symbols shown that are converted with a rate of these currencies and dates."""
    keys = set(quoted)
    if not keys:
        return set()
    return {symbol for symbol, currency, date in db.execute(_SHOWN) if (currency, date) in keys}
