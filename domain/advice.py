"""Events of things that may be forgotten: recommendations and cached data (legacy recommendations.db and cache.db)."""

from __future__ import annotations

from decimal import Decimal

from domain.event import Event, register
from domain.moments import Instant


@register
class RecommendationIssued(Event, frozen=True, kw_only=True, tag="recommendation-issued.v1"):
    """A trade was recommended, or its outcome became known. Legacy `recommendations`; occurred_at from updated_at.

    side: BUY or SELL; status: pending, executed, dismissed; amount, estimated_value: EUR; estimated_price: per share in
    `currency`; quantity: shares; scores and score_change: as the legacy system computed them. geography exists only in
    old files. copy: set when the row was read from the old place, config.db; the newest updated_at counts.
    """

    uuid: str
    symbol: str
    isin: str | None = None
    name: str | None = None
    side: str
    amount: Decimal | None = None
    quantity: Decimal | None = None
    estimated_price: Decimal | None = None
    estimated_value: Decimal | None = None
    reason: str
    country: str | None = None
    geography: str | None = None
    industry: str | None = None
    currency: str | None = None
    priority: Decimal | None = None
    current_portfolio_score: Decimal | None = None
    new_portfolio_score: Decimal | None = None
    score_change: Decimal | None = None
    status: str | None = None
    portfolio_hash: str
    created_at: Instant
    executed_at: Instant | None = None
    dismissed_at: Instant | None = None
    copy: str | None = None


@register
class RecommendationRemoved(Event, frozen=True, kw_only=True, tag="recommendation-removed.v1"):
    """A recommendation was deleted. A legacy `recommendations` row that vanished."""

    uuid: str
    copy: str | None = None


@register
class CacheEntryStored(Event, frozen=True, kw_only=True, tag="cache-entry-stored.v1"):
    """Something was cached. Legacy cache.db, all four tables; occurred_at from created_at.

    cache: the legacy table (cache_entries, yahoo_cache, recommendation_cache, analytics_cache; cache_data in the
    eight-database layout); cache_key: its key, and for a key of two columns both, joined by a colon after the table's name.
    expires_at: None means never.
    """

    cache: str
    cache_key: str
    cache_value: str
    symbol: str | None = None
    data_type: str | None = None
    portfolio_hash: str | None = None
    cache_type: str | None = None
    expires_at: Instant | None = None


@register
class CacheEntryDropped(Event, frozen=True, kw_only=True, tag="cache-entry-dropped.v1"):
    """A cached thing was dropped. A row of a legacy cache table that vanished."""

    cache: str
    cache_key: str
