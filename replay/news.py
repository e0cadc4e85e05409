"""What a comparison found, told in the log only where that is new."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import TypeVar

from domain import event as events
from domain.event import Event, topic_of
from ledger.log import Entry, Log

AGREES = "agrees"
"""The reason that a finding gives when nothing differs, or not any more."""

Found = TypeVar("Found", bound=Event)


def new_entries(log: Log, found: Iterable[Found], stream_of: Callable[[Found], str]) -> list[Entry]:
    """Of these findings those that say something else than the newest of their stream; at first that all agrees is no news."""
    return [
        Entry(stream_of(one), topic_of(type(one)), events.encode(one))
        for one in found
        if _is_news(log, stream_of(one), one)
    ]


def agrees(event: Event) -> bool:
    """Whether a finding says that nothing differs."""
    return getattr(event, "reason", None) == AGREES


def plain(number: Decimal | None) -> str:
    """A number in a sentence about a difference."""
    return "no price" if number is None else f"{number.normalize():f}"


def _is_news(log: Log, name: str, event: Event) -> bool:
    before = log.stream(name)
    if not before:
        return not agrees(event)
    last = events.decode(before[-1].topic, before[-1].state)
    if agrees(last) and agrees(event):
        return False
    return events.encode(last) != events.encode(event)
