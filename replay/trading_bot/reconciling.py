"""Reconciliation of the trading bot: the positions that its fills make, beside those it wrote down."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from decimal import Decimal
from itertools import groupby
from typing import NamedTuple

import apsw

from domain import event as events
from domain.bot_positions import BotPosition, after_fill
from domain.bot_trading import (
    BotPositionNoLongerReported,
    BotPositionReconciled,
    BotPositionReported,
    FillCorrected,
    FillRecorded,
)
from domain.entries.holding import UNKNOWN_TIME
from domain.event import Event, topic_of
from domain.holdings import same_price
from domain.streams import stream
from ledger.log import Entry, Log, Stored
from migrations import script
from replay.news import AGREES, agrees, new_entries, plain
from replay.reconciling import Break

_PAGE = 5_000
# What is corrected keeps its place among the fills of the same moment.
_ADD = """
    INSERT INTO temp.holding_trades VALUES (?, ?, ?, ?, ?, ?, ?, 0) ON CONFLICT (stream) DO UPDATE SET
        symbol = excluded.symbol, executed_at = excluded.executed_at, side = excluded.side, quantity = excluded.quantity,
        price = excluded.price"""
_DROP = "DELETE FROM temp.holding_trades WHERE stream = ?"
_IN_ORDER = """
    SELECT symbol, executed_at, side, quantity, price FROM temp.holding_trades ORDER BY symbol, executed_at, position"""


class Derived(NamedTuple):
    """What the fills of a symbol make. before: without the last fill, whose time is `last`, empty when nobody knows it."""

    held: BotPosition = BotPosition()
    before: BotPosition = BotPosition()
    last: str = ""


def reconcile(log: Log) -> tuple[list[Entry], list[Break]]:
    """Compare the positions that the fills make with those reported; the entries to append and every break open now."""
    found = list(_compared_positions(log))
    entries = new_entries(log, found, _stream)
    return entries, [_break(event) for event in found if not agrees(event)]


def positions(log: Log) -> Iterator[tuple[str, Derived]]:
    """Every symbol ever filled, and what its fills make."""
    db = apsw.Connection("")
    db.execute(script("replay", "temp_trades.sql"))
    with db:
        for stored in _pages(log, (FillRecorded, FillCorrected)):
            fill = events.decode(stored.topic, stored.state)
            assert isinstance(fill, FillRecorded)
            if fill.counts:
                at, numbers = fill.occurred_at or UNKNOWN_TIME, (str(fill.quantity), str(fill.price))
                db.execute(_ADD, (stored.stream, stored.position, fill.symbol, at, fill.side, *numbers))
            else:
                db.execute(_DROP, (stored.stream,))
    for symbol, fills in groupby(db.execute(_IN_ORDER), key=lambda row: row[0]):
        made = Derived()
        for _, at, side, quantity, price in fills:
            held = after_fill(made.held, str(side), Decimal(quantity), Decimal(price))
            made = Derived(held, made.held, made.last if at == UNKNOWN_TIME else str(at))
        yield str(symbol), made


def _compared_positions(log: Log) -> Iterator[BotPositionReconciled]:
    reported: dict[str, BotPositionReported] = {}
    ever = False
    for stored in _pages(log, (BotPositionReported, BotPositionNoLongerReported)):
        event, ever = events.decode(stored.topic, stored.state), True
        if isinstance(event, BotPositionReported):
            reported[event.symbol] = event
        elif isinstance(event, BotPositionNoLongerReported):
            reported.pop(event.symbol, None)
    if not ever:
        return
    derived = dict(positions(log))
    for symbol in sorted({*reported, *derived}):
        yield _compared(symbol, derived.get(symbol, Derived()), reported.get(symbol))


def _compared(symbol: str, made: Derived, reported: BotPositionReported | None) -> BotPositionReconciled:
    quantity = reported.quantity if reported else None
    return BotPositionReconciled(
        occurred_at=(reported.occurred_at if reported else None) or made.last or None,
        symbol=symbol,
        derived_quantity=made.held.quantity,
        reported_quantity=quantity,
        difference=(quantity or Decimal(0)) - made.held.quantity,
        derived_avg_price=made.held.avg_price if made.held.quantity else None,
        reported_avg_price=_known_price(reported),
        reason=_why(made, reported),
    )


def _known_price(reported: BotPositionReported | None) -> Decimal | None:
    """The average price that the bot wrote; 0 is the default of a column that it never wrote (legacy facts 2.2)."""
    return (reported.avg_entry_price or None) if reported and reported.quantity else None


def _why(made: Derived, reported: BotPositionReported | None) -> str:
    quantity = (reported.quantity if reported else None) or Decimal(0)
    if quantity == made.held.quantity:
        price = _known_price(reported)
        if price is None or same_price(made.held.avg_price, price):
            return AGREES
        return "the reported average price is not that of the fills"
    if reported is None:
        return "the fills leave a position that is not reported"
    if quantity == made.before.quantity:
        return "the position was written down before its last fill"
    return "the fills do not explain the reported quantity: fills are missing, or were made elsewhere"


def _pages(log: Log, topics: Collection[type[Event]]) -> Iterator[Stored]:
    after, names = 0, [topic_of(cls) for cls in topics]
    while page := log.read(after=after, topics=names, limit=_PAGE):
        yield from page
        after = page[-1].position


def _stream(event: BotPositionReconciled) -> str:
    return stream("bot-reconciliation", event.symbol)


def _break(event: BotPositionReconciled) -> Break:
    return Break(
        kind="position",
        subject=event.symbol,
        expected=f"{plain(event.derived_quantity)} units at {plain(event.derived_avg_price)} from the fills",
        found="no position reported"
        if event.reported_quantity is None
        else f"{plain(event.reported_quantity)} units at {plain(event.reported_avg_price)} reported",
        reason=event.reason,
    )
