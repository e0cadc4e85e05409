"""How many shares are held after each trade and split, and how many were sold that were not held."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from domain.event import Event
from domain.holdings import counts_as_holding
from domain.trading import SharesSplit, TradeExecuted

ZERO = Decimal(0)
SPLIT = "SPLIT"
UNKNOWN_TIME = "~"
"""Stands for a time that nobody knows; it sorts after all others, as in the read model."""


class Move(NamedTuple):
    """What changes the shares held: a trade, or a split of `quantity` for `per` shares. short: borrowed shares may be sold."""

    at: str
    kind: str
    quantity: Decimal
    per: Decimal = Decimal(1)
    short: bool = False


class Held(NamedTuple):
    """Shares held, negative when they are borrowed; `oversold` sums what was sold without being held or borrowed."""

    quantity: Decimal = ZERO
    oversold: Decimal = ZERO


def after_move(held: Held, move: Move) -> Held:
    """The shares after one more move."""
    if move.kind == SPLIT:
        return Held(held.quantity * move.quantity / move.per, held.oversold)
    if move.kind == "BUY":
        return Held(held.quantity + move.quantity, held.oversold)
    left = held.quantity - move.quantity
    if move.short or left >= 0:
        return Held(left, held.oversold)
    lacking = min(-left, move.quantity)
    return Held(held.quantity - move.quantity + lacking, held.oversold + lacking)


def move_of(event: Event) -> tuple[str, Move] | None:
    """The symbol and the move of an event, None when it does not change what is held."""
    if isinstance(event, SharesSplit):
        if event.numerator <= 0 or event.denominator <= 0 or not counts_as_holding(event.symbol, None, None):
            return None
        return event.symbol, Move(event.occurred_at or UNKNOWN_TIME, SPLIT, event.numerator, event.denominator)
    if isinstance(event, TradeExecuted) and counts_as_holding(event.symbol, event.mode, event.order_id):
        at = event.occurred_at or UNKNOWN_TIME
        return event.symbol, Move(at, event.side, event.quantity, short=bool(event.short))
    return None
