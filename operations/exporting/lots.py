"""Lots: what was bought, or sold short, when and at which price, closed again first in, first out."""

from __future__ import annotations

from collections import deque
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from domain.money import rounded


class Lot(NamedTuple):
    """Shares of one trade, negative when they are owed. price: per share in `currency`."""

    quantity: Decimal
    price: Decimal
    currency: str
    opened: date


class Lots:
    """The lots of one security, the oldest first; all of one sign."""

    def __init__(self) -> None:
        self._lots: deque[Lot] = deque()

    def open(self, lot: Lot) -> None:
        """Put a trade at the end."""
        last = self._lots[-1] if self._lots else None
        if last and last[1:] == lot[1:]:
            self._lots[-1] = last._replace(quantity=last.quantity + lot.quantity)
        else:
            self._lots.append(lot)

    def close(self, quantity: Decimal) -> tuple[list[Lot], Decimal]:
        """The oldest lots, or parts of them, that a trade of this quantity undoes; and what is left of the trade."""
        taken: list[Lot] = []
        while quantity and self._lots and (self._lots[0].quantity > 0) != (quantity > 0):
            first = self._lots[0]
            part = first._replace(quantity=first.quantity if abs(first.quantity) <= abs(quantity) else -quantity)
            taken.append(part)
            quantity += part.quantity
            if part == first:
                self._lots.popleft()
            else:
                self._lots[0] = first._replace(quantity=first.quantity - part.quantity)
        return taken, quantity

    def split(self, ratio: Decimal) -> tuple[list[Lot], list[Lot]]:
        """Turn every share into `ratio` shares at the same cost; the lots before and after. Together they are as many as
        one rounding makes of their sum.
        """
        before, after = list(self._lots), []
        old = new = Decimal(0)
        for lot in before:
            old += lot.quantity
            upto = rounded(old * ratio)
            if upto != new:
                after.append(lot._replace(quantity=upto - new, price=rounded(lot.price / ratio)))
            new = upto
        self._lots = deque(after)
        return before, after
