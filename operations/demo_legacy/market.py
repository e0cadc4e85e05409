"""Invented prices: one random walk of daily bars per security, the months they make, and the currency rates."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from math import exp

from operations.demo_legacy.catalogue import Security
from operations.demo_legacy.files import Row, seeded

LAST_DAY = date(2025, 12, 28)
BACKFILLED = "2025-11-15 02:10:07"
DAILY_RUNS = 30
# Foreign units for 1 EUR, the direction in which the legacy system kept them.
RATES = {"EUR": 1.0, "USD": 1.1774, "HKD": 9.1587, "GBP": 0.8724, "DKK": 7.4691}
DRIFT, CHEAP = 0.0003, 5.0
SATURDAY = 5


@dataclass(frozen=True, kw_only=True)
class Bars:
    """The daily bars of one security, column by column."""

    days: list[str]
    opens: list[float]
    highs: list[float]
    lows: list[float]
    closes: list[float]
    volumes: list[int]


def trading_days(years: int) -> list[str]:
    """List the weekdays of the years before the day on which the folder was copied."""
    day = LAST_DAY.replace(year=LAST_DAY.year - years) + timedelta(days=1)
    days = []
    while day <= LAST_DAY:
        if day.weekday() < SATURDAY:
            days.append(day.isoformat())
        day += timedelta(days=1)
    return days


def walk(security: Security, days: list[str]) -> Bars:
    """Walk at random from a price of its own; most prices have two decimals, some the noise of 32-bit floats."""
    rng = seeded("walk", security.symbol)
    gauss, chance = rng.gauss, rng.random
    price = 1.2 if security.number % 12 == 6 else 8 + 240 * chance()  # one in twelve costs little
    digits = 4 if price < CHEAP else 2
    swing = 0.008 + 0.014 * chance()
    opens, highs, lows, closes, volumes = [], [], [], [], []
    for _ in days:
        opening = price * (1 + swing * (chance() - 0.5))
        price *= exp(gauss(DRIFT, swing))
        spread = swing * chance()
        opens.append(round(opening, digits))
        highs.append(round(max(opening, price) * (1 + spread), digits))
        lows.append(round(min(opening, price) * (1 - spread), digits))
        closes.append(round(price, digits))
        volumes.append(1000 + int(2_000_000 * chance()))
    if security.number % 9 == 7:  # one in nine as Yahoo sent it
        opens, highs, lows, closes = (array("f", column).tolist() for column in (opens, highs, lows, closes))
    return Bars(days=days, opens=opens, highs=highs, lows=lows, closes=closes, volumes=volumes)


def daily_rows(bars: Bars, backfilled: str = BACKFILLED) -> list[Row]:
    """Give the bars the shape of daily_prices: one long import, then a run every morning."""
    runs = bars.days[-DAILY_RUNS:]
    mornings = [f"{date.fromisoformat(day) + timedelta(days=1)} 01:05:07" for day in runs]
    created = [backfilled] * (len(bars.days) - len(runs)) + mornings
    columns = (bars.days, bars.opens, bars.highs, bars.lows, bars.closes, bars.volumes)
    return list(zip(*columns, ["yahoo"] * len(created), created, strict=True))


def monthly_rows(days: list[str], closes: list[float], created: str = BACKFILLED) -> Iterator[Row]:
    """Give the averages of each month the shape of monthly_prices."""
    for month, group in groupby(zip(days, closes, strict=True), key=lambda pair: pair[0][:7]):
        values = [close for _, close in group]
        average = sum(values) / len(values)
        yield month, average, average, min(values), max(values), "calculated", created
