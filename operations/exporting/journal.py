"""A journal before it has a syntax: entries of postings that add up to zero, prices, and what must stand at its end."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from msgspec import Struct, field

from operations.exporting.lots import Lot

_LAST_DAY = date(9999, 12, 30)  # a balance is stated on the day after
_MOMENT = re.compile(r"(\d{4})-(\d\d)(?:-(\d\d))?")


class At(NamedTuple):
    """What a number of units is worth: `unit` of a currency each, `total` (positive) together, with eight decimals.

    opened: the day of a lot that is older than the entry. is_cost: held at that cost, not exchanged.
    """

    unit: Decimal
    currency: str
    total: Decimal
    opened: date | None = None
    is_cost: bool = False


class Posting(NamedTuple):
    """Units of a commodity into an account, out of it when negative. sale: the trade by which a lot goes."""

    account: str
    number: Decimal
    commodity: str
    at: At | None = None
    sale: Lot | None = None


class Entry(NamedTuple):
    """One fact, booked. settled: False is shown as not complete. about: where it came from, and what was assumed."""

    date: date
    narration: str
    postings: list[Posting]
    about: Mapping[str, str]
    link: str = ""
    settled: bool = True


class Price(NamedTuple):
    """One unit of a commodity was worth so much on a day."""

    date: date
    commodity: str
    number: Decimal
    currency: str


class Note(NamedTuple):
    """A line for the reader, which books nothing."""

    text: str


Item = Entry | Price | Note


class Closing(Struct):
    """What a journal needs at its end. accounts, commodities: the first day of each; originals: the symbol or currency that
    a commodity was made of; balances: account and commodity to units, folded from the facts and not from the postings.
    """

    accounts: dict[str, date] = field(default_factory=dict)
    commodities: dict[str, date] = field(default_factory=dict)
    originals: dict[str, str] = field(default_factory=dict)
    balances: dict[tuple[str, str], Decimal] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)
    last: date = date.min

    def see(self, day: date, accounts: Iterable[str], commodities: Iterable[str]) -> None:
        """Note that these are in use on a day."""
        self.last = max(self.last, day)
        for known, names in ((self.accounts, accounts), (self.commodities, commodities)):
            for name in names:
                known[name] = min(day, known.get(name, day))

    def add(self, account: str, commodity: str, number: Decimal) -> None:
        """Fold one movement into the balances."""
        key = (account, commodity)
        self.balances[key] = self.balances.get(key, Decimal(0)) + number

    def leave_out(self, reason: str) -> None:
        """Count a fact that is not booked."""
        self.left_out[reason] = self.left_out.get(reason, 0) + 1

    @property
    def day_after(self) -> date:
        """The day on which the balances are stated."""
        return self.last + timedelta(days=1)


OF_BOT = """\
; What the trading bot traded, which may have been on paper, stands in accounts of its own. Each fill buys or sells; what it
; closes is what was opened first, and what it sells beyond that is owed. A round trip of the first monolith is two entries,
; its exit closes what it opened itself, with its commission. Instruments are priced as they are quoted: no margin, no
; multiplier of a contract; a profit that the bot states and that the prices do not give is named (stated-profit). Orders,
; signals, backtests, and positions as the bot wrote them down move nothing and are not here. Days are those of the exchange.
"""
"""The part of the comment on top that is about the trading bot."""


class Style(NamedTuple):
    """How a journal is written. head: the comment on top, for these systems; closing: declarations and balances."""

    head: Callable[[Collection[str]], str]
    item: Callable[[Item], str]
    closing: Callable[[Closing], str]


def day_of(moment: str) -> tuple[date, bool]:
    """The day of a moment of the log, and whether it had to be assumed: no such day, or only the month is known."""
    found = _MOMENT.match(moment)
    assert found is not None, moment
    year, month, day = int(found[1]), int(found[2]), int(found[3] or 1)
    near_year, near_month = max(year, 1), min(max(month, 1), 12)
    # Days that do not exist are moved to the nearest one that keeps their order.
    wished = day if near_month == month else 1 if month < 1 else 31
    near_day = min(max(wished, 1), monthrange(near_year, near_month)[1])
    moved = date(near_year, near_month, near_day)
    return min(moved, _LAST_DAY), (near_year, near_month, near_day) != (year, month, day) or found[3] is None


def number_text(number: Decimal) -> str:
    """A number without an exponent, with two decimals at least and no zeros that say nothing."""
    whole, _, decimals = f"{number:f}".partition(".")
    text = f"{whole}.{decimals.rstrip('0'):0<2}"
    return text if number else text.lstrip("-")
