"""Cost basis and realised gains of a security: lots closed first in, first out, or one pool at average cost.

A sale closes what purchases opened, a purchase closes what was sold short. Shares sold that were not held, and not sold
short either, were bought where nobody wrote it down: their gain is not known, and is not made up. An amount that is not
known is None, and so is what it would have been part of.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from decimal import Decimal

from msgspec import Struct

from domain.money import rounded
from domain.trading import CashFlowBooked

ZERO = Decimal(0)
LONG, SHORT = "long", "short"

MIXED = ""
"""The currency of a pool whose shares were paid in several."""


class Parcel(Struct, frozen=True, gc=False, array_like=True):
    """Shares, what was paid or got for them without fees, and the fees; in `currency` and in EUR at the day's rate."""

    quantity: Decimal
    currency: str | None
    value: Decimal | None
    value_eur: Decimal | None
    fee: Decimal | None
    fee_eur: Decimal | None


class Fill(Struct, frozen=True, gc=False):
    """A trade. position: of its event; side: what it opens, long or short; may_short: whether a sale may open anything."""

    side: str
    stream: str
    position: int
    executed_at: str
    price: Decimal
    bucket_id: str | None
    parcel: Parcel
    may_short: bool


class Lot(Struct, gc=False, array_like=True):
    """Shares that one trade opened. whole: as they were opened, in shares of after the splits; left: what is still open.

    A pool is a lot into which later trades go as well; only its `left` means something.
    """

    side: str
    stream: str
    position: int
    opened_at: str
    price: Decimal
    bucket_id: str | None
    whole: Parcel
    left: Parcel | None
    closed_at: str | None = None


Lots = deque[Lot]
"""The open lots of a security, the first to be closed first; all on one side."""


class Match(Struct, frozen=True, gc=False):
    """Shares that a trade closed: of which lot, what the lot gave for it, what the trade did; without lot, oversold."""

    lot: Lot | None
    opening: Parcel | None
    closing: Parcel


class Gain(Struct, frozen=True, gc=False):
    """What closing shares made: gain = proceeds - cost - fees. reason: why some of it is not known, None when all is."""

    proceeds: Decimal | None
    cost: Decimal | None
    fees: Decimal | None
    gain: Decimal | None
    proceeds_eur: Decimal | None
    cost_eur: Decimal | None
    fees_eur: Decimal | None
    gain_eur: Decimal | None
    reason: str | None


def traded(lots: Lots, fill: Fill, *, pooled: bool) -> list[Match]:
    """Take a trade into account: what it closed. pooled: what it opens joins the one lot that is there."""
    rest: Parcel | None = fill.parcel
    matches = []
    while rest and lots and lots[0].side != fill.side:
        lot = lots[0]
        assert lot.left, "a lot that is closed is no longer among the open ones"
        quantity = min(lot.left.quantity, rest.quantity)
        opening, lot.left = parted(lot.left, quantity)
        closing, rest = parted(rest, quantity)
        matches.append(Match(lot, opening, closing))
        if not lot.left:
            lot.closed_at = fill.executed_at
            lots.popleft()
    if not rest:
        return matches
    if fill.side == SHORT and not fill.may_short:
        matches.append(Match(None, None, rest))
    elif pooled and lots:
        lots[0].left = merged(lots[0].left or rest, rest)
    else:
        opened = (fill.side, fill.stream, fill.position, fill.executed_at, fill.price, fill.bucket_id)
        lots.append(Lot(*opened, rest, rest))
    return matches


def split(lots: Iterable[Lot], ratio: Decimal) -> None:
    """Turn every open share into `ratio` shares; together they are as many as one rounding makes of their sum."""
    before = after = ZERO
    for lot in lots:
        assert lot.left, "a lot that is closed is no longer among the open ones"
        before += lot.left.quantity
        upto = rounded(before * ratio)
        lot.left = _of_quantity(lot.left, upto - after)
        lot.whole = _of_quantity(lot.whole, rounded(lot.whole.quantity * ratio))
        lot.price = rounded(lot.price / ratio)
        after = upto


def parted(parcel: Parcel, quantity: Decimal) -> tuple[Parcel, Parcel | None]:
    """A part of the shares with its share of the amounts, and the rest; the two always add up to the whole."""
    of = parcel.quantity
    if quantity == of:
        return parcel, None
    value, value_left = _parted(parcel.value, quantity, of)
    value_eur, value_eur_left = _parted(parcel.value_eur, quantity, of)
    fee = fee_left = parcel.fee
    fee_eur = fee_eur_left = parcel.fee_eur
    if fee or fee_eur:
        fee, fee_left = _parted(fee, quantity, of)
        fee_eur, fee_eur_left = _parted(fee_eur, quantity, of)
    part = Parcel(quantity, parcel.currency, value, value_eur, fee, fee_eur)
    return part, Parcel(of - quantity, parcel.currency, value_left, value_eur_left, fee_left, fee_eur_left)


def _parted(amount: Decimal | None, quantity: Decimal, of: Decimal) -> tuple[Decimal | None, Decimal | None]:
    if not amount:
        return amount, amount
    part = rounded(amount * quantity / of)
    return part, amount - part


def merged(one: Parcel, other: Parcel) -> Parcel:
    """Both together; amounts of different currencies make no sum, except in EUR."""
    quantity = one.quantity + other.quantity
    value_eur, fee_eur = plus(one.value_eur, other.value_eur), plus(one.fee_eur, other.fee_eur)
    if one.currency != other.currency:
        return Parcel(quantity, MIXED, None, value_eur, None, fee_eur)
    return Parcel(
        quantity, one.currency, plus(one.value, other.value), value_eur, plus(one.fee, other.fee), fee_eur
    )  # fmt: skip


def _of_quantity(parcel: Parcel, quantity: Decimal) -> Parcel:
    return Parcel(quantity, parcel.currency, parcel.value, parcel.value_eur, parcel.fee, parcel.fee_eur)


def plus(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    """The sum, None when a part of it is not known."""
    if other is ZERO:  # most trades have no fee
        return one
    return None if one is None or other is None else one + other


def gain_of(match: Match) -> Gain:
    """What the match made. Each side is in EUR at the rate of its own day, so the gain in EUR has the currency's in it."""
    lot, opening, closing = match.lot, match.opening, match.closing
    if lot is None or opening is None:
        fee, fee_eur = closing.fee, closing.fee_eur
        return Gain(closing.value, None, fee, None, closing.value_eur, None, fee_eur, None, "oversold")
    is_long = lot.side == LONG
    sold, bought = (closing, opening) if is_long else (opening, closing)
    fees_eur = plus(opening.fee_eur, closing.fee_eur)
    gain_eur = _gained(sold.value_eur, bought.value_eur, fees_eur)
    if opening.currency == closing.currency:
        proceeds, cost, fees = sold.value, bought.value, plus(opening.fee, closing.fee)
        gain = _gained(proceeds, cost, fees)
        reason = None if gain is not None and gain_eur is not None else _reason(closing.currency)
    else:
        proceeds, cost = (closing.value, None) if is_long else (None, closing.value)
        fees = gain = None
        reason = "currencies-differ" + ("" if gain_eur is not None else f",{_reason(closing.currency)}")
    return Gain(proceeds, cost, fees, gain, sold.value_eur, bought.value_eur, fees_eur, gain_eur, reason)


def _gained(proceeds: Decimal | None, cost: Decimal | None, fees: Decimal | None) -> Decimal | None:
    return None if proceeds is None or cost is None or fees is None else proceeds - cost - fees


def _reason(currency: str | None) -> str:
    return "no-rate" if currency else "no-currency"


def order_charged(flow: CashFlowBooked) -> str | None:
    """The order that a cash flow is the fee of, as far as its transaction id says so (legacy facts 5.1)."""
    is_settled = flow.status in (None, "completed") and flow.status_c in (None, 3)
    if not is_settled or flow.transaction_type not in (None, "trading_fee"):
        return None
    if flow.transaction_id.startswith("trade_fee_"):
        return flow.transaction_id.removeprefix("trade_fee_") or None
    if flow.transaction_type == "trading_fee" and flow.transaction_id.endswith("_fee"):
        return flow.transaction_id.removesuffix("_fee") or None
    return None
