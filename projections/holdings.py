"""What the trades alone say is held, kept up to date trade by trade.

A trade later than all others of its symbol continues from what is there, so that the cost of many trades is a straight
line. One that is earlier, corrected or voided makes the trades of its symbol count again from the first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

import apsw
import msgspec

from domain.holdings import Holding, after_trade, counts_as_holding
from domain.trading import TradeExecuted
from projections.bulk import Row, quoted

UNKNOWN_TIME = "~"
"""Stands for a time that nobody knows; it sorts after all others."""


class HoldingTrade(NamedTuple):
    """A row of `holding_trades`: a trade that changes what is held. position: of the event that brought it in."""

    symbol: str
    executed_at: str
    position: int
    stream: str
    side: str
    quantity: Decimal
    price: Decimal
    isin: str | None = None
    currency: str | None = None
    currency_rate: Decimal | None = None
    bucket_id: str | None = None

    @property
    def place(self) -> tuple[str, int]:
        """Where the trade stands in the order of replay."""
        return (self.executed_at, self.position)


class Derived(msgspec.Struct, gc=False):
    """What the trades of a symbol add up to, and what the newest of them say about it."""

    held: Holding = Holding()
    last: tuple[str, int] = ("", 0)
    first_bought_at: str | None = None
    last_sold_at: str | None = None
    last_traded_at: str | None = None
    isin: str | None = None
    currency: str | None = None
    currency_rate: Decimal | None = None
    bucket_id: str | None = None

    def add(self, trade: HoldingTrade) -> None:
        """Count one more trade, later than all before."""
        self.held = after_trade(self.held, trade.side, trade.quantity, trade.price)
        self.last = trade.place
        self.isin = trade.isin or self.isin
        self.bucket_id = trade.bucket_id or self.bucket_id
        if trade.currency:
            self.currency, self.currency_rate = trade.currency, trade.currency_rate
        if trade.executed_at == UNKNOWN_TIME:
            return
        self.last_traded_at = trade.executed_at
        if trade.side == "BUY":
            self.first_bought_at = self.first_bought_at or trade.executed_at
        else:
            self.last_sold_at = trade.executed_at


_COLUMNS = quoted(HoldingTrade._fields)
_OF_STREAM = f"SELECT {_COLUMNS} FROM holding_trades WHERE stream = ?"
_OF_SYMBOL = f"SELECT {_COLUMNS} FROM holding_trades WHERE symbol = ? ORDER BY executed_at, position"
_FORGET = "DELETE FROM holding_trades WHERE stream = ?"
_NOTE = f"INSERT INTO holding_trades ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


class Book:
    """The trades that one batch changes, between what was there and what is to be written."""

    def __init__(self, db: apsw.Connection, streams: Iterable[str]) -> None:
        self._before = {trade.stream: trade for trade in map(_read, db.executemany(_OF_STREAM, [[s] for s in streams]))}
        self._now: dict[str, HoldingTrade | None] = {**self._before}
        self._appended: dict[str, list[HoldingTrade]] = {}
        self._disturbed: set[str] = set()

    def symbols(self) -> set[str]:
        """The symbols of the trades that were there."""
        return {trade.symbol for trade in self._before.values()}

    def put(self, position: int, stream: str, event: TradeExecuted | None) -> set[str]:
        """Note how a trade reads from now on, None when it never happened; the symbols whose holding may change."""
        before = self._now.get(stream)
        after = _counting(before.position if before else position, stream, event) if event else None
        self._now[stream] = after
        changed = {trade.symbol for trade in (before, after) if trade}
        if before is None and after is not None:
            self._appended.setdefault(after.symbol, []).append(after)
        else:
            self._disturbed |= changed
        return changed

    def write(self, db: apsw.Connection, derived: dict[str, Derived]) -> None:
        """Write the changed trades and bring the holdings of their symbols up to date."""
        db.executemany(_FORGET, [[stream] for stream, trade in self._before.items() if self._now[stream] != trade])
        noted = [trade for stream, trade in self._now.items() if trade and trade != self._before.get(stream)]
        db.executemany(_NOTE, map(_row, noted))
        for symbol, trades in self._appended.items():
            if symbol not in self._disturbed and _continue(derived[symbol], trades):
                continue
            self._disturbed.add(symbol)
        for symbol in self._disturbed:
            derived[symbol] = folded(map(_read, db.execute(_OF_SYMBOL, [symbol])))


def folded(trades: Iterable[HoldingTrade]) -> Derived:
    """What these trades add up to, given in the order of replay."""
    derived = Derived()
    for trade in trades:
        derived.add(trade)
    return derived


def _continue(derived: Derived, trades: Sequence[HoldingTrade]) -> bool:
    """Count the trades if all of them are later than what was counted; otherwise leave everything as it is."""
    ordered = sorted(trades, key=lambda trade: trade.place)
    if ordered[0].place < derived.last:
        return False
    for trade in ordered:
        derived.add(trade)
    return True


def _counting(position: int, stream: str, event: TradeExecuted) -> HoldingTrade | None:
    """The trade as a row, None when it does not change what is held."""
    if not counts_as_holding(event.symbol, event.mode, event.order_id):
        return None
    return HoldingTrade(
        event.symbol, event.occurred_at or UNKNOWN_TIME, position, stream, event.side, event.quantity, event.price,
        event.isin, event.currency, event.currency_rate, event.bucket_id,
    )  # fmt: skip


def _row(trade: HoldingTrade) -> Row:
    rate = None if trade.currency_rate is None else str(trade.currency_rate)
    return (*trade[:5], str(trade.quantity), str(trade.price), trade.isin, trade.currency, rate, trade.bucket_id)


def _read(row: Sequence[apsw.SQLiteValue]) -> HoldingTrade:
    symbol, executed_at, position, stream, side, quantity, price, isin, currency, rate, bucket = row
    return msgspec.convert(
        (symbol, executed_at, position, stream, side, quantity, price, isin, currency, rate, bucket), HoldingTrade
    )
