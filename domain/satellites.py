"""Events of the buckets: the core and its satellites, their cash, settings and results (legacy satellites.db)."""

from __future__ import annotations

from decimal import Decimal

from domain.event import Count, Event, Flag, register
from domain.moments import Instant, Moment


@register
class BucketDescribed(Event, frozen=True, kw_only=True, tag="bucket-described.v1"):
    """A bucket was opened or changed. Legacy `buckets`; occurred_at from updated_at.

    type: core or satellite; status: research, accumulating, active, hibernating, paused, retired. target_pct, min_pct,
    max_pct: fractions of the portfolio; high_water_mark: EUR. agent_id: the strategy that runs it, never in a legacy file.
    """

    id: str
    name: str
    type: str
    notes: str | None = None
    target_pct: Decimal | None = None
    min_pct: Decimal | None = None
    max_pct: Decimal | None = None
    consecutive_losses: Count | None = None
    max_consecutive_losses: Count | None = None
    high_water_mark: Decimal | None = None
    high_water_mark_date: Moment | None = None
    loss_streak_paused_at: Instant | None = None
    status: str | None = None
    agent_id: str | None = None
    created_at: Instant


@register
class BucketRemoved(Event, frozen=True, kw_only=True, tag="bucket-removed.v1"):
    """A bucket was removed. A legacy `buckets` row that vanished."""

    id: str


@register
class BucketBalanceStated(Event, frozen=True, kw_only=True, tag="bucket-balance-stated.v1"):
    """The cash of a bucket in one currency. Legacy `bucket_balances`; occurred_at from last_updated.

    balance: in `currency`; negative and zero balances are real.
    """

    bucket_id: str
    currency: str
    balance: Decimal


@register
class BucketBalanceRemoved(Event, frozen=True, kw_only=True, tag="bucket-balance-removed.v1"):
    """A bucket no longer has a balance in a currency. A legacy `bucket_balances` row that vanished."""

    bucket_id: str
    currency: str


@register
class BucketCashMoved(Event, frozen=True, kw_only=True, tag="bucket-cash-moved.v1"):
    """Cash moved in or out of a bucket. Legacy `bucket_transactions`; occurred_at from created_at.

    amount: in `currency`, positive except for type reallocation, which is signed; the type gives the direction: deposit,
    trade_sell, dividend, transfer_in come in; trade_buy, transfer_out go out.
    """

    id: int
    bucket_id: str
    type: str
    amount: Decimal
    currency: str
    description: str | None = None


@register
class SatelliteConfigured(Event, frozen=True, kw_only=True, tag="satellite-configured.v1"):
    """The strategy settings of a satellite. Legacy `satellite_settings`, which has no time of its own.

    Sliders from 0 to 1 (risk_appetite, hold_duration, entry_style, position_spread, profit_taking); switches 0 or 1;
    risk_free_rate and sortino_mar: annual fractions; windows in days.
    """

    satellite_id: str
    preset: str | None = None
    risk_appetite: Decimal | None = None
    hold_duration: Decimal | None = None
    entry_style: Decimal | None = None
    position_spread: Decimal | None = None
    profit_taking: Decimal | None = None
    trailing_stops: Flag | None = None
    follow_regime: Flag | None = None
    auto_harvest: Flag | None = None
    pause_high_volatility: Flag | None = None
    dividend_handling: str | None = None
    risk_free_rate: Decimal | None = None
    sortino_mar: Decimal | None = None
    evaluation_period_days: Count | None = None
    volatility_window: Count | None = None


@register
class SatelliteUnconfigured(Event, frozen=True, kw_only=True, tag="satellite-unconfigured.v1"):
    """The settings of a satellite were dropped. A legacy `satellite_settings` row that vanished."""

    satellite_id: str


@register
class AllocationSettingChanged(Event, frozen=True, kw_only=True, tag="allocation-setting-changed.v1"):
    """A limit of the split between core and satellites. Legacy `allocation_settings`, which has no time of its own.

    value: a fraction of the portfolio, a number of months or days, by key.
    """

    key: str
    value: Decimal
    description: str | None = None


@register
class AllocationSettingRemoved(Event, frozen=True, kw_only=True, tag="allocation-setting-removed.v1"):
    """A limit was dropped. A legacy `allocation_settings` row that vanished."""

    key: str


@register
class RegimePerformanceMeasured(Event, frozen=True, kw_only=True, tag="regime-performance-measured.v1"):
    """How a satellite did in one market regime. Legacy `satellite_regime_performance`; occurred_at from period_end.

    regime: bull, bear, sideways, high_volatility; return_pct: percent; win_rate: a fraction.
    """

    satellite_id: str
    regime: str
    period_start: Moment
    return_pct: Decimal | None = None
    trades_count: Count | None = None
    win_rate: Decimal | None = None


@register
class RegimePerformanceRemoved(Event, frozen=True, kw_only=True, tag="regime-performance-removed.v1"):
    """A measurement was dropped. A legacy `satellite_regime_performance` row that vanished."""

    satellite_id: str
    regime: str
    period_start: Moment
