"""Lots and realised gains: written trade by trade, first in first out and average cost side by side."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache
from itertools import islice

import apsw
import msgspec

from domain.gains import LONG, SHORT, ZERO, Fill, Gain, Lot, Lots, Match, Parcel, gain_of, plus, split, traded
from domain.moments import is_date
from domain.money import EUR, in_eur, rounded
from projections import lots, trade_fees
from projections.bulk import Row, Upsert
from projections.holdings import SPLIT, UNKNOWN_TIME, HoldingTrade
from projections.known_rates import Rates
from projections.trade_fees import Fee

_CHUNK_TRADES = 2_000
_WAITING_ROWS = 10_000
_DAY = len("2025-01-31")

_FORGET = ("DELETE FROM lot_entries WHERE symbol = ?", "DELETE FROM realized_gains WHERE symbol = ?")
_show = Upsert(
    "realized_gains",
    ("symbol", "position", "method", "part", "stream", "closed_at", "bucket_id", "side", "quantity", "opened_position",
     "opened_at", "holding_days", "currency", "proceeds", "cost", "fees", "gain", "proceeds_eur", "cost_eur", "fees_eur",
     "gain_eur", "reason"),
    ("symbol", "position", "method", "part"),
)  # fmt: skip
Opened = tuple[int | None, str | None, int | None]
_UNOPENED: Opened = (None, None, None)
"""What a row says about the lot: position, opened_at and holding_days."""


class Gains(msgspec.Struct, gc=False, omit_defaults=True):
    """What a symbol's gains go on from.

    pool: at average cost. realized_eur: the sum of the gains by that; unknown: how many of them are not in it. first_open:
    where the first lot stands that is open, among `lots`: all before it are closed.
    """

    pool: Lot | None = None
    realized_eur: Decimal = ZERO
    unknown: int = 0
    first_open: tuple[str, int] | None = None

    @property
    def is_short(self) -> bool:
        """Whether shares are owed."""
        return self.pool is not None and self.pool.side == SHORT


class Writer:
    """Rows of lots and gains on their way into the tables, of many symbols at once."""

    def __init__(self, db: apsw.Connection) -> None:
        self.db, self.rates = db, Rates(db)
        self._lots: list[Row] = []
        self._gains: list[Row] = []

    def again(self, symbol: str, trades: Iterable[HoldingTrade]) -> Gains:
        """The lots and gains of a symbol from its first trade on."""
        for statement in _FORGET:
            self.db.execute(statement, [symbol])
        gains = Gains()
        _Account(self, symbol, gains, deque()).count(trades)
        return gains

    def go_on(self, symbol: str, gains: Gains, trades: Sequence[HoldingTrade]) -> None:
        """The lots and gains of a symbol after more trades, all later than those before."""
        _Account(self, symbol, gains, lots.open_lots(self.db, symbol, gains.first_open, trades)).count(trades)

    def take(self, symbol: str, touched: Iterable[Lot], gains: Iterable[Row]) -> None:
        """Write the lots as they are now, and what was gained; not at once."""
        self._lots += [lots.row_of(symbol, lot) for lot in touched]
        self._gains += gains
        if len(self._lots) + len(self._gains) > _WAITING_ROWS:
            self.flush()

    def flush(self) -> None:
        """Write what has not been written yet."""
        lots.keep.rows(self.db, self._lots)
        _show.rows(self.db, self._gains)
        self._lots, self._gains = [], []


class _Account:
    """The lots and the pool of a symbol while trades are counted."""

    def __init__(self, writer: Writer, symbol: str, gains: Gains, open_lots: Lots) -> None:
        self._writer, self._rates, self._symbol, self._gains = writer, writer.rates, symbol, gains
        self._lots = open_lots
        self._pool: Lots = deque([gains.pool] if gains.pool else [])
        self._touched: dict[int, Lot] = {}
        self._rows: list[Row] = []

    def count(self, trades: Iterable[HoldingTrade]) -> None:
        """Count the trades, a chunk at a time so that a long history needs no more memory than a short one."""
        for chunk in _chunks(trades):
            fees = trade_fees.of_trades(self._writer.db, (trade.stream for trade in chunk))
            for trade in chunk:
                if trade.side == SPLIT:
                    self._split(trade.quantity / trade.price)
                elif trade.quantity > 0:
                    self._trade(self._fill(trade, fees.get(trade.stream, ())))
            self._writer.take(self._symbol, self._touched.values(), self._rows)
            self._touched, self._rows = {}, []
        self._gains.pool = self._pool[0] if self._pool else None
        self._gains.first_open = (self._lots[0].opened_at, self._lots[0].position) if self._lots else None

    def _split(self, ratio: Decimal) -> None:
        split(self._lots, ratio)
        split(self._pool, ratio)
        self._touched.update((lot.position, lot) for lot in self._lots)

    def _trade(self, fill: Fill) -> None:
        for part, match in enumerate(traded(self._lots, fill, pooled=False), 1):
            lot, opened = match.lot, _UNOPENED
            if lot:
                self._touched[lot.position] = lot
                opened = (lot.position, _known(lot.opened_at), _days(lot.opened_at, fill.executed_at))
            self._rows.append(self._row("fifo", part, fill, match, gain_of(match), opened))
        if self._lots and self._lots[-1].position == fill.position:
            self._touched[fill.position] = self._lots[-1]
        for part, match in enumerate(traded(self._pool, fill, pooled=True), 1):
            gain = gain_of(match)
            self._rows.append(self._row("average", part, fill, match, gain, _UNOPENED))
            if gain.gain_eur is None:
                self._gains.unknown += 1
            else:
                self._gains.realized_eur += gain.gain_eur

    def _row(self, method: str, part: int, fill: Fill, match: Match, gain: Gain, opened: Opened) -> Row:
        return (
            self._symbol, fill.position, method, part, fill.stream, _known(fill.executed_at), fill.bucket_id,
            match.lot.side if match.lot else LONG, float(match.closing.quantity), *opened, fill.parcel.currency,
            _real(gain.proceeds), _real(gain.cost), _real(gain.fees), _real(gain.gain), _real(gain.proceeds_eur),
            _real(gain.cost_eur), _real(gain.fees_eur), _real(gain.gain_eur), gain.reason,
        )  # fmt: skip

    def _fill(self, trade: HoldingTrade, booked: Sequence[Fee]) -> Fill:
        _, at, position, stream, side, quantity, price, _, currency, rate, bucket, short, charged, charged_in, day = (
            trade
        )
        currency = currency or None
        if day is not None or currency == EUR:
            rate = self._rates.of(currency, rate, at)
        elif currency is None:
            rate = None
        fees = [Fee(stream, charged, charged_in, at)] if charged is not None else booked
        fee, fee_eur = self._fees(fees, currency, rate) if fees else (ZERO, ZERO)
        value = quantity * price
        parcel = Parcel(quantity, currency, value, in_eur(value, rate), fee, fee_eur)
        opens, may_short = (LONG, True) if side == "BUY" else (SHORT, bool(short))
        return Fill(opens, stream, position, at, price, bucket, parcel, may_short)

    def _fees(
        self, fees: Sequence[Fee], currency: str | None, rate: Decimal | None
    ) -> tuple[Decimal | None, Decimal | None]:
        """Fees in the trade's currency and in EUR."""
        own: Decimal | None = ZERO
        euros: Decimal | None = ZERO
        for fee in fees:
            if fee.currency in (None, currency):
                own, euros = plus(own, fee.amount), plus(euros, in_eur(fee.amount, rate))
                continue
            in_euros = in_eur(fee.amount, self._rates.of(fee.currency, None, fee.date))
            euros = plus(euros, in_euros)
            own = plus(own, None if in_euros is None or rate is None else rounded(in_euros * rate))
        return own, euros


def _chunks(trades: Iterable[HoldingTrade]) -> Iterator[list[HoldingTrade]]:
    source = iter(trades)
    while chunk := list(islice(source, _CHUNK_TRADES)):
        yield chunk


def _known(moment: str | None) -> str | None:
    return None if moment == UNKNOWN_TIME else moment


def _days(opened_at: str, closed_at: str) -> int | None:
    """Days between two moments, None unless both are known to the day."""
    opened, closed = _day_number(opened_at[:_DAY]), _day_number(closed_at[:_DAY])
    return None if opened is None or closed is None else closed - opened


@lru_cache(maxsize=8192)
def _day_number(day: str) -> int | None:
    return date.fromisoformat(day).toordinal() if is_date(day) else None


def _real(number: Decimal | None) -> float | None:
    return None if number is None else float(number)
