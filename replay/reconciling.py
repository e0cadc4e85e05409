"""Reconciliation: what the log's own facts imply, beside what the broker reported. Differences become events, never edits."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby

import apsw
from msgspec import Struct

from domain import event as events
from domain.entries.holding import SPLIT, UNKNOWN_TIME, move_of
from domain.event import Event, topic_of
from domain.holdings import Holding, after_split, after_trade, same_price
from domain.moments import Date
from domain.money import EUR, in_eur, usable_rate
from domain.portfolio import (
    CashReconciled,
    PortfolioValuationVoided,
    PortfolioValued,
    PositionNoLongerReported,
    PositionReconciled,
    PositionReported,
)
from domain.prices import ExchangeRateQuoted, ExchangeRatesVoided
from domain.satellites import BucketBalanceRemoved, BucketBalanceStated
from domain.streams import stream
from domain.trading import (
    SharesSplit,
    SharesSplitCorrected,
    SharesSplitVoided,
    TradeCorrected,
    TradeExecuted,
    TradeVoided,
)
from ledger.log import Entry, Log, Stored
from migrations import script
from replay.meeting import contradictions
from replay.news import AGREES, agrees, new_entries, plain

ZERO = Decimal(0)
CASH_TOLERANCE = Decimal("0.01")
WEEKEND_DAYS = 3
_PAGE = 5_000
_OTHERWISE = "the legacy row says otherwise than the entry before it; cli record correct or void settles it"
# What is corrected keeps its place among the trades of the same moment.
_ADD = """
    INSERT INTO temp.holding_trades VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (stream) DO UPDATE SET
        symbol = excluded.symbol, executed_at = excluded.executed_at, side = excluded.side, quantity = excluded.quantity,
        price = excluded.price, short = excluded.short"""
_DROP = "DELETE FROM temp.holding_trades WHERE stream = ?"
_IN_ORDER = """
    SELECT symbol, executed_at, side, quantity, price, short FROM temp.holding_trades
    ORDER BY symbol, executed_at, position"""
_CASH = (
    BucketBalanceStated, BucketBalanceRemoved, ExchangeRateQuoted, ExchangeRatesVoided, PortfolioValued,
    PortfolioValuationVoided,
)  # fmt: skip
_TRADES = (TradeExecuted, TradeCorrected, TradeVoided, SharesSplit, SharesSplitCorrected, SharesSplitVoided)


Reconciled = PositionReconciled | CashReconciled


class Break(Struct, frozen=True, kw_only=True):
    """A difference between two things that should agree. subject: of what; expected and found: as text, with units."""

    kind: str
    subject: str
    expected: str
    found: str
    reason: str


def reconcile(log: Log) -> tuple[list[Entry], list[Break]]:
    """Compare holdings and cash with what was reported; the entries to append and every break that stands open now."""
    findings: list[Reconciled] = [*_positions(log), *_cash(log)]
    entries = new_entries(log, findings, _stream)
    met = [
        Break(kind="entry", subject=name, expected=f"entered: {entered}", found=f"legacy: {legacy}", reason=_OTHERWISE)
        for name, entered, legacy in contradictions(log)
    ]
    return entries, [*(_break(event) for event in findings if not agrees(event)), *met]


def _pages(log: Log, topics: Collection[type[Event]]) -> Iterator[Stored]:
    after, names = 0, [topic_of(cls) for cls in topics]
    while page := log.read(after=after, topics=names, limit=_PAGE):
        yield from page
        after = page[-1].position


def holdings(log: Log) -> Iterator[tuple[str, str, Holding]]:
    """Every symbol ever traded, when it last was or its shares were split, and what is held by what the log says of both."""
    db = apsw.Connection("")
    db.execute(script("replay", "temp_trades.sql"))
    with db:
        for stored in _pages(log, _TRADES):
            event = events.decode(stored.topic, stored.state)
            found = move_of(event)
            if found is None:
                db.execute(_DROP, (stored.stream,))
                continue
            symbol, move = found
            price = event.price if isinstance(event, TradeExecuted) else move.per
            place = (stored.stream, stored.position, symbol, move.at)
            db.execute(_ADD, (*place, move.kind, str(move.quantity), str(price), int(move.short)))
    for symbol, moves in groupby(db.execute(_IN_ORDER), key=lambda row: row[0]):
        held, last = Holding(), ""
        for _, at, side, quantity, price, short in moves:
            held = _after(held, str(side), Decimal(quantity), Decimal(price), short=bool(short))
            last = last if at == UNKNOWN_TIME else at
        yield str(symbol), last, held


def _after(held: Holding, side: str, quantity: Decimal, price: Decimal, *, short: bool) -> Holding:
    if side == SPLIT:
        return after_split(held, quantity / price)
    return after_trade(held, side, quantity, price, short=short)


def _positions(log: Log) -> Iterator[PositionReconciled]:
    reported: dict[str, PositionReported] = {}
    ever = False
    for stored in _pages(log, [PositionReported, PositionNoLongerReported]):
        event, ever = events.decode(stored.topic, stored.state), True
        if isinstance(event, PositionReported):
            reported[event.symbol] = event
        elif isinstance(event, PositionNoLongerReported):
            reported.pop(event.symbol, None)
    if not ever:
        return
    derived = {symbol: (last, held) for symbol, last, held in holdings(log)}
    for symbol in sorted({*reported, *derived}):
        if not symbol.startswith("CASH:"):
            last, held = derived.get(symbol, ("", Holding()))
            yield _compared(symbol, last, held, reported.get(symbol))


def _compared(symbol: str, last: str, held: Holding, reported: PositionReported | None) -> PositionReconciled:
    quantity = reported.quantity if reported else None
    return PositionReconciled(
        occurred_at=(reported.occurred_at if reported else None) or last or None,
        symbol=symbol,
        derived_quantity=held.quantity,
        reported_quantity=quantity,
        difference=(quantity or ZERO) - held.quantity,
        derived_avg_price=held.avg_price,
        reported_avg_price=reported.avg_price if reported else None,
        reason=_why(held, reported),
    )


def _why(held: Holding, reported: PositionReported | None) -> str:
    quantity = reported.quantity if reported else ZERO
    if quantity == held.quantity:
        if reported is None or not held.quantity or same_price(held.avg_price, reported.avg_price):
            return AGREES
        return "the broker's average price is not the average cost of the trades"
    if reported is None:
        return "the trades leave shares that the broker does not report: a split, a transfer or a sale is missing"
    if held.oversold:
        return "more was sold than the trades had bought: early trades are missing"
    return "the broker reports a quantity that the trades do not explain: trades are missing, or a split"


def _cash(log: Log) -> Iterator[CashReconciled]:
    told = _Cash()
    for stored in _pages(log, _CASH):
        told.take(events.decode(stored.topic, stored.state))
    newest = max((event.occurred_at or "" for event in told.balances.values()), default="")
    latest = told.valued[max(told.valued)] if told.valued else None
    if latest is None or not newest or not _comparable((latest.occurred_at or "")[:10], newest[:10]):
        return
    parts = [in_eur(one.balance, usable_rate(one.currency, told.rate(one.currency))) for one in told.balances.values()]
    known = [part for part in parts if part is not None]
    if len(known) == len(parts):
        yield _cash_compared(sum(known, ZERO), latest)


class _Cash:
    """What the log says of cash: balances by bucket and currency, the value of each day, and quotes by currency and day."""

    def __init__(self) -> None:
        self.balances: dict[tuple[str, str], BucketBalanceStated] = {}
        self.valued: dict[Date, PortfolioValued] = {}
        self._quotes: dict[str, dict[Date, Decimal]] = {}

    def take(self, event: Event) -> None:
        match event:
            case BucketBalanceStated():
                self.balances[event.bucket_id, event.currency] = event
            case BucketBalanceRemoved():
                self.balances.pop((event.bucket_id, event.currency), None)
            case ExchangeRateQuoted() if event.to_currency == EUR:
                of_days = self._quotes.setdefault(event.from_currency, {})
                day = (event.occurred_at or "")[:10]
                of_days.pop(day, None)  # so that it stands last
                of_days[day] = event.rate
            case ExchangeRatesVoided() if event.to_currency == EUR:
                self._quotes.get(event.from_currency, {}).pop(event.date, None)
            case PortfolioValued():
                before = self.valued.setdefault(event.occurred_at or "", event)
                self.valued[event.occurred_at or ""] = max(event, before, key=_snapshot_order)
            case PortfolioValuationVoided():
                self.valued.pop(event.occurred_at or "", None)

    def rate(self, currency: str) -> Decimal | None:
        """The quote that came last."""
        return next(reversed(self._quotes.get(currency, {}).values()), None)


def _comparable(valued: Date, stated: Date) -> bool:
    """Whether a snapshot can speak about balances: it is not older than they are, a weekend aside."""
    return date.fromisoformat(valued) >= date.fromisoformat(stated) - timedelta(days=WEEKEND_DAYS)


def _snapshot_order(event: PortfolioValued) -> tuple[str, str, bool]:
    return event.occurred_at or "", event.created_at or "", event.copy is None


def _cash_compared(derived: Decimal, snapshot: PortfolioValued) -> CashReconciled:
    difference = snapshot.cash_balance - derived
    return CashReconciled(
        occurred_at=snapshot.occurred_at,
        date=(snapshot.occurred_at or "")[:10],
        derived_eur=derived,
        reported_eur=snapshot.cash_balance,
        difference_eur=difference,
        reason=AGREES if abs(difference) <= CASH_TOLERANCE else "the buckets do not add up to the reported cash",
    )


def _stream(event: Reconciled) -> str:
    return stream("reconciliation", event.symbol if isinstance(event, PositionReconciled) else "cash")


def _break(event: Reconciled) -> Break:
    if isinstance(event, PositionReconciled):
        return Break(
            kind="position",
            subject=event.symbol,
            expected=f"{plain(event.derived_quantity)} shares at {plain(event.derived_avg_price)} from the trades",
            found="no position reported"
            if event.reported_quantity is None
            else f"{plain(event.reported_quantity)} shares at {plain(event.reported_avg_price)} reported",
            reason=event.reason,
        )
    return Break(
        kind="cash",
        subject=event.date,
        expected=f"{plain(event.derived_eur)} EUR in the buckets",
        found=f"{plain(event.reported_eur)} EUR reported",
        reason=event.reason,
    )
