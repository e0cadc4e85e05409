"""Entries of figures: scores, metrics, snapshots, prices, exchange rates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from domain.entries import checks
from domain.entries.base import Amount, Currency, Entry, Fact, Name, Standing, Symbol
from domain.entries.refusal import Refused
from domain.event import Event
from domain.portfolio import MetricCalculated, PortfolioValued, ScoreCalculated
from domain.prices import DailyPricesRecorded, ExchangeRateQuoted, MonthlyPricesRecorded, PriceBlock
from domain.streams import stream


class Score(Entry, frozen=True, kw_only=True, tag="score"):
    """A security was scored: fractions from 0 to 1, except rsi (0 to 100), ema_200, below_52w_high_pct and history_years."""

    symbol: Symbol
    isin: str | None = None
    quality_score: Amount | None = None
    opportunity_score: Amount | None = None
    analyst_score: Amount | None = None
    allocation_fit_score: Amount | None = None
    cagr_score: Amount | None = None
    consistency_score: Amount | None = None
    financial_strength_score: Amount | None = None
    sharpe_score: Amount | None = None
    drawdown_score: Amount | None = None
    dividend_bonus: Amount | None = None
    rsi: Amount | None = None
    ema_200: Amount | None = None
    below_52w_high_pct: Amount | None = None
    total_score: Amount | None = None
    sell_score: Amount | None = None
    history_years: Amount | None = None

    def facts(self, standing: Standing) -> list[Fact]:
        """The score of this security from now on."""
        checks.symbol(self.symbol)
        fields = {name: getattr(self, name) for name in self.__struct_fields__ if name not in {"at", "key"}}
        for name, value in fields.items():
            if name not in {"symbol", "isin"}:
                checks.finite(name, value)
            if name.endswith("_score"):
                checks.fraction(name, value)
        if all(value is None for name, value in fields.items() if name not in {"symbol", "isin"}):
            raise Refused("shape", f"the score of {self.symbol} holds no figure")
        score = ScoreCalculated(occurred_at=checks.moment(self.at, standing.clock), **fields)
        return [Fact(stream("score", self.symbol), score)]


class Metric(Entry, frozen=True, kw_only=True, tag="metric"):
    """One figure about a security was calculated."""

    symbol: Symbol
    metric: Name
    value: Amount
    isin: str | None = None
    expires_at: str | None = None
    source: str = "calculated"

    def about(self) -> Sequence[str]:
        """The figure."""
        return (stream("metric", self.symbol, self.metric),)

    def facts(self, standing: Standing) -> list[Fact]:
        """The figure from now on."""
        checks.symbol(self.symbol)
        checks.text("metric", self.metric)
        checks.finite("value", self.value)
        metric = MetricCalculated(
            occurred_at=checks.moment(self.at, standing.clock), symbol=self.symbol, isin=self.isin, metric=self.metric,
            value=self.value, source=self.source,
            expires_at=checks.later(self.expires_at, "expires_at") if self.expires_at else None,
        )  # fmt: skip
        return [Fact(stream("metric", self.symbol, self.metric), metric)]


class Snapshot(Entry, frozen=True, kw_only=True, tag="snapshot"):
    """The portfolio was valued at the end of a day, in EUR; geo_*_pct: fractions of total_value."""

    date: str
    total_value: Amount
    cash_balance: Amount
    invested_value: Amount | None = None
    unrealized_pnl: Amount | None = None
    geo_eu_pct: Amount | None = None
    geo_asia_pct: Amount | None = None
    geo_us_pct: Amount | None = None
    position_count: int | None = None
    annual_turnover: Amount | None = None

    def facts(self, standing: Standing) -> list[Fact]:
        """The value of that day."""
        fields = {name: getattr(self, name) for name in self.__struct_fields__ if name not in {"at", "key", "date"}}
        for name, value in fields.items():
            if name.startswith("geo_"):
                checks.fraction(name, value)
            elif name != "position_count":
                checks.finite(name, value)
        checks.not_negative("total_value", self.total_value)
        day = checks.day(self.date, standing.clock)
        snapshot = PortfolioValued(occurred_at=day, created_at=standing.clock.now, **fields)
        return [Fact(stream("snapshot", day), snapshot)]


class Bar(Entry, frozen=True, kw_only=True):
    """One bar of a series of prices of a security, in its trading currency."""

    symbol: Symbol

    def key_of_bar(self, standing: Standing) -> str:
        """The day or month."""
        raise NotImplementedError  # as in Entry: daily and monthly bars say it

    def block(self, standing: Standing) -> PriceBlock:
        """A block of this bar alone; bars that are recorded together share one."""
        raise NotImplementedError  # as in Entry: daily and monthly bars say it

    def facts(self, standing: Standing) -> list[Fact]:
        """The bar; recorded again for the same day, it takes the place of the earlier one."""
        block = self.block(standing)
        return [Fact(stream_of_prices(block), block)]


class Prices(Bar, frozen=True, kw_only=True, tag="prices"):
    """A daily bar of a security, in its trading currency, not adjusted."""

    date: str
    close_price: float
    open_price: float | None = None
    high_price: float | None = None
    low_price: float | None = None
    volume: int | None = None
    source: Name = "manual"

    def key_of_bar(self, standing: Standing) -> str:
        """The day."""
        return checks.day(self.date, standing.clock)

    def block(self, standing: Standing) -> PriceBlock:
        """The bar as a block of one row."""
        day = self.key_of_bar(standing)
        columns = _columns(self, ("close_price", "open_price", "high_price", "low_price"))
        if self.low_price is not None and self.high_price is not None and self.low_price > self.high_price:
            raise Refused("limits", f"the low of {self.symbol} on {day} is above its high")
        if self.volume is not None and self.volume < 0:
            raise Refused("positive", f"volume is {self.volume}")
        return DailyPricesRecorded(
            occurred_at=day, symbol=self.symbol, count=1, date=[day], volume=self.volume, source=self.source,
            created_at=standing.clock.now, **columns,
        )  # fmt: skip


class MonthlyPrices(Bar, frozen=True, kw_only=True, tag="monthly-prices"):
    """The averages of a month of a security, in its trading currency; year_month: 2026-11."""

    year_month: str
    avg_close: float
    avg_adj_close: float | None = None
    min_price: float | None = None
    max_price: float | None = None
    source: Name = "manual"

    def key_of_bar(self, standing: Standing) -> str:
        """The month."""
        return checks.day(f"{self.year_month}-01", standing.clock, name="year_month")[:7]

    def block(self, standing: Standing) -> PriceBlock:
        """The month as a block of one row."""
        month = self.key_of_bar(standing)
        columns = _columns(self, ("avg_close", "avg_adj_close", "min_price", "max_price"))
        if self.min_price is not None and self.max_price is not None and self.min_price > self.max_price:
            raise Refused("limits", f"the lowest price of {self.symbol} in {month} is above the highest")
        return MonthlyPricesRecorded(
            occurred_at=month, symbol=self.symbol, count=1, year_month=[month], source=self.source,
            created_at=standing.clock.now, **columns,
        )  # fmt: skip


class ExchangeRate(Entry, frozen=True, kw_only=True, tag="exchange-rate"):
    """An exchange rate was quoted. rate: units of from_currency per 1 unit of to_currency, so USD to EUR about 1.05."""

    from_currency: Currency
    to_currency: Currency = "EUR"
    rate: Amount
    expires_at: str | None = None

    def facts(self, standing: Standing) -> list[Fact]:
        """The rate from then on."""
        checks.currency("from_currency", self.from_currency)
        checks.currency("to_currency", self.to_currency)
        checks.positive("rate", self.rate)
        quote = ExchangeRateQuoted(
            occurred_at=checks.moment(self.at, standing.clock), from_currency=self.from_currency,
            to_currency=self.to_currency, rate=self.rate,
            expires_at=checks.later(self.expires_at, "expires_at") if self.expires_at else None,
        )  # fmt: skip
        return [Fact(stream("exchange-rate", self.from_currency, self.to_currency), quote)]


def stream_of_prices(block: Event) -> str:
    """The stream of the series that a block belongs to."""
    assert isinstance(block, PriceBlock)
    return stream("prices:1d" if isinstance(block, DailyPricesRecorded) else "prices:1mo", block.symbol)


def _columns(bar: Bar, names: tuple[str, ...]) -> dict[str, Any]:  # prices by name
    checks.symbol(bar.symbol)
    found = {name: getattr(bar, name) for name in names}
    for name, value in found.items():
        if value is not None and not (math.isfinite(value) and value > 0):
            raise Refused("positive", f"{name} is {value}")
    return found
