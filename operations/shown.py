"""Where a read model shows a legacy table: which database and table, and which column holds which field of the event."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

import msgspec

from domain.advice import RecommendationIssued
from domain.bot_backtest import EquityMarked
from domain.bot_signals import ConfluenceAssessed, RegimeIdentified, RegimeSnapshotTaken, SignalEmitted
from domain.bot_trading import BotPositionReported, FillRecorded
from domain.event import Event
from domain.portfolio import PositionReported
from domain.prices import ExchangeRateQuoted
from domain.trading import CashFlowBooked, DividendPaid, TradeExecuted
from projections.catalog import projectors

LEDGER = "ledger"


class Place(NamedTuple):
    """A table of a read model. key: its columns that find a row. fields: the column of each event field whose column has
    another name; other fields stand in the column of their own name. copies: the table that holds the rows of all files.
    hides: whether a copy may be hidden by a row with another key.
    stand_ins: fields for which the log's own value is shown (position, recorded time) where the source has none.
    """

    model: str
    table: str
    key: tuple[str, ...]
    columns: Mapping[str, str]
    copies: str | None = None
    stand_ins: tuple[str, ...] = ()
    hides: bool = False

    def column(self, field: str) -> str:
        """The column that shows a field of the event."""
        return self.columns.get(field, field)

    def field(self, column: str) -> str:
        """The event's field that a column shows."""
        return next((field for field, name in self.columns.items() if name == column), column)


_IN_TIME = (("symbol", "timestamp"), {"occurred_at": "timestamp"})

_BY_HANDLERS: dict[type[Event], Place] = {
    PositionReported: Place("portfolio", "positions", ("symbol",), {"occurred_at": "last_updated"}),
    RecommendationIssued: Place(
        "cache", "recommendations", ("uuid",), {"occurred_at": "updated_at"}, "recommendations_copies",
        hides=True,
    ),
    ExchangeRateQuoted: Place(
        "history", "exchange_rates", ("from_currency", "to_currency", "fetched_at"), {"occurred_at": "fetched_at"},
        "exchange_rate_copies", ("occurred_at",), hides=True,
    ),
    TradeExecuted: Place(
        LEDGER, "trades", ("order_id", "id"), {"occurred_at": "executed_at"}, stand_ins=("id", "occurred_at")
    ),
    CashFlowBooked: Place(
        LEDGER, "cash_flows", ("transaction_id",), {"occurred_at": "date"}, stand_ins=("id", "occurred_at")
    ),
    DividendPaid: Place(
        LEDGER, "dividend_history", ("id", "symbol"), {"occurred_at": "payment_date"}, stand_ins=("id", "occurred_at")
    ),
    SignalEmitted: Place("trading-bot/signals", "signals", ("signal_id", "symbol"), {"occurred_at": "created_at"}),
    FillRecorded: Place(
        "trading-bot/trading", "trades", ("trade_id", "symbol"),
        {
            "occurred_at": "timestamp", "price": "entry_price", "stated_price": "price", "stated_direction": "direction",
        },
    ),
    ConfluenceAssessed: Place("trading-bot/signals", "confluence_insights", *_IN_TIME),
    RegimeIdentified: Place("trading-bot/signals", "regime_insights", *_IN_TIME),
    RegimeSnapshotTaken: Place("trading-bot/signals", "regime_snapshots", *_IN_TIME),
    EquityMarked: Place(
        "trading-bot/backtest", "backtest_equity_curves", ("run_id", "timestamp"), {"occurred_at": "timestamp"}
    ),
    BotPositionReported: Place(
        "trading-bot/trading", "positions", ("symbol",),
        {"occurred_at": "reported_at"}
        | {name: f"reported_{name}" for name in ("quantity", "avg_entry_price", "realized_pnl")},
    ),
}  # fmt: skip


@cache
def places() -> dict[type[Event], Place]:
    """Every event that is a row of a read model, with its place: as the projectors declare it, or by their handlers."""
    found = dict(_BY_HANDLERS)
    for projector in projectors():
        for declared in projector.rows:
            fields = msgspec.structs.fields(declared.row)
            columns = {one.encode_name: one.name for one in fields if one.encode_name != one.name}
            copies = f"{declared.table}_copies" if declared.newest else None
            for event in declared.stated:
                found[event] = Place(projector.name, declared.table, declared.key, columns, copies)
    return found
