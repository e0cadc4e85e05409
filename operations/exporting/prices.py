"""Exchange rates and daily closes as prices of a journal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import groupby

from msgspec.structs import replace

from domain.event import decode
from domain.prices import DailyPricesRecorded, ExchangeRateQuoted, ExchangeRatesVoided, PricesVoided
from domain.universe import SecurityDescribed
from ledger.facts import newest, told
from ledger.log import Log
from ledger.querying import Wanted
from operations.exporting import names
from operations.exporting.journal import Closing, Price, day_of
from operations.exporting.notes import LARGEST

_RATES = "exchange-rate-quoted"
_RATES_VOID, _CLOSES_VOID = "exchange-rates-voided", "prices-voided"
_CLOSES = "daily-prices-recorded"
_SECURITIES = ("security-described", "security-restored")
_Close = tuple[str, Decimal]  # when the row was written, and the close


def rates(log: Log, wanted: Wanted, through: int, closing: Closing) -> Iterator[Price]:
    """The last quote of each pair and day, the proper home before the copy. A rate of 1 is the legacy system's silent
    fallback and no rate.
    """
    void = _void_rates(log, wanted, through)
    quotes = (
        quote
        for stored in told(log, wanted, _RATES, through=through)
        if isinstance(quote := decode(stored.topic, stored.state), ExchangeRateQuoted)
        and stored.position > void.get((quote.from_currency, quote.to_currency, (quote.occurred_at or "")[:10]), 0)
    )
    timed = (quote for quote in quotes if quote.occurred_at)
    for day, of_a_day in groupby(timed, key=lambda quote: day_of(quote.occurred_at or "")[0]):
        last: dict[tuple[str, str], ExchangeRateQuoted] = {}
        for quote in of_a_day:
            before = last.setdefault((quote.from_currency, quote.to_currency), quote)
            if (quote.occurred_at or "", quote.copy is None) >= (before.occurred_at or "", before.copy is None):
                last[quote.from_currency, quote.to_currency] = quote
        for quote in last.values():
            if not _is_price(quote.rate) or quote.rate == 1:
                closing.leave_out("exchange rates that are none")
                continue
            bought, paid = names.currency(quote.to_currency), names.currency(quote.from_currency)
            closing.originals |= {bought: quote.to_currency, paid: quote.from_currency}
            closing.see(day, (), (bought, paid))
            yield Price(day, bought, quote.rate, paid)


def closes(log: Log, wanted: Wanted, through: int, closing: Closing) -> Iterator[Price]:
    """The daily closes of the securities whose currency is known, security by security."""
    currencies = _currencies(log, wanted, through)
    # The days are cut inside the blocks, which begin earlier.
    blocks = told(log, replace(wanted, valid_from=None, valid_to=None), _CLOSES, through=through, by_symbol=True)
    decoded = ((stored.position, decode(stored.topic, stored.state)) for stored in blocks)
    bars = ((position, block) for position, block in decoded if isinstance(block, DailyPricesRecorded))
    void = _void_closes(log, wanted, through)
    for symbol, of_a_symbol in groupby(bars, key=lambda bar: bar[1].symbol):
        currency = currencies.get(symbol)
        if not currency:
            closing.leave_out("securities whose closes have no known currency")
            continue
        commodity, paid = names.security(symbol), names.currency(currency)
        closing.originals |= {commodity: symbol, paid: currency}
        for day, number in _merged(of_a_symbol, void).items():
            if (wanted.valid_from or "") <= day <= (wanted.valid_to or "~"):
                when = day_of(day)[0]
                closing.see(when, (), (commodity, paid))
                yield Price(when, commodity, number, paid)


def _currencies(log: Log, wanted: Wanted, through: int) -> dict[str, str]:
    """The trading currency of each security, as far as it was known."""
    known = Wanted(recorded_to=wanted.recorded_to)
    described = (decode(one.topic, one.state) for one in newest(log, known, _SECURITIES, through=through))
    return {one.symbol: one.currency for one in described if isinstance(one, SecurityDescribed) and one.currency}


def _void_rates(log: Log, wanted: Wanted, through: int) -> dict[tuple[str, str, str], int]:
    """Pair and day of the quotes that are void, and where in the log: later quotes are not."""
    known = Wanted(recorded_to=wanted.recorded_to)
    voids = ((one.position, decode(one.topic, one.state)) for one in told(log, known, _RATES_VOID, through=through))
    found: dict[tuple[str, str, str], int] = {}
    for position, void in voids:
        if isinstance(void, ExchangeRatesVoided):
            key = (void.from_currency, void.to_currency, void.date)
            found[key] = max(position, found.get(key, 0))
    return found


def _void_closes(log: Log, wanted: Wanted, through: int) -> dict[tuple[str, str], int]:
    """Symbol and day of the closes that are void, and where in the log: later ones are not."""
    known = Wanted(recorded_to=wanted.recorded_to)
    voids = ((one.position, decode(one.topic, one.state)) for one in told(log, known, _CLOSES_VOID, through=through))
    found: dict[tuple[str, str], int] = {}
    for position, void in voids:
        if isinstance(void, PricesVoided) and void.interval == "1d":
            found |= {(void.symbol, day): max(position, found.get((void.symbol, day), 0)) for day in void.dates}
    return found


def _merged(
    blocks: Iterator[tuple[int, DailyPricesRecorded]], void: Mapping[tuple[str, str], int]
) -> dict[str, Decimal]:
    """Date to close: a later block replaces, and of several files the row that was written last counts."""
    files: dict[str, dict[str, _Close]] = {}
    for position, block in blocks:
        rows = files.setdefault(block.copy or "", {})
        for place, day in enumerate(block.date):
            close = block.close_price[place] if isinstance(block.close_price, list) else block.close_price
            written = block.created_at[place] if isinstance(block.created_at, list) else block.created_at
            if position < void.get((block.symbol, day), 0):
                continue
            if isinstance(close, int | float) and _is_price(price := Decimal(repr(close))):
                rows[day] = (str(written), price)
    merged: dict[str, _Close] = {}
    for _, rows in sorted(files.items(), reverse=True):
        for day, row in rows.items():
            if day not in merged or row[0] >= merged[day][0]:
                merged[day] = row
    return {day: merged[day][1] for day in sorted(merged)}


def _is_price(number: Decimal) -> bool:
    return number.is_finite() and 0 < number < LARGEST
