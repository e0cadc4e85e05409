"""Facts become entries: trades with lots, cash flows, dividends; and beside them, from the facts alone, what must come out."""

from __future__ import annotations

from datetime import date
from decimal import Decimal, localcontext
from typing import NamedTuple

from domain.event import Event, decode
from domain.gains import order_charged
from domain.holdings import Holding, after_split, after_trade
from domain.money import rounded
from domain.trading import CashFlowBooked, DividendPaid, SharesSplit, TradeExecuted
from ledger.log import Stored
from operations.exporting import names, trades
from operations.exporting.journal import At, Closing, Entry, Note, Posting, day_of
from operations.exporting.lots import Lot, Lots
from operations.exporting.notes import LARGEST, TOO_LARGE, WIDE, NotBooked, Notes
from operations.exporting.trades import CASH, OWED, SECURITIES, ZERO, account

UNSETTLED = "Assets:Broker:Unsettled"
PRODUCTS = "Assets:Broker:StructuredProducts"
DIVIDENDS = "Income:Dividends"
UNKNOWN = "Equity:Unknown"
DIVIDEND = "dividend"

# What the broker calls a flow, whether it comes in, and where it comes from or goes to (legacy facts 5.1).
FLOWS = {
    "deposit": (1, "Equity:Deposits"), "refill": (1, "Equity:Deposits"), "transfer_in": (1, "Equity:Deposits"),
    "withdrawal": (-1, "Equity:Withdrawals"), "withdrawal_fee": (-1, "Expenses:Fees:Withdrawals"),
    "trading_fee": (-1, "Expenses:Fees:Trading"), "structured_product_fee": (-1, "Expenses:Fees:StructuredProducts"),
    DIVIDEND: (1, DIVIDENDS), "coupon": (1, "Income:Coupons"), "maturity": (1, PRODUCTS),
    "partial_maturity": (1, PRODUCTS), "structured_product_purchase": (-1, PRODUCTS),
}  # fmt: skip
OTHER_FEE = (-1, "Expenses:Fees:Other")
COMPLETED = ("completed", 3)
NEVER_PAID = ("cancelled", "rejected", 4, 5)


class Paid(NamedTuple):
    """A dividend that names the cash flow which brought it."""

    symbol: str
    position: int


class Known(NamedTuple):
    """What two facts say of the same money. paid: dividends by the id of the cash flow that they name; claimed: those of
    these flows that are booked; charged: the orders whose fee is a cash flow that is booked.
    """

    paid: dict[int, Paid]
    claimed: frozenset[int]
    charged: frozenset[str]


class Book:
    """Posts facts, which must come in order of time, because what is sold is what was bought first."""

    def __init__(self, closing: Closing, known: Known) -> None:
        self.closing = closing
        self._known = known
        self._lots: dict[str, Lots] = {}
        self._held: dict[str, Holding] = {}

    def post(self, stored: Stored) -> Entry | Note | None:
        """The entry of a fact; a note that it is left out; None for a dividend that its cash flow books."""
        event = decode(stored.topic, stored.state)
        if isinstance(event, DividendPaid) and event.cash_flow_id in self._known.claimed:
            self.closing.leave_out("dividends that are booked as the cash flows which brought them")
            return None
        try:
            with localcontext(WIDE):
                entry = self._entry(stored, event)
        except NotBooked as reason:
            self.closing.leave_out(reason.message)
            return Note(f"Not booked: position {stored.position}, {stored.stream}: {reason.message}")
        used = {posting.commodity for posting in entry.postings}
        used |= {posting.at.currency for posting in entry.postings if posting.at}
        self.closing.see(entry.date, (posting.account for posting in entry.postings), used)
        return entry

    def _entry(self, stored: Stored, event: Event) -> Entry:
        day, is_assumed = day_of(event.occurred_at or stored.recorded_at)
        notes = Notes(stored, [*event.assumed, *(["date"] if is_assumed or not event.occurred_at else [])])
        settled, link = True, ""
        match event:
            case TradeExecuted():
                words, postings = self._trade(event, day, notes)
                link = _link(event.order_id)
            case SharesSplit():
                words, postings = self._split(event, notes)
            case CashFlowBooked():
                words, postings, settled = self._flow(event, notes)
                link = _link(order_charged(event))
            case DividendPaid():
                words, postings = self._dividend(event, notes)
            case _:
                raise AssertionError(f"{stored.topic} is not booked")
        return Entry(day, words, postings, notes.about(), link, settled)

    def _trade(self, trade: TradeExecuted, day: date, notes: Notes) -> tuple[str, list[Posting]]:
        if trade.mode == "research" or (trade.order_id or "").startswith("RESEARCH_"):
            raise NotBooked("research trades, which moved nothing")
        quantity, price = notes.number("quantity", trade.quantity), notes.number("price", trade.price)
        if quantity <= 0 or price < 0:
            raise NotBooked("trades without a positive quantity and price")
        if quantity * price >= LARGEST:
            raise NotBooked(TOO_LARGE)
        fee = self._fee(trade, notes)
        words = f"{trade.side.capitalize()} {quantity.normalize():f} {trade.symbol} at {price.normalize():f}"
        sign = 1 if trade.side == "BUY" else -1
        if "/" in trade.symbol:
            return words, self._exchange(trade, quantity * sign, price, notes) + fee
        lot = Lot(quantity * sign, price, self._currency(trade.currency, notes), day)
        commodity = self._security(trade.symbol)
        notes.say(symbol=trade.symbol, bucket=trade.bucket_id, isin=trade.isin)
        self._fold(trade, commodity, lot)
        lots = self._lots.setdefault(commodity, Lots())
        postings = trades.traded(lots, lot, commodity, may_short=bool(trade.short))
        return f"{words} {lot.currency}", postings + fee

    def _fee(self, trade: TradeExecuted, notes: Notes) -> list[Posting]:
        """What the trade itself says of its fee; where a cash flow is that fee, it is booked there."""
        if trade.fee is None or trade.order_id in self._known.charged:
            return []
        fee = notes.number("fee", trade.fee)
        return self._moved(CASH, FLOWS["trading_fee"][1], -fee, trade.fee_currency or trade.currency, notes)

    def _fold(self, trade: TradeExecuted, commodity: str, lot: Lot) -> None:
        """What the trade changes, counted by the ledger's own rule, which knows nothing of lots."""
        before = self._held.get(commodity, Holding())
        after = after_trade(before, trade.side, abs(lot.quantity), lot.price, short=bool(trade.short))
        self._hold(commodity, before, after)
        self.closing.add(CASH, lot.currency, -rounded(lot.quantity * lot.price))

    def _hold(self, commodity: str, before: Holding, after: Holding) -> None:
        self._held[commodity] = after
        owned, owed = (
            max(after.quantity, ZERO) - max(before.quantity, ZERO),
            min(after.quantity, ZERO) - min(before.quantity, ZERO),
        )
        for parent, number in ((SECURITIES, owned), (OWED, owed)):
            if number:
                self.closing.add(account(parent, commodity), commodity, number)

    def _split(self, event: SharesSplit, notes: Notes) -> tuple[str, list[Posting]]:
        numerator = notes.number("numerator", event.numerator)
        denominator = notes.number("denominator", event.denominator)
        if numerator <= 0 or denominator <= 0:
            raise NotBooked("splits without a positive ratio")
        commodity, ratio = self._security(event.symbol), numerator / denominator
        before = self._held.get(commodity, Holding())
        if abs(before.quantity * ratio) >= LARGEST or abs(before.cost / ratio) >= LARGEST:
            raise NotBooked(TOO_LARGE)
        if before.quantity:
            self._hold(commodity, before, after_split(before, ratio))
        notes.say(symbol=event.symbol)
        words = f"Split {event.symbol}: {numerator.normalize():f} for {denominator.normalize():f}"
        return words, trades.split(self._lots.setdefault(commodity, Lots()), ratio, commodity)

    def _security(self, symbol: str) -> str:
        commodity = names.security(symbol)
        self.closing.originals[commodity] = symbol
        return commodity

    def _exchange(self, trade: TradeExecuted, quantity: Decimal, price: Decimal, notes: Notes) -> list[Posting]:
        """USD/EUR: dollars against euros. Whether the price is euros per dollar is not said anywhere, so it is assumed."""
        bought, _, paid = trade.symbol.partition("/")
        commodity, currency = self._currency(bought, notes), self._currency(paid, notes)
        notes.assumed.append("direction of the rate")
        money = rounded(quantity * price)
        for name, number in ((commodity, quantity), (currency, -money)):
            self.closing.add(CASH, name, number)
        return [Posting(CASH, quantity, commodity, At(price, currency, abs(money))), Posting(CASH, -money, currency)]

    def _flow(self, flow: CashFlowBooked, notes: Notes) -> tuple[str, list[Posting], bool]:
        kind = kind_of(flow)
        status = (flow.status or "").strip().lower() or flow.status_c
        if status in NEVER_PAID:
            raise NotBooked("cash flows that were cancelled or rejected")
        if status is None:
            notes.assumed.append("status")
        sign, other = FLOWS.get(kind) or (OTHER_FEE if kind.endswith("_fee") else (1, UNKNOWN))
        if other == UNKNOWN:
            notes.assumed.append("direction")
        paid = self._known.paid.get(flow.id) if kind == DIVIDEND and flow.id is not None else None
        if other == DIVIDENDS:
            other = self._dividends(paid.symbol if paid else None)
            notes.say(dividend=str(paid.position) if paid else None)
        notes.say(type=flow.transaction_type, status=flow.status, transaction=flow.transaction_id)
        settled = status is None or status in COMPLETED
        amount = notes.number("amount", flow.amount) * sign
        own = CASH if settled else UNSETTLED
        return flow.description or kind or "cash", self._moved(own, other, amount, flow.currency, notes), settled

    def _dividend(self, dividend: DividendPaid, notes: Notes) -> tuple[str, list[Posting]]:
        notes.say(symbol=dividend.symbol, isin=dividend.isin)
        amount = notes.number("amount", dividend.amount)
        postings = self._moved(CASH, self._dividends(dividend.symbol), amount, dividend.currency, notes)
        return f"Dividend of {dividend.symbol}", postings

    def _moved(self, own: str, other: str, amount: Decimal, code: str | None, notes: Notes) -> list[Posting]:
        currency = self._currency(code, notes)
        self.closing.add(own, currency, amount)
        if other == PRODUCTS:
            self.closing.add(other, currency, -amount)
        return [Posting(own, amount, currency), Posting(other, -amount, currency)]

    def _dividends(self, symbol: str | None) -> str:
        if symbol is None:
            return f"{DIVIDENDS}:Unattributed"
        return account(DIVIDENDS, self._security(symbol))

    def _currency(self, code: str | None, notes: Notes) -> str:
        if not code:
            notes.assumed.append("currency")
            return names.NO_CURRENCY
        name = names.currency(code)
        self.closing.originals[name] = code
        return name


def _link(order: str | None) -> str:
    """What ties a trade to its fee."""
    return f"order-{order}" if order and order.isascii() and order.isalnum() else ""


def kind_of(flow: CashFlowBooked) -> str:
    """What the broker calls the flow, however it was spelled."""
    return (flow.transaction_type or "").strip().lower()
