"""Reconciliation: what the log's own facts imply, beside what the broker reported. Differences become events, never edits."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby

import apsw
from msgspec import Struct

from domain import event as events
from domain.event import Event, topic_of
from domain.holdings import Holding, after_trade, counts_as_holding, same_price
from domain.moments import Date
from domain.money import EUR, in_eur, usable_rate
from domain.portfolio import (
    CashReconciled,
    PortfolioValued,
    PositionNoLongerReported,
    PositionReconciled,
    PositionReported,
)
from domain.prices import ExchangeRateQuoted
from domain.satellites import BucketBalanceRemoved, BucketBalanceStated
from domain.streams import stream
from domain.trading import TradeCorrected, TradeExecuted, TradeVoided
from ledger.log import Entry, Log, Stored
from migrations import script

ZERO = Decimal(0)
CASH_TOLERANCE = Decimal("0.01")
WEEKEND_DAYS = 3
_PAGE = 5_000
_ADD = "INSERT OR REPLACE INTO temp.holding_trades VALUES (?, ?, ?, ?, ?, ?, ?)"
_DROP = "DELETE FROM temp.holding_trades WHERE stream = ?"
_IN_ORDER = (
    "SELECT symbol, executed_at, side, quantity, price FROM temp.holding_trades ORDER BY symbol, executed_at, position"
)


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
    entries = [_entry(event) for event in findings if _is_news(log, event)]
    return entries, [_break(event) for event in findings if not _agrees(event)]


def _pages(log: Log, topics: Collection[type[Event]]) -> Iterator[Stored]:
    after, names = 0, [topic_of(cls) for cls in topics]
    while page := log.read(after=after, topics=names, limit=_PAGE):
        yield from page
        after = page[-1].position


def holdings(log: Log) -> Iterator[tuple[str, str, Holding]]:
    """Symbol, time of the last trade, and what the trades of the log say is held, for every symbol ever traded."""
    db = apsw.Connection("")
    db.execute(script("replay", "temp_trades.sql"))
    with db:
        for stored in _pages(log, [TradeExecuted, TradeCorrected, TradeVoided]):
            trade = events.decode(stored.topic, stored.state)
            if isinstance(trade, TradeExecuted) and counts_as_holding(trade.symbol, trade.mode, trade.order_id):
                at = trade.occurred_at or stored.recorded_at
                row = (
                    stored.stream,
                    stored.position,
                    trade.symbol,
                    at,
                    trade.side,
                    str(trade.quantity),
                    str(trade.price),
                )
                db.execute(_ADD, row)
            else:
                db.execute(_DROP, (stored.stream,))
    for symbol, trades in groupby(db.execute(_IN_ORDER), key=lambda row: row[0]):
        held, last = Holding(), ""
        for _, last, side, quantity, price in trades:  # noqa: B007 - the last time is wanted after the loop
            held = after_trade(held, side, Decimal(quantity), Decimal(price))
        yield str(symbol), last, held


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
            return "agrees"
        return "the broker's average price is not the average cost of the trades"
    if reported is None:
        return "the trades leave shares that the broker does not report: a split, a transfer or a sale is missing"
    if held.oversold:
        return "more was sold than the trades had bought: early trades are missing"
    return "the broker reports a quantity that the trades do not explain: trades are missing, or a split"


def _cash(log: Log) -> Iterator[CashReconciled]:
    balances: dict[tuple[str, str], BucketBalanceStated] = {}
    rates: dict[str, Decimal] = {}
    latest: PortfolioValued | None = None
    for stored in _pages(log, [BucketBalanceStated, BucketBalanceRemoved, ExchangeRateQuoted, PortfolioValued]):
        event = events.decode(stored.topic, stored.state)
        if isinstance(event, BucketBalanceStated):
            balances[event.bucket_id, event.currency] = event
        elif isinstance(event, BucketBalanceRemoved):
            balances.pop((event.bucket_id, event.currency), None)
        elif isinstance(event, ExchangeRateQuoted) and event.to_currency == EUR:
            rates[event.from_currency] = event.rate
        elif isinstance(event, PortfolioValued) and (not latest or _snapshot_order(event) >= _snapshot_order(latest)):
            latest = event
    newest = max((event.occurred_at or "" for event in balances.values()), default="")
    if latest is None or not newest or not _comparable((latest.occurred_at or "")[:10], newest[:10]):
        return
    parts = [in_eur(one.balance, usable_rate(one.currency, rates.get(one.currency))) for one in balances.values()]
    known = [part for part in parts if part is not None]
    if len(known) == len(parts):
        yield _cash_compared(sum(known, ZERO), latest)


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
        reason="agrees" if abs(difference) <= CASH_TOLERANCE else "the buckets do not add up to the reported cash",
    )


def _stream(event: Reconciled) -> str:
    return stream("reconciliation", event.symbol if isinstance(event, PositionReconciled) else "cash")


def _agrees(event: Reconciled) -> bool:
    return event.reason == "agrees"


def _is_news(log: Log, event: Reconciled) -> bool:
    """A break that was not recorded like this before, or the end of one."""
    before = log.stream(_stream(event))
    if not before:
        return not _agrees(event)
    last = events.decode(before[-1].topic, before[-1].state)
    if isinstance(last, PositionReconciled | CashReconciled) and _agrees(last) and _agrees(event):
        return False
    return events.encode(last) != events.encode(event)


def _entry(event: Reconciled) -> Entry:
    return Entry(_stream(event), topic_of(type(event)), events.encode(event))


def _break(event: Reconciled) -> Break:
    if isinstance(event, PositionReconciled):
        return Break(
            kind="position",
            subject=event.symbol,
            expected=f"{_plain(event.derived_quantity)} shares at {_plain(event.derived_avg_price)} from the trades",
            found="no position reported"
            if event.reported_quantity is None
            else f"{_plain(event.reported_quantity)} shares at {_plain(event.reported_avg_price)} reported",
            reason=event.reason,
        )
    return Break(
        kind="cash",
        subject=event.date,
        expected=f"{_plain(event.derived_eur)} EUR in the buckets",
        found=f"{_plain(event.reported_eur)} EUR reported",
        reason=event.reason,
    )


def _plain(number: Decimal | None) -> str:
    return "no price" if number is None else f"{number.normalize():f}"
