"""The trades and splits that change what is held, in the order of execution, and what they add up to.

A trade later than all others of its symbol continues from what is there, so that the cost of many trades is a straight
line. One that is earlier, corrected or voided makes the trades of its symbol count again from the first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from decimal import Decimal
from operator import itemgetter
from typing import NamedTuple

import apsw
import msgspec
from msgspec import json

from domain.holdings import Holding, after_split, after_trade, counts_as_holding
from domain.money import EUR, normalised, usable_rate
from domain.trading import SharesSplit, TradeExecuted
from projections.bulk import Row, Upsert, quoted

UNKNOWN_TIME = "~"
"""Stands for a time that nobody knows; it sorts after all others."""

SPLIT = "SPLIT"
"""The side of a split of shares among the trades."""


class HoldingTrade(NamedTuple):
    """A row of `holding_trades`: a trade or a split that changes what is held.

    position: of the event that brought it in. Of a split, quantity is the numerator and price the denominator. Decimals are
    normalised, since they are kept as text: a trade that is stated again in another notation leaves the same rows.
    """

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
    short: int | None = None
    fee: Decimal | None = None
    fee_currency: str | None = None
    quote_day: str | None = None

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
        """Count one more trade or split, later than all before."""
        _, at, position, _, side, quantity, price, isin, currency, rate, bucket, short = trade[:12]
        self.last = (at, position)
        if side == SPLIT:
            self.held = after_split(self.held, quantity / price)
            return
        self.held = after_trade(self.held, side, quantity, price, short=bool(short))
        self.isin = isin or self.isin
        self.bucket_id = bucket or self.bucket_id
        if currency:
            self.currency, self.currency_rate = currency, rate
        if at == UNKNOWN_TIME:
            return
        self.last_traded_at = at
        if side == "BUY":
            self.first_bought_at = self.first_bought_at or at
        else:
            self.last_sold_at = at

    def counted(self, trades: Iterable[HoldingTrade]) -> Iterator[HoldingTrade]:
        """The trades as they are, each counted when it is reached."""
        for trade in trades:
            self.add(trade)
            yield trade


_PLACE = itemgetter(1, 2)
_COLUMNS = quoted(HoldingTrade._fields)
_OF_STREAMS = f"SELECT {_COLUMNS} FROM json_each(?) JOIN holding_trades ON stream = value"
_OF_SYMBOL = f"SELECT {_COLUMNS} FROM holding_trades WHERE symbol = ? ORDER BY executed_at, position"
_FORGET = "DELETE FROM holding_trades WHERE stream = ?"
_keep = Upsert("holding_trades", HoldingTrade._fields, ("symbol", "executed_at", "position"))


class Book:
    """The trades that one batch changes, between what was there and what is to be written."""

    def __init__(self, db: apsw.Connection, streams: Iterable[str]) -> None:
        found = db.execute(_OF_STREAMS, [json.encode(list(streams)).decode()])
        self._before = {trade.stream: trade for trade in map(_read, found)}
        self._now: dict[str, HoldingTrade | None] = {**self._before}
        self._appended: dict[str, list[HoldingTrade]] = {}
        self._disturbed: set[str] = set()

    def symbols(self) -> set[str]:
        """The symbols of the trades that were there."""
        return {trade.symbol for trade in self._before.values()}

    def put(self, position: int, stream: str, event: TradeExecuted | SharesSplit | None) -> Collection[str]:
        """Note how a trade or split reads from now on, None when it never happened; the symbols that it is about."""
        before = self._now.get(stream)
        after = _counting(before.position if before else position, stream, event) if event else None
        self._now[stream] = after
        if before is None and after is not None:
            self._appended.setdefault(after.symbol, []).append(after)
            return (after.symbol,)
        changed = {trade.symbol for trade in (before, after) if trade}
        self._disturbed |= changed
        return changed

    def write(self, db: apsw.Connection) -> None:
        """Write the trades that changed."""
        db.executemany(_FORGET, [[stream] for stream, trade in self._before.items() if self._now[stream] != trade])
        noted = [trade for stream, trade in self._now.items() if trade and trade != self._before.get(stream)]
        _keep.rows(db, list(map(_row, noted)))

    def news(self, disturbed: set[str]) -> Iterator[tuple[str, list[HoldingTrade] | None]]:
        """Each symbol with its new trades in order, None when its trades must count again from the first.

        disturbed: the symbols for which something else asks for that.
        """
        again = self._disturbed | disturbed
        for symbol in sorted(again):
            yield symbol, None
        for symbol, trades in self._appended.items():
            if symbol not in again:
                yield symbol, sorted(trades, key=_PLACE)


def trades_of(db: apsw.Connection, symbol: str) -> Iterator[HoldingTrade]:
    """All trades and splits of a symbol in the order in which they count."""
    return map(_read, db.execute(_OF_SYMBOL, [symbol]))


def _counting(position: int, stream: str, event: TradeExecuted | SharesSplit) -> HoldingTrade | None:
    """The trade or split as a row, None when it does not change what is held."""
    at = event.occurred_at or UNKNOWN_TIME
    if isinstance(event, SharesSplit):
        is_split = event.numerator > 0 and event.denominator > 0 and counts_as_holding(event.symbol, None, None)
        if not is_split:
            return None
        ratio = normalised(event.numerator), normalised(event.denominator)
        return HoldingTrade(event.symbol, at, position, stream, SPLIT, *ratio)
    if not counts_as_holding(event.symbol, event.mode, event.order_id):
        return None
    return HoldingTrade(
        event.symbol, at, position, stream, event.side, normalised(event.quantity), normalised(event.price), event.isin,
        event.currency, _normalised(event.currency_rate), event.bucket_id, event.short, _normalised(event.fee),
        event.fee_currency, _quote_day(event),
    )  # fmt: skip


def _quote_day(event: TradeExecuted) -> str | None:
    """The day whose quoted rate may be needed to convert the trade or its fee, None when its own rate will do."""
    knows_rate = not event.currency or usable_rate(event.currency, event.currency_rate) is not None
    if knows_rate and event.fee_currency in (None, event.currency, EUR):
        return None
    return event.occurred_at[:10] if event.occurred_at else UNKNOWN_TIME


def _row(trade: HoldingTrade) -> Row:
    return (
        *trade[:5], str(trade.quantity), str(trade.price), trade.isin, trade.currency, _text(trade.currency_rate),
        trade.bucket_id, trade.short, _text(trade.fee), trade.fee_currency, trade.quote_day,
    )  # fmt: skip


def _normalised(number: Decimal | None) -> Decimal | None:
    return None if number is None else normalised(number)


def _text(number: Decimal | None) -> str | None:
    return None if number is None else str(number)


def _read(row: Sequence[apsw.SQLiteValue]) -> HoldingTrade:
    return msgspec.convert(row, HoldingTrade)
