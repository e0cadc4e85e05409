"""The tables that the fold of positions writes, and which events can concern their rows."""

from __future__ import annotations

from urllib.parse import unquote

from domain.portfolio import PositionNoLongerReported, PositionReconciled, PositionReported
from domain.trading import (
    CashFlowBooked,
    CashFlowCorrected,
    CashFlowVoided,
    SharesSplit,
    SharesSplitCorrected,
    SharesSplitVoided,
    TradeCorrected,
    TradeExecuted,
    TradeVoided,
)
from ledger.concerning import SAME_STREAM, STREAM, Lead, Value
from projections.projector import Concern, LaneTable

_TRADES = (TradeExecuted, TradeCorrected, TradeVoided)
_CASH_FLOWS = (CashFlowBooked, CashFlowCorrected, CashFlowVoided)
_SPLITS = (SharesSplit, SharesSplitCorrected, SharesSplitVoided)
_SYMBOL = {"symbol": "symbol"}


def _fees_of(trade: Value) -> list[Value] | None:
    """The transaction ids that a fee of the trade in this stream may have; see domain.gains.order_charged."""
    kind, _, key = str(trade).partition(":")
    if key.startswith("sha256-"):
        return None
    order = unquote(key)
    return [f"trade_fee_{order}", f"{order}_fee"] if kind == "trade" else []


# Trades and what corrects or voids them share a stream; a correction may even name another symbol. A fee says the order of
# its trade. An exchange rate may concern any row, so rates are left out here.
_BY_SYMBOL = (
    Concern(_TRADES, _SYMBOL, (SAME_STREAM,)),
    Concern(_SPLITS, _SYMBOL, (SAME_STREAM,)),
    Concern((*_TRADES, *_CASH_FLOWS), _SYMBOL, (Lead(STREAM, "transaction_id", _fees_of), SAME_STREAM)),
    Concern((PositionReported, PositionNoLongerReported, PositionReconciled), _SYMBOL),
)

TABLES = (
    *(LaneTable(name, _BY_SYMBOL) for name in ("positions", "lot_entries", "realized_gains")),
    *(LaneTable(name, _BY_SYMBOL, is_shown=False) for name in ("holding_trades", "holding_states")),
    *(LaneTable(name, is_shown=False) for name in ("known_rates", "trade_fees")),
)
