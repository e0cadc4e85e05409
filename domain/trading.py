"""Events of money moved: trades, cash flows, dividends and reinvestment (legacy ledger.db and dividends.db)."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from domain.event import Count, Event, Flag, register
from domain.moments import Instant, Moment

Side = Literal["BUY", "SELL"]


@register
class TradeExecuted(Event, frozen=True, kw_only=True, tag="trade-executed.v1"):
    """The broker filled an order, wholly or in part. Legacy `trades`; occurred_at from executed_at.

    quantity: shares, positive for both sides; price: per share in `currency`; currency_rate: units of `currency` per
    1 EUR; value_eur: quantity times price in EUR, positive, fees not included. source: who traded (tradernet, manual,
    autonomous…). mode: live or research (a paper trade). id: the legacy row id, no identity beyond its file. short: 1 when
    shares sold beyond those held were borrowed. fee: what the broker took for it, in `fee_currency`, else in `currency`.
    """

    id: int | None = None
    symbol: str
    isin: str | None = None
    side: Side
    quantity: Decimal
    price: Decimal
    order_id: str | None = None
    currency: str | None = None
    currency_rate: Decimal | None = None
    value_eur: Decimal | None = None
    source: str | None = None
    bucket_id: str | None = None
    mode: str | None = None
    created_at: Instant | None = None
    short: Flag | None = None
    fee: Decimal | None = None
    fee_currency: str | None = None


@register
class TradeCorrected(TradeExecuted, frozen=True, kw_only=True, tag="trade-corrected.v1"):
    """A trade that was recorded is now known to read like this, whole. A legacy `trades` row that changed."""


@register
class TradeVoided(Event, frozen=True, kw_only=True, tag="trade-voided.v1"):
    """A trade that was recorded never happened."""

    reason: str


@register
class SharesSplit(Event, frozen=True, kw_only=True, tag="shares-split.v1"):
    """Every share of a security became `numerator`/`denominator` shares: 4 and 1 make four of one, 1 and 10 one of ten.

    Trades from occurred_at on are in new shares; a date is the beginning of that day.
    """

    symbol: str
    numerator: Decimal
    denominator: Decimal


@register
class SharesSplitCorrected(SharesSplit, frozen=True, kw_only=True, tag="shares-split-corrected.v1"):
    """A split that was recorded is now known to read like this, whole."""


@register
class SharesSplitVoided(Event, frozen=True, kw_only=True, tag="shares-split-voided.v1"):
    """A split that was recorded never happened."""

    reason: str


@register
class CashFlowBooked(Event, frozen=True, kw_only=True, tag="cash-flow-booked.v1"):
    """The broker booked cash. Legacy `cash_flows`; occurred_at from date.

    amount: in `currency`, never negative: the transaction_type says the direction (deposit, refill, transfer_in, dividend,
    coupon, maturity come in; withdrawal, *_fee, structured_product_purchase go out). amount_eur: what the legacy system
    wrote, often converted at the rate of the day of import, or not converted at all (rate 1 for RUR and KZT).
    type_doc_id: the broker's document type, a number or a text such as corp_dividend. status_c: 1 pending, 2 processing,
    3 completed, 4 cancelled, 5 rejected; only completed money is settled. bucket_id: only the eight-database layout had it.
    """

    id: int | None = None
    transaction_id: str
    type_doc_id: int | float | str
    transaction_type: str | None = None
    amount: Decimal
    currency: str
    amount_eur: Decimal | None = None
    status: str | None = None
    status_c: Count | None = None
    description: str | None = None
    params_json: str | None = None
    created_at: Instant | None = None
    bucket_id: str | None = None


@register
class CashFlowCorrected(CashFlowBooked, frozen=True, kw_only=True, tag="cash-flow-corrected.v1"):
    """A cash flow that was recorded is now known to read like this, whole. A legacy `cash_flows` row that changed."""


@register
class CashFlowVoided(Event, frozen=True, kw_only=True, tag="cash-flow-voided.v1"):
    """A cash flow that was recorded never happened."""

    reason: str


@register
class DividendPaid(Event, frozen=True, kw_only=True, tag="dividend-paid.v1"):
    """An issuer paid cash for shares held. Legacy `dividend_history`; occurred_at from payment_date.

    amount: received, in `currency`, positive; amount_eur: in EUR at the legacy system's rate; cash_flow_id: the id of the
    row in the legacy `cash_flows`, without a guarantee that it exists. reinvested, bonus_cleared: 0 or 1;
    reinvested_quantity: shares; pending_bonus: score points still to be given. copy: set when the row was read from the
    old place, ledger.db, whose copy only counts where dividends.db has no row. Only the eight-database layout had ex_date,
    amount_per_share (in `currency`), shares_held, drip_enabled (0 or 1) and bucket_id.
    """

    id: int | None = None
    symbol: str
    isin: str | None = None
    cash_flow_id: int | None = None
    amount: Decimal
    currency: str
    amount_eur: Decimal | None = None
    reinvested: Flag | None = None
    reinvested_at: Moment | None = None
    reinvested_quantity: Decimal | None = None
    pending_bonus: Decimal | None = None
    bonus_cleared: Flag | None = None
    cleared_at: Moment | None = None
    created_at: Instant | None = None
    copy: str | None = None
    ex_date: Moment | None = None
    amount_per_share: Decimal | None = None
    shares_held: Decimal | None = None
    drip_enabled: Flag | None = None
    bucket_id: str | None = None


@register
class DividendCorrected(DividendPaid, frozen=True, kw_only=True, tag="dividend-corrected.v1"):
    """A dividend that was recorded is now known to read like this, whole. A legacy row that changed."""


@register
class DividendVoided(Event, frozen=True, kw_only=True, tag="dividend-voided.v1"):
    """A dividend that was recorded was never paid."""

    reason: str


@register
class ReinvestmentTracked(Event, frozen=True, kw_only=True, tag="reinvestment-tracked.v1"):
    """The running totals of dividend reinvestment for a security. Legacy `drip_tracking`; occurred_at from updated_at.

    drip_enabled: 0 or 1; total_dividends_received: in the security's currency; total_shares_reinvested: shares.
    """

    symbol: str
    drip_enabled: Flag | None = None
    total_dividends_received: Decimal | None = None
    total_shares_reinvested: Decimal | None = None
    last_dividend_date: Moment | None = None
