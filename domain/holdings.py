"""What the trades alone say is held: quantity and average cost of a security.

The rule is the legacy system's own replay (legacy facts 5.3): in order of execution, BUY adds, SELL takes away, never below
zero. Cost is by the average cost method, without fees, in the trade's currency: a purchase adds quantity times price, a
sale takes away the same share of the cost as of the quantity. Beyond that replay: a trade that says it sells short may go
below zero, and shares can be split.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from domain.money import rounded

ZERO = Decimal(0)


class Holding(NamedTuple):
    """Shares held and their cost in the trade's currency; `oversold` sums the shares sold that were not held.

    Sold short, both are negative: shares owed, and what was got for them.
    """

    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    oversold: Decimal = ZERO

    @property
    def avg_price(self) -> Decimal | None:
        """Average cost per share with eight decimals, None when nothing is held."""
        return rounded(self.cost / self.quantity) if self.quantity else None


def counts_as_holding(symbol: str, mode: str | None, order_id: str | None) -> bool:
    """Whether a trade changes what is held: currency exchanges (USD/EUR) and paper trades do not."""
    return "/" not in symbol and mode != "research" and not (order_id or "").startswith("RESEARCH_")


def after_trade(held: Holding, side: str, quantity: Decimal, price: Decimal, *, short: bool = False) -> Holding:
    """The holding after one more trade, `quantity` positive for both sides. short: a sale may go below zero."""
    if side == "BUY":
        if held.quantity >= 0:
            return Holding(held.quantity + quantity, held.cost + quantity * price, held.oversold)
        return _turned(held, held.quantity + quantity, price)
    left = held.quantity - quantity
    if short and left < 0:
        if held.quantity > 0:
            return _turned(held, left, price)
        return held._replace(quantity=left, cost=held.cost - quantity * price)
    if held.quantity < 0:
        return held._replace(oversold=held.oversold + quantity)
    if left <= 0:
        return Holding(oversold=held.oversold - left)
    if not held.quantity:  # only a sale of a negative number of shares comes here: shares without a cost
        return held._replace(quantity=left)
    return Holding(left, held.cost * left / held.quantity, held.oversold)


def _turned(held: Holding, left: Decimal, price: Decimal) -> Holding:
    """The holding after a trade against it: some of it is left, or the rest of the trade opened the other side."""
    is_rest = held.quantity * left > 0
    return held._replace(quantity=left, cost=held.cost * left / held.quantity if is_rest else left * price)


def after_split(held: Holding, ratio: Decimal) -> Holding:
    """The holding after every share became `ratio` shares, at the same cost."""
    return held._replace(quantity=rounded(held.quantity * ratio))


def same_price(derived: Decimal | None, reported: Decimal | None) -> bool:
    """Whether two average prices agree at the precision the reported one is written with, two to eight decimals."""
    if derived is None or reported is None:
        return derived is reported
    exponent = reported.normalize().as_tuple().exponent
    digits = min(max(-exponent, 2), 8) if isinstance(exponent, int) else 8
    return abs(derived - reported) <= Decimal(1).scaleb(-digits) / 2 + Decimal("1e-8")
