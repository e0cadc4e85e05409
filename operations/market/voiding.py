"""Taking back ticks and bars that were recorded and never were."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from domain.event import Event
from domain.market import (
    TIMEFRAME_MINUTES,
    BarsRecorded,
    BarsVoided,
    TicksRecorded,
    TicksVoided,
    exchange_of,
    microseconds,
)
from domain.moments import is_date
from domain.moments import zone as zone_of
from operations.market.blocks import SeriesKey, moment_of
from operations.market.checking import BadRow


class Void(NamedTuple):
    """What of a series is taken back. rows: of bars when they begin, in microseconds after midnight; of ticks their numbers."""

    key: SeriesKey
    zone: str
    rows: Sequence[int]
    reason: str

    def event(self, history: Iterable[Event]) -> tuple[int, BarsVoided | TicksVoided]:
        """When the first of them was, in microseconds after midnight, and the event. history: of their stream.

        Raises BadRow when one of them is not there.
        """
        key, there = self.key, _there(history)
        for row in self.rows:
            if row not in there:
                raise BadRow(
                    f"{key.symbol}: there is no {_named(self, row)} in the session {key.session}",
                    hint="Only what was recorded can be taken back, and only once.",
                )
        first = min(there[row] for row in self.rows)
        clocks = zone_of(self.zone)
        about: dict[str, Any] = {
            "occurred_at": moment_of(key.session, clocks, first), "symbol": key.symbol, "exchange": key.exchange,
            "session": key.session, "zone": self.zone, "reason": self.reason,
        }  # fmt: skip  # Any: given to either event
        if not key.timeframe:
            return first, TicksVoided(sequence=list(self.rows), **about)
        return first, BarsVoided(timeframe=key.timeframe, unit="us", time=list(self.rows), **about)


def bars_void(symbol: str, timeframe: str, times: Sequence[datetime], *, zone: str, reason: str) -> Void:
    """Take back the bars of a symbol that begin at these times, which are aware and of one session in `zone`."""
    if timeframe not in TIMEFRAME_MINUTES or not times or any(one.tzinfo is None for one in times):
        raise BadRow(f"{symbol}: no bars are named by {timeframe} and {times}", hint="Times have a zone.")
    clocks = zone_of(zone)
    local = [one.astimezone(clocks) for one in times]
    days = {one.date().isoformat() for one in local}
    if len(days) > 1:
        raise BadRow(f"{symbol}: {', '.join(sorted(days))} are several sessions", hint="Take them back one by one.")
    since = [((one.hour * 60 + one.minute) * 60 + one.second) * 1_000_000 + one.microsecond for one in local]
    return Void(SeriesKey(exchange_of(symbol), symbol, days.pop(), timeframe), zone, since, reason)


def ticks_void(symbol: str, session: str, numbers: Sequence[int], *, zone: str, reason: str) -> Void:
    """Take back the ticks with these numbers. session: a date such as 2026-11-20."""
    if not is_date(session) or not numbers:
        raise BadRow(f"{symbol}: no ticks are named by {session} and {numbers}", hint="A session is a date.")
    return Void(SeriesKey(exchange_of(symbol), symbol, session, ""), zone, numbers, reason)


def _named(void: Void, row: int) -> str:
    if not void.key.timeframe:
        return f"tick {row}"
    return f"{void.key.timeframe} bar of {timedelta(microseconds=row)}"


def _there(history: Iterable[Event]) -> dict[int, int]:
    """The rows of a series that were recorded and not taken back, each with its microseconds after midnight."""
    found = dict[int, int]()
    for event in history:
        if isinstance(event, BarsRecorded | TicksRecorded):
            times = microseconds(event)
            found |= zip(event.numbers if isinstance(event, TicksRecorded) else times, times, strict=True)
        elif isinstance(event, TicksVoided):
            for number in event.sequence:
                found.pop(number, None)
        elif isinstance(event, BarsVoided):
            for time in microseconds(event):
                found.pop(time, None)
    return found
