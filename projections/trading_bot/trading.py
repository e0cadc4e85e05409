"""trading/trading.db: the trading bot's orders and fills, the positions that the fills make, and what reconciling found."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import apsw
import msgspec
from msgspec import field

from domain.bot_trading import (
    BotPositionNoLongerReported,
    BotPositionReconciled,
    BotPositionReported,
    FillCorrected,
    FillRecorded,
    OrderPlaced,
    OrderUpdated,
    RoundTripClosed,
)
from domain.holdings import same_price
from domain.systems import TRADING_BOT
from ledger.concerning import POSITION, Lead
from projections.projector import Concern, Fact, LaneTable, Projector, RowTable
from projections.trading_bot import positions
from projections.trading_bot.by_stream import keyed_by_stream


class Order(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row of `orders`."""

    order_id: str
    signal_id: str | None = None
    timestamp: str | None = field(name="occurred_at", default=None)
    symbol: str
    order_type: str
    side: str
    quantity: float
    price: float | None = None
    status: str | None = None
    broker_order_id: str | None = None
    metadata: str | None = None
    strategy_id: str | None = None


class RoundTrip(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row of `round_trips`."""

    trade_id: str
    run_id: str | None = None
    instrument_key: str
    trade_type: str
    direction: str
    entry_time: str | None = field(name="occurred_at", default=None)
    entry_price: float
    exit_time: str | None = None
    exit_price: float | None = None
    quantity: float | None = None
    exit_reason: str | None = None
    pnl: float | None = None
    pnl_pct: float | None = None
    commission: float | None = None
    notes: str | None = None
    created_at: str | None = None


_FILL_COLUMNS = {
    "trade_id": "trade_id", "signal_id": "signal_id", "strategy_id": "strategy_id", "symbol": "symbol",
    "timestamp": "occurred_at", "side": "side", "entry_price": "price", "exit_price": "exit_price",
    "quantity": "quantity", "pnl": "pnl", "fees": "fees", "metadata": "metadata", "direction": "stated_direction",
    "price": "stated_price", "status": "status", "order_id": "order_id",
}  # fmt: skip

projector = Projector(
    name="trading-bot/trading",
    version=2,
    system=TRADING_BOT,
    file="trading/trading.db",
    rows=(
        RowTable("orders", Order, ("order_id",), (OrderPlaced, OrderUpdated)),
        RowTable("round_trips", RoundTrip, ("trade_id",), (RoundTripClosed,)),
    ),
)

keyed_by_stream(projector, "trades", _FILL_COLUMNS, FillRecorded, FillCorrected)

projector.lane(
    FillRecorded,
    FillCorrected,
    BotPositionReported,
    BotPositionNoLongerReported,
    with_streams=True,
    tables=positions.TABLES,
)(positions.fold)

_CLOSE = "UPDATE reconciliations SET open = 0 WHERE symbol = ? AND open = 1"
_RECONCILE = """
    INSERT INTO reconciliations (
        position, symbol, occurred_at, derived_quantity, reported_quantity, difference, derived_avg_price,
        reported_avg_price, reason, open
    ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_BREAKS = (Concern((BotPositionReconciled,), {"position": POSITION}, then=(Lead("symbol", "symbol"),)),)


@projector.lane(BotPositionReconciled, tables=(LaneTable("reconciliations", _BREAKS),))
def reconciliations(db: apsw.Connection, facts: Sequence[Fact]) -> None:
    """Everything that reconciling found; the newest of each symbol is open while the two sides differ."""
    for position, event in facts:
        assert isinstance(event, BotPositionReconciled)
        prices = (event.derived_avg_price, event.reported_avg_price)
        differs = event.difference != 0 or (None not in prices and not same_price(*prices))
        db.execute(_CLOSE, (event.symbol,))
        numbers = (event.derived_quantity, event.reported_quantity, event.difference, *prices)
        db.execute(
            _RECONCILE, (position, event.symbol, event.occurred_at, *map(_real, numbers), event.reason, int(differs))
        )


def _real(number: Decimal | None) -> float | None:
    return None if number is None else float(number)
