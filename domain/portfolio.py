"""Events of the portfolio's state: positions, scores, metrics, snapshots (legacy state, calculations, snapshots.db)."""

from __future__ import annotations

from decimal import Decimal

from domain.event import Count, Event, register
from domain.moments import Date, Instant, Moment


@register
class PositionReported(Event, frozen=True, kw_only=True, tag="position-reported.v1"):
    """The broker reported a holding. Legacy `positions`; occurred_at from last_updated.

    quantity: shares; avg_price, current_price: per share in `currency`, as the broker says; currency_rate: units of
    `currency` per 1 EUR; market_value_eur, cost_basis_eur, unrealized_pnl: EUR, computed by the legacy system with the
    rate of last_updated; unrealized_pnl_pct: percent. first_bought_at is the first or the last purchase, depending on
    which legacy program wrote the row.
    """

    symbol: str
    isin: str | None = None
    quantity: Decimal
    avg_price: Decimal
    current_price: Decimal | None = None
    currency: str | None = None
    currency_rate: Decimal | None = None
    market_value_eur: Decimal | None = None
    cost_basis_eur: Decimal | None = None
    unrealized_pnl: Decimal | None = None
    unrealized_pnl_pct: Decimal | None = None
    first_bought_at: Moment | None = None
    last_sold_at: Moment | None = None
    bucket_id: str | None = None


@register
class PositionNoLongerReported(Event, frozen=True, kw_only=True, tag="position-no-longer-reported.v1"):
    """The broker stopped reporting a holding. A legacy `positions` row that vanished."""

    symbol: str


@register
class PositionReconciled(Event, frozen=True, kw_only=True, tag="position-reconciled.v1"):
    """The holding derived from the trades was compared with the reported one and differed, or agrees again.

    Quantities in shares, prices per share in the position's currency. derived_: from the trades alone; reported_: what
    the broker said, None when it reports no such position. difference: reported minus derived quantity.
    derived_avg_price: average cost without fees, rounded to eight decimals. reason: what the difference looks like.
    """

    symbol: str
    derived_quantity: Decimal
    reported_quantity: Decimal | None = None
    difference: Decimal
    derived_avg_price: Decimal | None = None
    reported_avg_price: Decimal | None = None
    reason: str


@register
class CashReconciled(Event, frozen=True, kw_only=True, tag="cash-reconciled.v1"):
    """The sum of the bucket balances was compared with the cash of the snapshot of that day and differed, or agrees again.

    All amounts in EUR. difference: reported cash minus the sum of the buckets.
    """

    date: Date
    derived_eur: Decimal
    reported_eur: Decimal
    difference_eur: Decimal
    reason: str


@register
class ScoreCalculated(Event, frozen=True, kw_only=True, tag="score-calculated.v1"):
    """A security was scored. Legacy `scores`; occurred_at from calculated_at.

    Scores are fractions from 0 to 1; rsi is 0 to 100, ema_200 a price, below_52w_high_pct percent, history_years years.
    copy: set when the row was read from another place than calculations.db; the newest calculated_at counts. volatility
    and the technical, fundamental and stability scores are of the eight-database layout.
    """

    symbol: str
    isin: str | None = None
    quality_score: Decimal | None = None
    opportunity_score: Decimal | None = None
    analyst_score: Decimal | None = None
    allocation_fit_score: Decimal | None = None
    cagr_score: Decimal | None = None
    consistency_score: Decimal | None = None
    financial_strength_score: Decimal | None = None
    sharpe_score: Decimal | None = None
    drawdown_score: Decimal | None = None
    dividend_bonus: Decimal | None = None
    rsi: Decimal | None = None
    ema_200: Decimal | None = None
    below_52w_high_pct: Decimal | None = None
    total_score: Decimal | None = None
    sell_score: Decimal | None = None
    history_years: Decimal | None = None
    copy: str | None = None
    volatility: Decimal | None = None
    technical_score: Decimal | None = None
    fundamental_score: Decimal | None = None
    stability_score: Decimal | None = None


@register
class ScoreRemoved(Event, frozen=True, kw_only=True, tag="score-removed.v1"):
    """A security is no longer scored. A legacy `scores` row that vanished."""

    symbol: str
    copy: str | None = None


@register
class MetricCalculated(Event, frozen=True, kw_only=True, tag="metric-calculated.v1"):
    """One figure about a security was calculated. Legacy `calculated_metrics`; occurred_at from calculated_at.

    value: in the metric's own unit (RSI_14 0 to 100, CAGR_5Y a fraction, EMA_200 a price); source: calculated, yahoo, pyfolio.
    """

    symbol: str
    isin: str | None = None
    metric: str
    value: Decimal
    expires_at: Instant | None = None
    source: str | None = None


@register
class MetricRemoved(Event, frozen=True, kw_only=True, tag="metric-removed.v1"):
    """A figure was dropped. A legacy `calculated_metrics` row that vanished."""

    symbol: str
    metric: str


@register
class PortfolioValued(Event, frozen=True, kw_only=True, tag="portfolio-valued.v1"):
    """The portfolio was valued at the end of a day. Legacy `portfolio_snapshots`; occurred_at from date.

    total_value: EUR, market value of the positions without cash; cash_balance, invested_value (cost), unrealized_pnl: EUR;
    geo_*_pct: fractions of total_value; annual_turnover: a fraction. copy: set when the row was read from another place than
    snapshots.db; the newest created_at counts. total_pnl (EUR), total_pnl_pct (percent), bucket_id and snapshot_json are of
    the eight-database layout.
    """

    total_value: Decimal
    cash_balance: Decimal
    invested_value: Decimal | None = None
    unrealized_pnl: Decimal | None = None
    geo_eu_pct: Decimal | None = None
    geo_asia_pct: Decimal | None = None
    geo_us_pct: Decimal | None = None
    position_count: Count | None = None
    annual_turnover: Decimal | None = None
    created_at: Instant | None = None
    copy: str | None = None
    total_pnl: Decimal | None = None
    total_pnl_pct: Decimal | None = None
    bucket_id: str | None = None
    snapshot_json: str | None = None


@register
class PortfolioValuationVoided(Event, frozen=True, kw_only=True, tag="portfolio-valuation-voided.v1"):
    """What the portfolio was said to be worth on a day is wrong, in every file that says it; occurred_at: that day."""

    reason: str


@register
class CashBalanceStated(Event, frozen=True, kw_only=True, tag="cash-balance-stated.v1"):
    """The broker's cash in one currency, in `currency`. Legacy `cash_balances`; occurred_at from last_updated."""

    currency: str
    balance: Decimal


@register
class CashBalanceRemoved(Event, frozen=True, kw_only=True, tag="cash-balance-removed.v1"):
    """The broker no longer reports cash in a currency. A legacy `cash_balances` row that vanished."""

    currency: str
