"""Events of market data: price blocks and exchange rates (legacy history/*.db, rates.db)."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from itertools import repeat
from typing import Any, Literal

from domain.event import Count, Event, Verbatim, register
from domain.moments import Date, Instant

BLOCK_MAX = 512
"""Rows of one series in one event."""

Column = list[Verbatim] | int | float | str | None
"""A column of a block: one value per row, or, when all are equal, that value once."""


def each(column: Any, count: int) -> Iterable[Any]:  # of any column, and its values
    """The value of each of `count` rows."""
    return column if isinstance(column, list) else repeat(column, count)


class PriceBlock(Event, frozen=True, kw_only=True):
    """Up to BLOCK_MAX consecutive rows of one series, column by column, each column verbatim as in the legacy file.

    occurred_at: the first key. zone: how a naive created_at is to be read. copy: set when the rows came from a further
    file of the same security; for a key that several files hold, the row with the newest created_at counts.
    """

    symbol: str
    count: int
    zone: str = "UTC"
    copy: str | None = None


@register
class DailyPricesRecorded(PriceBlock, frozen=True, kw_only=True, tag="daily-prices-recorded.v1"):
    """Daily bars of a security, in its trading currency, not adjusted. Legacy `daily_prices`.

    volume: shares, an integer by declaration, kept as it was. adjusted_close: only the eight-database layout had it. A later
    block that repeats a date replaces that row.
    """

    date: list[str]
    open_price: Column = None
    high_price: Column = None
    low_price: Column = None
    close_price: Column
    volume: Column = None
    source: Column = None
    created_at: Column = None
    adjusted_close: Column = None


@register
class MonthlyPricesRecorded(PriceBlock, frozen=True, kw_only=True, tag="monthly-prices-recorded.v1"):
    """Monthly averages of a security, in its trading currency. Legacy `monthly_prices`."""

    year_month: list[str]
    avg_close: Column
    avg_adj_close: Column = None
    min_price: Column = None
    max_price: Column = None
    source: Column = None
    created_at: Column = None


@register
class PricesVoided(Event, frozen=True, kw_only=True, tag="prices-voided.v1"):
    """Bars that were recorded never were, whichever file they came from; a later block may state them anew.

    occurred_at: the first of them. interval: 1d, then dates are days; 1mo, then they are months.
    """

    symbol: str
    interval: Literal["1d", "1mo"]
    dates: list[str]
    reason: str


@register
class PriceHistoryPurged(Event, frozen=True, kw_only=True, tag="price-history-purged.v1"):
    """The prices of a removed security left the read model; the log keeps them. cleanup_reason: why."""

    symbol: str
    cleanup_reason: str


@register
class SymbolMarkedForRemoval(Event, frozen=True, kw_only=True, tag="symbol-marked-for-removal.v1"):
    """The legacy system was going to delete a security's prices. Legacy `symbol_removals`; occurred_at from removed_at.

    row_count: the daily prices there were; grace_period_days: how long they were to stay.
    """

    symbol: str
    isin: str | None = None
    grace_period_days: Count | None = None
    row_count: Count | None = None
    marked_by: str | None = None


@register
class SymbolRemovalSettled(Event, frozen=True, kw_only=True, tag="symbol-removal-settled.v1"):
    """A security's prices were deleted, or are to stay after all. A legacy `symbol_removals` row that vanished."""

    symbol: str


@register
class LegacyPricesDeleted(Event, frozen=True, kw_only=True, tag="legacy-prices-deleted.v1"):
    """The legacy system deleted a security's prices; what the ledger has of them stays.

    Legacy `cleanup_log`; occurred_at from deleted_at. row_count: daily prices deleted.
    """

    id: int
    symbol: str
    isin: str | None = None
    row_count: Count | None = None
    cleanup_reason: str | None = None
    size_freed_bytes: Count | None = None


@register
class CleanupForgotten(Event, frozen=True, kw_only=True, tag="cleanup-forgotten.v1"):
    """The read models need not show any longer that prices were purged, because it is long ago; the log keeps it.

    id: position of the PriceHistoryPurged.
    """

    id: int
    symbol: str


@register
class LegacyCleanupForgotten(Event, frozen=True, kw_only=True, tag="legacy-cleanup-forgotten.v1"):
    """The same for what the legacy system deleted. id: that of its LegacyPricesDeleted."""

    id: int


@register
class ExchangeRateQuoted(Event, frozen=True, kw_only=True, tag="exchange-rate-quoted.v1"):
    """An exchange rate was fetched. Legacy `exchange_rates`; occurred_at from fetched_at.

    rate: in practice units of from_currency per 1 unit of to_currency (USD to EUR about 1.05), the inverse of what the
    names suggest; kept as it was. copy: set when the row was read from another place than rates.db. The eight-database
    layout has a rate for every date instead of the newest one: then occurred_at is that date.
    """

    from_currency: str
    to_currency: str
    rate: Decimal
    expires_at: Instant | None = None
    copy: str | None = None


@register
class ExchangeRatesVoided(Event, frozen=True, kw_only=True, tag="exchange-rates-voided.v1"):
    """The quotes of a pair on a day never were, whichever file they came from; occurred_at: the first of them."""

    from_currency: str
    to_currency: str
    date: Date
    reason: str
