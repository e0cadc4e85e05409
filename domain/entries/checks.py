"""Checks of single fields: what no standing is needed for. Each raises Refused with the name of its rule."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import datetime
from decimal import Decimal
from functools import lru_cache

from domain.currencies import KNOWN
from domain.entries.base import Clock
from domain.entries.refusal import Refused
from domain.moments import Instant, Moment, instant, is_date

_FIRST = "1970-01-01"
_DIGITS_MAX = 28
_LARGEST = 18
_SYMBOL = re.compile(r"[^\s\x00-\x1f\x7f]+")
_CENT = Decimal("0.01")


def finite(name: str, value: Decimal | None) -> None:
    """A number that can be calculated with: no NaN, no infinity, not absurdly long."""
    if value is None:
        return
    if not value.is_finite():
        raise Refused("number", f"{name} is {value}")
    if len(str(value)) <= _LARGEST and abs(value.adjusted()) < _LARGEST:
        return  # most are, and the digits need not be looked at
    _, digits, exponent = value.as_tuple()
    if len(digits) > _DIGITS_MAX or value.adjusted() > _LARGEST or int(exponent) < -_DIGITS_MAX:
        raise Refused("number", f"{name} is too long to be calculated with: {str(value)[:40]}")


def positive(name: str, value: Decimal) -> None:
    """A finite number above zero."""
    finite(name, value)
    if value <= 0:
        raise Refused("positive", f"{name} is {value}")


def not_negative(name: str, value: Decimal | None) -> None:
    """A finite number that is not below zero."""
    finite(name, value)
    if value is not None and value < 0:
        raise Refused("positive", f"{name} is {value}")


def fraction(name: str, value: Decimal | None) -> None:
    """A number from 0 to 1."""
    finite(name, value)
    if value is not None and not 0 <= value <= 1:
        raise Refused("fraction", f"{name} is {value}")


def currency(name: str, code: str) -> None:
    """A currency that exists."""
    if code not in KNOWN:
        raise Refused("currency", f"{name} {code!r} is not known")


def symbol(text: str) -> None:
    """A symbol: no blanks, nothing that does not print."""
    if not _SYMBOL.fullmatch(text):
        raise Refused("symbol", f"{text!r} is not a symbol")


def text(name: str, value: str | None) -> None:
    """A text that says something, and that can be written."""
    if value is not None and (not value.strip() or not value.isprintable()):
        raise Refused("text", f"{name} is {value!r}")


def choice(name: str, value: str | None, allowed: Collection[str]) -> None:
    """One of a few words."""
    if value is not None and value not in allowed:
        raise Refused("choice", f"{name} is {value!r}; allowed are {', '.join(sorted(allowed))}")


def ordered(name: str, low: Decimal | None, high: Decimal | None) -> None:
    """The smaller limit is not above the larger one."""
    if low is not None and high is not None and low > high:
        raise Refused("limits", f"{name}: {low} is above {high}")


def moment(given: str | None, clock: Clock, *, name: str = "at") -> Instant:
    """When it happened, as the log writes it; now when nobody says."""
    return clock.now if given is None else _sane(_read(given, name), clock, name)


def day_or_moment(given: str | None, clock: Clock, *, name: str = "at") -> Moment:
    """The same for what may be known to the day only."""
    if given is not None and is_date(given):
        return _sane(given, clock, name)
    return moment(given, clock, name=name)


def day(given: str, clock: Clock, *, name: str = "date") -> str:
    """A calendar date."""
    if not is_date(given):
        raise Refused("time", f"{name} {given!r} is not a date", hint="Write 2026-11-20.")
    return _sane(given, clock, name)


def _sane(found: Moment, clock: Clock, name: str) -> Moment:
    if not _FIRST <= found <= clock.latest:
        raise Refused("time", f"{name} {found} is {'before 1970' if found < _FIRST else 'in the future'}")
    return found


@lru_cache(maxsize=4096)
def _read(given: str, name: str) -> Instant:
    return later(given, name)


def later(given: str, name: str) -> Instant:
    """A moment that may lie in the future, such as when something expires."""
    try:
        stamp = datetime.fromisoformat(given)
        if stamp.tzinfo is None:
            raise Refused("time", f"{name} {given!r} has no time zone")
        return instant(stamp)
    except (ValueError, OverflowError) as error:
        raise Refused("time", f"{name} {given!r} is not a moment") from error
