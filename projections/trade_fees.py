"""The cash flows that are the fee of a trade, by the order id in their transaction id."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

import apsw
import msgspec
from msgspec import json

from domain.gains import order_charged
from domain.money import normalised
from domain.streams import stream
from domain.trading import CashFlowBooked, CashFlowVoided
from projections.projector import StreamFact


class Fee(NamedTuple):
    """A fee. trade: the stream of the trade it is for; currency: None for the trade's own; date: when it was charged."""

    trade: str
    amount: Decimal
    currency: str | None
    date: str | None


_OF_FLOWS = "SELECT stream, trade, amount, currency, date FROM json_each(?) JOIN trade_fees ON stream = value"
_OF_TRADES = """
    SELECT trade, amount, currency, date FROM json_each(?) JOIN trade_fees ON trade = value ORDER BY trade, stream"""
_FORGET = "DELETE FROM trade_fees WHERE stream = ?"
_NOTE = "INSERT INTO trade_fees (stream, trade, amount, currency, date) VALUES (?, ?, ?, ?, ?)"
_SYMBOLS = "SELECT DISTINCT symbol FROM json_each(?) JOIN holding_trades ON stream = value"
_FLOWS = (CashFlowBooked, CashFlowVoided)
_ANY = "SELECT 1 FROM trade_fees LIMIT 1"


def note(db: apsw.Connection, facts: Sequence[StreamFact]) -> set[str]:
    """Keep the fees among these facts; the symbols of trades that were there before and whose fees are others now."""
    now: dict[str, Fee | None] = {}
    for fact in facts:
        if isinstance(fact.event, _FLOWS):
            now[fact.stream] = _fee(fact.event) if isinstance(fact.event, CashFlowBooked) else None
    before = {flow: _read(row) for flow, *row in db.execute(_OF_FLOWS, [_list(now)])}
    changed = [flow for flow in now if now[flow] != before.get(flow)]
    db.executemany(_FORGET, [[flow] for flow in changed if flow in before])
    noted = [(flow, fee) for flow in changed if (fee := now[flow])]
    db.executemany(_NOTE, [(flow, fee.trade, str(fee.amount), fee.currency, fee.date) for flow, fee in noted])
    trades = {fee.trade for flow in changed for fee in (before.get(flow), now[flow]) if fee}
    return {symbol for (symbol,) in db.execute(_SYMBOLS, [_list(trades)])}


def of_trades(db: apsw.Connection, trades: Iterable[str]) -> dict[str, list[Fee]]:
    """The fees booked for these trades, named by their streams."""
    found: dict[str, list[Fee]] = {}
    if db.execute(_ANY).fetchone() is None:
        return found
    for row in db.execute(_OF_TRADES, [_list(trades)]):
        fee = _read(row)
        found.setdefault(fee.trade, []).append(fee)
    return found


def _list(names: Iterable[str]) -> str:
    """Names for a statement that takes any number of them."""
    return json.encode(list(names)).decode()


def _fee(flow: CashFlowBooked) -> Fee | None:
    order = order_charged(flow)
    if not order:
        return None
    date = flow.occurred_at[:10] if flow.occurred_at else None
    return Fee(stream("trade", order), normalised(flow.amount), flow.currency, date)


def _read(row: Sequence[apsw.SQLiteValue]) -> Fee:
    return msgspec.convert(row, Fee)
