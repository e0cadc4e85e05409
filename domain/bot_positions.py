"""What the trading bot's fills alone say is held: quantity, average entry price and realised profit of an instrument.

The rules are the bot's own (legacy facts 5): a fill in the direction of the position moves the average by its weight; one
against it keeps the average and realises the difference on what it closes; one beyond it opens the rest at its own price;
flat, there is no average. Profit is before fees.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from domain.money import rounded

ZERO = Decimal(0)


class BotPosition(NamedTuple):
    """quantity: units, negative when short. entry: what the open units were bought (short: sold) for, with the sign of the
    quantity. realized, fees: sums of all fills.
    """

    quantity: Decimal = ZERO
    entry: Decimal = ZERO
    realized: Decimal = ZERO
    fees: Decimal = ZERO

    @property
    def avg_price(self) -> Decimal:
        """Average entry price per unit with eight decimals, 0 when flat, as the bot has it."""
        return rounded(self.entry / self.quantity) if self.quantity else ZERO


def after_fill(
    held: BotPosition, side: str, quantity: Decimal, price: Decimal, *, fees: Decimal | None = None
) -> BotPosition:
    """The position after one more fill, `quantity` positive for both sides, in units; price per unit."""
    change = quantity if side == "BUY" else -quantity
    paid = held.fees + (fees or ZERO)
    if held.quantity * change >= 0:
        return held._replace(quantity=held.quantity + change, entry=held.entry + change * price, fees=paid)
    left = held.quantity + change
    if left * held.quantity > 0:
        kept = held.entry * left / held.quantity
        return BotPosition(left, kept, held.realized - change * price - (held.entry - kept), paid)
    closed = held.quantity * price - held.entry
    return BotPosition(left, left * price, held.realized + closed, paid)
