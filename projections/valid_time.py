"""A read model as of a moment: what had not happened by then is not shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from domain.event import Event
from domain.market import MarketBlock, known_by
from domain.moments import Instant
from domain.prices import DailyPricesRecorded, MonthlyPricesRecorded

# The column of a block that says when each row happened.
_KEYS: dict[type[Event], str] = {DailyPricesRecorded: "date", MonthlyPricesRecorded: "year_month"}


class _When(msgspec.Struct, gc=False):
    occurred_at: str | None = None


_when = msgspec.json.Decoder(_When).decode


def happened_by(as_of: Instant, state: str, recorded_at: str) -> bool:
    """Whether the event had happened."""
    return valid_time(state, recorded_at) <= as_of


def valid_time(state: str, recorded_at: str) -> str:
    """When the event happened; for one without a valid time its recorded time counts."""
    return _when(state).occurred_at or recorded_at


def is_block(kind: type[Event]) -> bool:
    """Whether such an event has rows of several days, so that a moment may fall between them."""
    return kind in _KEYS


def cut(event: Event, as_of: Instant, since: Instant = "") -> Event:
    """A block without the rows that are later, and without those up to `since`; any other event as it is."""
    if isinstance(event, MarketBlock):
        return known_by(event, as_of)
    key = _KEYS.get(type(event))
    if key is None:
        return event
    moments: Sequence[str] = getattr(event, key)
    shown = [since[: len(moment)] < moment <= as_of[: len(moment)] for moment in moments]
    if all(shown):
        return event
    changes = {
        name: _picked(column, shown)
        for name in event.__struct_fields__
        if isinstance(column := getattr(event, name), list)
    }
    return msgspec.structs.replace(event, **changes, count=sum(shown))


def _picked(column: Iterable[object], shown: Iterable[bool]) -> list[object]:
    return [value for value, is_shown in zip(column, shown, strict=True) if is_shown]
