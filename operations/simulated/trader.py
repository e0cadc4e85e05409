"""An invented trading system: what it enters week by week. The same seed gives the same entries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from math import exp
from random import Random

import msgspec

from domain.entries.base import Entry
from domain.entries.cash import Deposit, Dividend
from domain.entries.figures import ExchangeRate, Metric, Prices, Score, Snapshot
from domain.entries.trading import Trade
from domain.entries.universe import Security, SecurityRemove

LAST_DAY = date(2025, 12, 28)
"""A Sunday, so that weeks are whole; invented days lie in the past of everybody who runs this."""

CURRENCIES = {"US": "USD", "EU": "EUR", "GB": "GBP"}
_RATES = {"USD": 1.1774, "GBP": 0.8724}
_WORKDAYS = 5
_TRADES_A_WEEK = 3
_MONTHLY_DEPOSIT = Decimal(1000)
_OPENED_WITH = Decimal(50_000)
_SCORES = ("quality_score", "opportunity_score", "cagr_score", "consistency_score", "sharpe_score", "total_score")
_METRICS = ("RSI_14", "VOLATILITY_30D")


class Trader:
    """Follows a number of securities; trades some, and now and then drops one for another."""

    def __init__(self, securities: int, seed: int) -> None:
        # The draws are sample data, not secrets.
        self._rng = Random(f"daybook simulation {seed}")  # noqa: S311
        self._listed = 0
        self._price: dict[str, float] = {}
        self._held: dict[str, int] = {}
        self._cash = Decimal(0)
        self._number = 0
        self._wanted = securities
        self.first_traded = ""

    @property
    def symbols(self) -> list[str]:
        """The securities that are followed now."""
        return list(self._price)

    def begin(self, day: date) -> Iterator[Entry]:
        """The first deposit, and the securities."""
        self._cash += _OPENED_WITH
        yield Deposit(amount=_OPENED_WITH, currency="EUR", transaction_id=self._id("C"), at=day.isoformat())
        for _ in range(self._wanted):
            yield self._list(day)

    def week(self, monday: date) -> Iterator[Entry]:
        """What is entered in a week: bars, scores and figures of each security, trades, dividends, the value of each day."""
        for back in range(_WORKDAYS):
            day = monday + timedelta(days=back)
            yield from (self._bar(symbol, day) for symbol in self._price)
            yield self._valued(day)
        friday = monday + timedelta(days=_WORKDAYS - 1)
        for symbol in self._price:
            yield self._scored(symbol, friday)
            yield from self._figures(symbol, friday)
        for _ in range(_TRADES_A_WEEK):
            yield from self._trade(friday)
        yield from self._dividends(friday)

    def month(self, day: date) -> Iterator[Entry]:
        """What is entered at the end of a month: a deposit and rates; twice a year one security makes room for another."""
        self._cash += _MONTHLY_DEPOSIT
        yield Deposit(amount=_MONTHLY_DEPOSIT, currency="EUR", transaction_id=self._id("C"), at=day.isoformat())
        for currency, rate in _RATES.items():
            drawn = Decimal(f"{rate * self._rng.uniform(0.97, 1.03):.4f}")
            yield ExchangeRate(from_currency=currency, rate=drawn, at=_at(day))
        if day.month in {3, 9}:
            yield from self._replaced(day)

    def _id(self, letter: str) -> str:
        self._number += 1
        return f"{letter}-{self._number:06}"

    def _list(self, day: date) -> Entry:
        place = list(CURRENCIES)[self._listed % len(CURRENCIES)]
        symbol = f"S{self._listed:04}.{place}"
        self._listed += 1
        self._price[symbol] = 8 + 240 * self._rng.random()
        return Security(
            symbol=symbol, name=f"Security {self._listed}", product_type="EQUITY", currency=CURRENCIES[place],
            country=place, industry="Industrials", at=_at(day),
        )  # fmt: skip

    def _bar(self, symbol: str, day: date) -> Entry:
        opened = self._price[symbol]
        closed = self._price[symbol] = max(1.0, opened * exp(self._rng.gauss(0.0003, 0.015)))
        spread = 1 + 0.01 * self._rng.random()
        return Prices(
            symbol=symbol, date=day.isoformat(), open_price=round(opened, 2), close_price=round(closed, 2),
            high_price=round(max(opened, closed) * spread, 2), low_price=round(min(opened, closed) / spread, 2),
            volume=self._rng.randrange(1_000, 2_000_000), source="simulated",
        )  # fmt: skip

    def _valued(self, day: date) -> Entry:
        invested = sum(
            (Decimal(f"{self._price[symbol]:.2f}") * held for symbol, held in self._held.items()), Decimal(0)
        )
        return Snapshot(
            date=day.isoformat(), total_value=invested + self._cash, cash_balance=self._cash, invested_value=invested,
            position_count=len(self._held),
        )  # fmt: skip

    def _scored(self, symbol: str, day: date) -> Entry:
        drawn = {name: Decimal(f"{self._rng.random():.3f}") for name in _SCORES}
        return msgspec.structs.replace(Score(symbol=symbol, at=_at(day)), **drawn)

    def _figures(self, symbol: str, day: date) -> Iterator[Entry]:
        for name in _METRICS:
            yield Metric(symbol=symbol, metric=name, value=Decimal(f"{100 * self._rng.random():.2f}"), at=_at(day))

    def _trade(self, day: date) -> Iterator[Entry]:
        """Buy for about a hundredth of what there is, or sell all of one when little cash is left."""
        symbol = self._rng.choice(self.symbols)
        price = Decimal(f"{self._price[symbol]:.2f}")
        quantity = int(self._cash / 50 / price)
        if quantity and self._rng.random() < 0.6:
            yield self._filled(symbol, quantity, price, day)
        elif self._held:
            sold = self._rng.choice(list(self._held))
            yield self._filled(sold, -self._held[sold], Decimal(f"{self._price[sold]:.2f}"), day)

    def _filled(self, symbol: str, change: int, price: Decimal, day: date) -> Entry:
        self.first_traded = self.first_traded or symbol
        self._held[symbol] = self._held.get(symbol, 0) + change
        if not self._held[symbol]:
            del self._held[symbol]
        self._cash -= change * price
        currency = CURRENCIES[symbol.rpartition(".")[2]]
        return Trade(
            symbol=symbol, side="BUY" if change > 0 else "SELL", quantity=Decimal(abs(change)), price=price,
            currency=currency, order_id=self._id("T"), source="simulated", at=_at(day),
            currency_rate=Decimal(str(_RATES[currency])) if currency in _RATES else None,
        )  # fmt: skip

    def _dividends(self, day: date) -> Iterator[Entry]:
        for symbol, held in self._held.items():
            if self._rng.random() < 4 / 52:
                amount = Decimal(f"{held * self._price[symbol] * 0.004:.2f}") or Decimal("0.01")
                self._cash += amount
                yield Dividend(symbol=symbol, amount=amount, currency="EUR", transaction_id=self._id("D"), at=_at(day))

    def _replaced(self, day: date) -> Iterator[Entry]:
        """The first that was listed goes, sold before; its prices are forgotten when its days of grace are over."""
        gone = self.symbols[0]
        if held := self._held.get(gone):
            yield self._filled(gone, -held, Decimal(f"{self._price[gone]:.2f}"), day)
        del self._price[gone]
        yield SecurityRemove(symbol=gone, marked_by="simulated", at=_at(day))
        yield self._list(day)


def mondays(first: date, last: date) -> Sequence[date]:
    """The Mondays of the weeks that end in this time."""
    monday = first + timedelta(days=-first.weekday() % 7)
    return [monday + timedelta(days=week * 7) for week in range((last - monday).days // 7 + 1)]


def _at(day: date) -> str:
    return f"{day.isoformat()}T16:00:00Z"
