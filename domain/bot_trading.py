"""Events of the trading bot's orders, fills and positions (legacy trading.db, execution.db, and the same of its monolith).

Amounts are INR unless a field says otherwise; prices per unit of the instrument. symbol: the instrument key, such as
`NSE_EQ|INE002A01018`.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from domain.event import Event, register
from domain.moments import Instant

Side = Literal["BUY", "SELL"]


@register
class OrderPlaced(Event, frozen=True, kw_only=True, tag="bot-order-placed.v1"):
    """An order was given. Legacy `orders`; occurred_at from timestamp.

    order_id: in execution.db correlation_id. order_type: MARKET, LIMIT or STOP_LOSS. quantity: units, positive for both
    sides. price: the limit, None at market. status: CREATED, SUBMITTED, OPEN, PARTIALLY_FILLED, FILLED, CANCELLED or
    REJECTED, as it was when the row was read; None in execution.db, which does not say. metadata: a text, mostly JSON.
    """

    order_id: str
    signal_id: str | None = None
    symbol: str
    order_type: str
    side: Side
    quantity: Decimal
    price: Decimal | None = None
    status: str | None = None
    broker_order_id: str | None = None
    strategy_id: str | None = None
    metadata: str | None = None


@register
class OrderUpdated(OrderPlaced, frozen=True, kw_only=True, tag="bot-order-updated.v1"):
    """An order is now known to read like this, whole: filled, cancelled, rejected. A legacy `orders` row that changed."""


@register
class FillRecorded(Event, frozen=True, kw_only=True, tag="bot-fill-recorded.v1"):
    """An order was filled, wholly or in part. Legacy `trades` of trading.db and of a monolith, `fills` of execution.db, whose
    fill_id and fee are trade_id and fees here; occurred_at from timestamp. order_id: of the order, which only the latter says.

    side: from side, else from direction (LONG is BUY, SHORT is SELL). quantity: units, positive for both sides. price: from
    entry_price, else from price. exit_price, pnl: of the whole round trip, before fees, where the bot wrote them. fees: what
    it computed for this leg. status: PENDING, FILLED, REJECTED or CANCELLED; None, as the layout without that column has it,
    means filled. metadata: JSON or a Python literal. stated_direction, stated_price: the cells of direction and price where
    the row has those of side and entry_price as well.
    """

    trade_id: str | None = None
    order_id: str | None = None
    signal_id: str | None = None
    strategy_id: str | None = None
    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal
    exit_price: Decimal | None = None
    pnl: Decimal | None = None
    fees: Decimal | None = None
    status: str | None = None
    metadata: str | None = None
    stated_direction: str | None = None
    stated_price: Decimal | None = None

    @property
    def counts(self) -> bool:
        """Whether the fill changes the position: one that was rejected, cancelled or is pending does not."""
        return self.status is None or self.status.strip().upper() not in {"PENDING", "REJECTED", "CANCELLED"}


@register
class FillCorrected(FillRecorded, frozen=True, kw_only=True, tag="bot-fill-corrected.v1"):
    """A fill that was recorded is now known to read like this, whole. A legacy `trades` row that changed."""


@register
class BotPositionReported(Event, frozen=True, kw_only=True, tag="bot-position-reported.v1"):
    """The bot wrote down a position. Legacy `positions` of trading.db and of execution.db; occurred_at from updated_at, in the
    latter from timestamp.

    quantity: units, negative when short. side: LONG, SHORT or FLAT, where the row says it beside a quantity without a sign.
    avg_entry_price: per unit, in execution.db avg_price; realized_pnl: before fees; trading.db never had either written, so 0
    stands for not known there. Its row was written before the position changed, so it is one fill late (legacy facts 4.7).
    """

    symbol: str
    side: str | None = None
    quantity: Decimal | None = None
    avg_entry_price: Decimal | None = None
    realized_pnl: Decimal | None = None


@register
class BotPositionNoLongerReported(Event, frozen=True, kw_only=True, tag="bot-position-no-longer-reported.v1"):
    """The bot dropped a position. A legacy `positions` row that vanished."""

    symbol: str


@register
class BotPositionReconciled(Event, frozen=True, kw_only=True, tag="bot-position-reconciled.v1"):
    """The position that the fills make was compared with the one the bot wrote down and differed, or agrees again.

    Quantities in units, negative when short. derived_: from the fills alone; reported_quantity: None when no position is
    reported. difference: reported minus derived. derived_avg_price: None when flat. reason: what the difference looks like.
    """

    symbol: str
    derived_quantity: Decimal
    reported_quantity: Decimal | None = None
    difference: Decimal
    derived_avg_price: Decimal | None = None
    reported_avg_price: Decimal | None = None
    reason: str


@register
class RoundTripClosed(Event, frozen=True, kw_only=True, tag="bot-round-trip-closed.v1"):
    """A strategy entered a position and left it again, or not yet. Legacy `trades` of the first monolith; occurred_at from
    entry_time.

    run_id: the backtest that it belongs to, None for paper trading. direction: LONG or SHORT. quantity: units. pnl: before
    commission; pnl_pct: percent of the entry.
    """

    trade_id: str
    run_id: str | None = None
    instrument_key: str
    trade_type: str
    direction: str
    entry_price: Decimal
    exit_time: Instant | None = None
    exit_price: Decimal | None = None
    quantity: Decimal | None = None
    exit_reason: str | None = None
    pnl: Decimal | None = None
    pnl_pct: Decimal | None = None
    commission: Decimal | None = None
    notes: str | None = None
    created_at: Instant | None = None
