"""What is void by day, and what may be void only when nothing depends on it: prices, exchange rates, buckets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Literal, NamedTuple

from domain.advice import CacheEntryStored
from domain.entries.base import Fact, Mode, Standing
from domain.entries.buckets import CORE, EMPTY, balances, described
from domain.entries.refusal import Refused
from domain.event import Event
from domain.moments import Instant
from domain.portfolio import CashReconciled, PositionReconciled, PositionReported
from domain.prices import DailyPricesRecorded, ExchangeRateQuoted, ExchangeRatesVoided, PriceBlock, PricesVoided
from domain.satellites import BucketBalanceRemoved, BucketBalanceStated, BucketCashMoved, BucketDescribed
from domain.streams import stream
from domain.trading import ReinvestmentTracked

_DAY = len("2026-01-31")

WHY_NOT: dict[type[Event], str] = {
    BucketCashMoved: "void the cash flow that moved it, or transfer it back",
    PositionReported: "it is what the broker said; the next report takes its place",
    PositionReconciled: "it is what a comparison found; correct or void what was compared",
    CashReconciled: "it is what a comparison found; correct or void what was compared",
    ReinvestmentTracked: "it is a running total of the legacy system; the next one takes its place",
    CacheEntryStored: "it is a value that a program kept for a while; nothing is counted from it",
}
"""Why something that is recorded cannot be void."""


class Days(NamedTuple):
    """What a stream holds by day: standing days, the first moment of each; `ever` also those that are void by now."""

    standing: dict[str, str]
    ever: frozenset[str]


def is_by_day(history: Sequence[Event]) -> bool:
    """Whether the stream is a series of which single days are void, and not the whole."""
    return any(isinstance(one, PriceBlock | ExchangeRateQuoted) for one in history)


def days_void(name: str, history: Sequence[Event], dates: Sequence[str], reason: str) -> list[Fact]:
    """The end of these days of a series; of a pair of currencies the newest quote's when none is named."""
    days = _days_of(history)
    wanted = sorted({*dates})
    if unknown := [day for day in wanted if day not in days.ever]:
        raise Refused("unknown", f"{name} has nothing of {', '.join(unknown)}", hint="Name days that it has.")
    first = next(one for one in reversed(history) if isinstance(one, PriceBlock | ExchangeRateQuoted))
    if isinstance(first, PriceBlock):
        if not wanted:
            raise Refused("shape", f"{name} holds many prices", hint="Name the days, or months, that are void: --date.")
        gone = [day for day in wanted if day in days.standing]
        return [Fact(name, _prices_void(first, gone, reason), Mode.CHANGE)] if gone else []
    if not wanted:
        wanted = [max(days.standing)] if days.standing else []
    return [
        Fact(
            name,
            ExchangeRatesVoided(
                occurred_at=days.standing[day], from_currency=first.from_currency, to_currency=first.to_currency, date=day,
                reason=reason,
            ),
            Mode.CHANGE,
        )
        for day in wanted
        if day in days.standing
    ]  # fmt: skip


def _prices_void(block: PriceBlock, dates: list[str], reason: str) -> PricesVoided:
    interval: Literal["1d", "1mo"] = "1d" if isinstance(block, DailyPricesRecorded) else "1mo"
    return PricesVoided(occurred_at=dates[0], symbol=block.symbol, interval=interval, dates=dates, reason=reason)


def _days_of(history: Iterable[Event]) -> Days:
    standing: dict[str, str] = {}
    ever: set[str] = set()
    for event in history:
        if isinstance(event, PricesVoided | ExchangeRatesVoided):
            for day in event.dates if isinstance(event, PricesVoided) else (event.date,):
                standing.pop(day, None)
            continue
        for moment in _moments(event):
            day = moment[:_DAY]
            standing[day] = min(moment, standing.get(day, moment))
            ever.add(day)
    return Days(standing, frozenset(ever))


def _moments(event: Event) -> Sequence[str]:
    if isinstance(event, ExchangeRateQuoted):
        return [event.occurred_at] if event.occurred_at else []
    keys: list[str] = getattr(event, "date" if isinstance(event, DailyPricesRecorded) else "year_month", [])
    return keys


def with_bucket(held: Event, standing: Standing, at: Instant) -> list[Fact]:
    """What goes with a bucket that never was: its empty balances. Refused when it is the core, or holds cash."""
    if isinstance(held, BucketBalanceStated):
        described(standing, held.bucket_id)
        _check_empty(held.bucket_id, {held.currency: held.balance})
    if not isinstance(held, BucketDescribed):
        return []
    if held.type == CORE:
        raise Refused("bucket-core", "the core cannot be void")
    found = balances(standing, held.id)
    _check_empty(held.id, found)
    return [
        Fact(
            stream("bucket-balance", held.id, currency),
            BucketBalanceRemoved(occurred_at=at, bucket_id=held.id, currency=currency),
            Mode.CHANGE,
        )
        for currency in sorted(found)
    ]


def _check_empty(bucket: str, held: dict[str, Decimal]) -> None:
    for currency, amount in held.items():
        if abs(amount) > EMPTY:
            raise Refused("bucket-cash", f"bucket {bucket} still holds {amount:f} {currency}")
