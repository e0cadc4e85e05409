"""What the trades alone say is held: quantity and average cost of a security.

The rule is the legacy system's own replay (legacy facts 5.3): in order of execution, BUY adds, SELL takes away, never below
zero. Cost is by the average cost method, without fees, in the trade's currency: a purchase adds quantity times price, a
sale takes away the same share of the cost as of the quantity.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from domain.money import rounded

ZERO = Decimal(0)


class Holding(NamedTuple):
    """Shares held and their cost in the trade's currency; `oversold` sums the shares sold that were not held."""

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


def after_trade(held: Holding, side: str, quantity: Decimal, price: Decimal) -> Holding:
    """The holding after one more trade, `quantity` positive for both sides."""
    if side == "BUY":
        return held._replace(quantity=held.quantity + quantity, cost=held.cost + quantity * price)
    left = held.quantity - quantity
    if left <= 0:
        return Holding(oversold=held.oversold - left)
    if held.quantity <= 0:  # only a sale of a negative number of shares comes here: shares without a cost
        return held._replace(quantity=left)
    return held._replace(quantity=left, cost=held.cost * left / held.quantity)


def same_price(derived: Decimal | None, reported: Decimal | None) -> bool:
    """Whether two average prices agree at the precision the reported one is written with, two to eight decimals."""
    if derived is None or reported is None:
        return derived is reported
    exponent = reported.normalize().as_tuple().exponent
    digits = min(max(-exponent, 2), 8) if isinstance(exponent, int) else 8
    return abs(derived - reported) <= Decimal(1).scaleb(-digits) / 2 + Decimal("1e-8")
