"""The exchange rates that positions and gains are converted with: the newest quote of each currency and day."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import groupby

import apsw

from domain.money import EUR, normalised, usable_rate
from domain.prices import ExchangeRateQuoted, ExchangeRatesVoided

Key = tuple[str, str]
"""A currency and a date."""

# Of two quotes of a day the newer counts; on a tie the proper home (copy ''), then the later event.
_NOTE = """
    INSERT INTO known_rates (currency, date, rate, fetched_at, copy, position) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (currency, date) DO UPDATE SET
        rate = excluded.rate, fetched_at = excluded.fetched_at, copy = excluded.copy, position = excluded.position
    WHERE (excluded.fetched_at, excluded.copy = '', excluded.position)
        > (known_rates.fetched_at, known_rates.copy = '', known_rates.position)"""
_FORGET = "DELETE FROM known_rates WHERE currency = ? AND date = ?"
_RATE = "SELECT rate FROM known_rates WHERE currency = ? AND date = ?"
_SHOWN = "SELECT symbol, currency, substr(last_updated, 1, 10) FROM positions WHERE currency IS NOT NULL"
_TRADED = """
    SELECT symbol FROM holding_trades WHERE quote_day = ?2 AND (currency = ?1 OR fee_currency = ?1) UNION
    SELECT symbol FROM trade_fees JOIN holding_trades ON holding_trades.stream = trade_fees.trade
    WHERE trade_fees.currency = ?1 AND trade_fees.currency <> 'EUR' AND date = ?2"""


def note(db: apsw.Connection, events: Sequence[tuple[int, ExchangeRateQuoted | ExchangeRatesVoided]]) -> set[Key]:
    """Keep these quotes, position in the log first, and forget the voided ones; the currencies and dates they are about."""
    about: set[Key] = set()
    for is_void, run in groupby(events, key=lambda one: isinstance(one[1], ExchangeRatesVoided)):
        rows = [row for position, event in run if event.to_currency == EUR and (row := _row(position, event))]
        db.executemany(_FORGET if is_void else _NOTE, rows)
        about |= {(currency, date) for currency, date, *_ in rows}
    return about


def _row(
    position: int, event: ExchangeRateQuoted | ExchangeRatesVoided
) -> tuple[str, str, *tuple[str | int, ...]] | None:
    if isinstance(event, ExchangeRatesVoided):
        return (event.from_currency, event.date)
    at = event.occurred_at
    if at is None:
        return None
    return (event.from_currency, at[:10], str(normalised(event.rate)), at, event.copy or "", position)


class Rates:
    """The rates as they are known at the end of a batch."""

    def __init__(self, db: apsw.Connection) -> None:
        self._db = db
        self._found: dict[Key, Decimal | None] = {}

    def of(self, currency: str | None, own: Decimal | None, moment: str | None) -> Decimal | None:
        """Units of the currency per 1 EUR: the rate of one's own where it is usable, else the one quoted that day."""
        rate = usable_rate(currency, own)
        if rate is not None or not currency or moment is None:
            return rate
        key = (currency, moment[:10])
        if key not in self._found:
            found = self._db.execute(_RATE, key).fetchone()
            self._found[key] = usable_rate(currency, Decimal(found[0])) if found else None
        return self._found[key]


def concerned(db: apsw.Connection, quoted: Iterable[Key]) -> set[str]:
    """The symbols shown that are converted with a rate of these currencies and dates."""
    keys = set(quoted)
    if not keys:
        return set()
    return {symbol for symbol, currency, date in db.execute(_SHOWN) if (currency, date) in keys}


def traded(db: apsw.Connection, quoted: Iterable[Key]) -> set[str]:
    """The symbols whose trades, or the fees of them, may be converted with a rate of these currencies and dates."""
    return {symbol for (symbol,) in db.executemany(_TRADED, quoted)}
