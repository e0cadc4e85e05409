"""Rows of a feed on their way into blocks: gathered by series, encoded column by column."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from domain.event import Event, encode, topic_of
from domain.market import MICROSECONDS, BarsRecorded, TicksRecorded, Unit, bars_stream, ticks_stream
from domain.moments import Instant, instant
from domain.prices import BLOCK_MAX, Column

Number = int | float | None
Row = tuple[Number, ...]
"""Microseconds after midnight of the session, and then the values in the order of BAR or TICK."""

BAR: Final = ("open", "high", "low", "close", "volume", "is_synthetic", "open_interest")
TICK: Final = ("price", "volume", "bid", "ask")

Kind = Literal["tick", "bar"]


class SeriesKey(NamedTuple):
    """What a series is of. timeframe: '' for ticks."""

    exchange: str
    symbol: str
    session: str
    timeframe: str

    @property
    def stream(self) -> str:
        """Where its blocks stand in the log."""
        if self.timeframe:
            return bars_stream(self.exchange, self.symbol, self.timeframe, self.session)
        return ticks_stream(self.exchange, self.symbol, self.session)


class Series:
    """The rows of one series that are not in the log yet. last: the newest row, which an immediate repeat is compared with."""

    __slots__ = ("key", "last", "rows", "zone")

    def __init__(self, key: SeriesKey, zone: ZoneInfo, last: Row | None) -> None:
        self.key, self.zone, self.last = key, zone, last
        self.rows: list[Row] = []

    def take(self, *, whole: bool) -> list[Row]:
        """The rows, which are no longer held here; only full blocks of them unless `whole`."""
        count = len(self.rows) if whole else len(self.rows) // BLOCK_MAX * BLOCK_MAX
        taken, self.rows = self.rows[:count], self.rows[count:]
        return taken


class Block(NamedTuple):
    """A block as the log takes it."""

    stream: str
    topic: str
    state: bytes


def blocks(key: SeriesKey, zone: ZoneInfo, rows: Sequence[Row], sequence: int) -> Iterator[Block]:
    """Encode the rows of a series. sequence: the number of the first, where the rows are ticks."""
    for start in range(0, len(rows), BLOCK_MAX):
        part = rows[start : start + BLOCK_MAX]
        event = _event(key, zone, part, sequence + start)
        yield Block(key.stream, topic_of(type(event)), encode(event))


def _event(key: SeriesKey, zone: ZoneInfo, rows: Sequence[Row], sequence: int) -> Event:
    times, *values = map(list, zip(*rows, strict=True))
    unit, factor = _unit_of(times)
    head: dict[str, Any] = {  # fields of different types
        "occurred_at": moment_of(key.session, zone, min(times)), "symbol": key.symbol, "exchange": key.exchange,
        "session": key.session, "zone": zone.key, "unit": unit, "count": len(rows),
        "time": times if factor == 1 else [time // factor for time in times],
    }  # fmt: skip
    head |= zip(BAR if key.timeframe else TICK, map(_once, values), strict=True)
    if key.timeframe:
        return BarsRecorded(timeframe=key.timeframe, **head)
    return TicksRecorded(sequence=sequence, **head)


def moment_of(session: str, zone: ZoneInfo, microseconds: int) -> Instant:
    """The moment that lies so long after midnight of a date by the clocks of a zone."""
    return instant(datetime.fromisoformat(session).replace(tzinfo=zone) + timedelta(microseconds=microseconds))


def _unit_of(times: Sequence[int]) -> tuple[Unit, int]:
    """The largest unit in which all times are whole, and how many microseconds it has."""
    if any(time % 1_000 for time in times):
        return "us", 1
    if any(time % 1_000_000 for time in times):
        return "ms", 1_000
    return "s", 1_000_000


def _once(column: list[int | float | str | None]) -> Column:
    """A column whose values are all equal is that value once; 1 and 1.0 are not equal here."""
    first = column[0]
    if column.count(first) == len(column) and len(set(map(type, column))) == 1:
        return first
    return column


class _LastTicks(msgspec.Struct):
    """What is asked of the newest block of a series of ticks."""

    sequence: int | list[int]
    count: int


def next_number(states: Sequence[str | bytes]) -> int:
    """The number of the next tick of a series, of which these are all blocks in the log."""
    numbers = [0]
    for state in states:
        one = _last_ticks(state)
        numbers.append(max(one.sequence) if isinstance(one.sequence, list) else one.sequence + one.count - 1)
    return max(numbers) + 1


_last_ticks = msgspec.json.Decoder(_LastTicks).decode


def last_row(event: Event) -> Row | None:
    """The last row of a block, in the form in which a feed compares it; None when it is of another kind."""
    if not isinstance(event, BarsRecorded | TicksRecorded):
        return None
    factor = MICROSECONDS[event.unit]
    names = BAR if isinstance(event, BarsRecorded) else TICK
    values = (getattr(event, name) for name in names)
    return (event.time[-1] * factor, *(column[-1] if isinstance(column, list) else column for column in values))
