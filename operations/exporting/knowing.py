"""Which facts say the same: a dividend and the cash flow that brought it, a trade's fee and the cash flow that took it."""

from __future__ import annotations

from domain.event import decode
from domain.gains import order_charged
from domain.trading import CashFlowBooked, DividendPaid
from ledger.facts import CASH_FLOWS, DIVIDENDS, newest
from ledger.log import Log
from ledger.querying import Wanted
from operations.exporting.booking import DIVIDEND, Known, Paid, kind_of


def known(log: Log, wanted: Wanted, through: int) -> Known:
    """Look through the dividends, and through the cash flows that are wanted."""
    paid: dict[int, Paid] = {}
    for stored in newest(log, Wanted(recorded_to=wanted.recorded_to), DIVIDENDS, through=through):
        event = decode(stored.topic, stored.state)
        if isinstance(event, DividendPaid) and event.cash_flow_id is not None:
            paid[event.cash_flow_id] = Paid(event.symbol, stored.position)
    claimed, charged = set[int](), set[str]()
    for stored in newest(log, wanted, CASH_FLOWS, through=through):
        flow = decode(stored.topic, stored.state)
        assert isinstance(flow, CashFlowBooked)
        if flow.id in paid and kind_of(flow) == DIVIDEND:
            claimed.add(flow.id)
        if order := order_charged(flow):
            charged.add(order)
    return Known(paid, frozenset(claimed), frozenset(charged))
