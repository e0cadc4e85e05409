"""Candles and ticks as tables of `cli audit`: derived from blocks in the log, and as day files and live buffer show them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import repeat
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

import msgspec

from domain.errors import LedgerError
from domain.event import decode, topic_of
from domain.market import (
    BarsRecorded,
    BarsVoided,
    MarketBlock,
    TicksRecorded,
    TicksVoided,
    bars_stream,
    exchange_of,
    known_by,
    microseconds,
    ticks_stream,
)
from domain.moments import Instant, zone
from domain.prices import each
from ledger.concerning import STREAM, Sought, Value
from ledger.log import Log, Stored
from operations import market_now

MODEL: Final = "trading-bot/market-data"
_NUMBER = re.compile(r"\d{1,18}")
_TIME = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?")
_LOCAL = zone("Asia/Kolkata")
_MIDNIGHT: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DATE = len("2026-02-03")
_PAGE = 500
_NEAR_MAX = 3

Row = tuple[Any, ...]  # the cells of any table


class Live(NamedTuple):
    """The rows that are shown now. position: of the last event that they know of. trouble: why there are none."""

    rows: list[Row]
    position: int
    trouble: str = ""


_Voided = BarsVoided | TicksVoided


class _Kind(NamedTuple):
    """One of the two tables. series: the columns that name a series within a session, row: the one that names its row."""

    table: str
    columns: tuple[str, ...]
    series: tuple[str, ...]
    row: str
    block: type[MarketBlock]
    voided: type[_Voided]
    stream: Callable[[Mapping[str, Value]], str]

    @property
    def key(self) -> tuple[str, ...]:
        return (*self.series, self.row)

    @property
    def topics(self) -> frozenset[str]:
        return frozenset({topic_of(self.block), topic_of(self.voided)})


def _bars_of(key: Mapping[str, Value]) -> str:
    symbol = str(key["symbol"])
    return bars_stream(exchange_of(symbol), symbol, str(key["timeframe"]), str(key["session"]))


def _ticks_of(key: Mapping[str, Value]) -> str:
    symbol = str(key["symbol"])
    return ticks_stream(exchange_of(symbol), symbol, str(key["session"]))


_PRICES = ("open", "high", "low", "close", "volume", "is_synthetic", "open_interest")
_QUOTES = ("price", "volume", "bid", "ask")
_KINDS: Final = {
    "candles": _Kind(
        "candles", ("symbol", "timeframe", "session", "time", *_PRICES), ("symbol", "timeframe", "session"), "time",
        BarsRecorded, BarsVoided, _bars_of,
    ),
    "ticks": _Kind(
        "ticks", ("symbol", "session", "sequence", "time", *_QUOTES), ("symbol", "session"), "sequence", TicksRecorded,
        TicksVoided, _ticks_of,
    ),
}  # fmt: skip
NAMES: Final = tuple(f"{MODEL}.{table}" for table in _KINDS)


class MarketTable:
    """Candles, by symbol, timeframe, session and time by the exchange's clocks, or ticks, by symbol, session and sequence."""

    def __init__(self, table: str) -> None:
        self._kind = _KINDS[table]
        self.name = f"{MODEL}.{table}"
        self.columns, self.keys, self.topics = self._kind.columns, (self._kind.key,), self._kind.topics

    def parted(self, values: Sequence[str]) -> list[str]:
        """The cells of a key, of which session and time may have been written as one."""
        place = self._kind.series.index("session")
        if self._kind.row != "time" or len(values) <= place or len(values[place]) <= _DATE:
            return list(values)
        try:
            moment = datetime.fromisoformat(values[place])
        except ValueError:
            return list(values)
        local = moment.astimezone(_LOCAL) if moment.tzinfo else moment
        return [*values[:place], local.date().isoformat(), local.time().isoformat(), *values[place + 1 :]]

    def cells(self, column: str, text: str) -> list[Value]:
        """What a cell of the key may be that the user writes so."""
        if column == "sequence":
            return [int(text)] if _NUMBER.fullmatch(text) else []
        if column == "time" and (said := _TIME.fullmatch(text)):
            hour, minute, second, rest = said.groups(default="0")
            return [_clock(((int(hour) * 60 + int(minute)) * 60 + int(second)) * 10**6 + int(rest.ljust(6, "0")))]
        return [text]

    def sought(self, key: Mapping[str, Value]) -> list[Sought]:
        """The events that can concern the rows of this key."""
        if all(column in key for column in self._kind.series):
            return [Sought(self.topics, {STREAM: self._kind.stream(key)})]
        return [Sought(self.topics, {name: value for name, value in key.items() if name in self._kind.series})]

    def past(self, log: Log, as_of: Instant | None, *, since: Instant = "") -> MarketPast:  # noqa: ARG002 - as other tables
        """The table before anything happened; put in only what had happened."""
        return MarketPast(self._kind, as_of)

    def rows_of(self, block: MarketBlock) -> Iterator[Mapping[str, Value]]:
        """The keys of a block's rows."""
        for row in _rows(self._kind, block):
            yield dict(zip(self._kind.key, _key_of(self._kind, row), strict=True))

    def live(self, home: Path, log: Log, key: Mapping[str, Value]) -> Live:  # noqa: ARG002 - as others
        """The rows that day file and live buffer show now."""
        if not all(column in key for column in self._kind.series):
            return Live([], 0, "the session is not named")
        return Live(*market_now.rows(home, self._kind.table, key, self.columns))

    def near(self, log: Log, key: Mapping[str, Value]) -> list[str]:
        """Cells that are there, for the first of the key that is not."""
        known: dict[str, set[str]] = {column: set() for column in self._kind.key}
        for about in _abouts(log, self.topics):
            for column in self._kind.series:
                known[column].add(str(getattr(about, column)))
                if getattr(about, column) != key.get(column, getattr(about, column)):
                    break
        missing = next((one for one in self._kind.series if one in key and str(key[one]) not in known[one]), None)
        if missing is None:
            return []
        wanted = str(key[missing])
        there = sorted(known[missing])
        after = [one for one in there if one >= wanted[:1]]
        alike = [one for one in there if wanted in one or one.startswith(wanted[:_DATE])]
        return (alike or after or there)[:_NEAR_MAX]


class MarketPast:
    """Candles or ticks as some events make them. Of what was recorded for one key the newest counts, a copy last of all."""

    def __init__(self, kind: _Kind, as_of: Instant | None) -> None:
        self.columns, self.topics = kind.columns, kind.topics
        self._kind, self._as_of = kind, as_of
        self._found: dict[tuple[Value, ...], tuple[tuple[bool, int, int], Row | None]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Drop it."""
        self._found = {}

    def put(self, events: Sequence[Stored]) -> None:
        """Let these events happen."""
        for stored in events:
            if stored.topic not in self.topics:
                continue
            event = decode(stored.topic, stored.state)
            if isinstance(event, _Voided):
                for place, key in enumerate(_voided(event)):
                    self._take(key, (True, stored.position, place), None)
            elif isinstance(event, MarketBlock):
                block = known_by(event, self._as_of) if self._as_of else event
                for place, row in enumerate(_rows(self._kind, block)):
                    self._take(_key_of(self._kind, row), (block.copy is None, stored.position, place), row)

    def _take(self, key: tuple[Value, ...], rank: tuple[bool, int, int], row: Row | None) -> None:
        before = self._found.get(key)
        if before is None or before[0] < rank:
            self._found[key] = (rank, row)

    def rows(self, key: Mapping[str, Value] | None = None) -> Iterator[Row]:
        """The rows in which these columns hold these values, in the order of the key."""
        wanted = dict(key or {})
        if len(wanted) == len(self._kind.key):
            found = self._found.get(tuple(wanted[column] for column in self._kind.key))
            yield from [] if found is None or found[1] is None else [found[1]]
            return
        places = [(self.columns.index(column), value) for column, value in wanted.items()]
        for _, (_, row) in sorted(self._found.items(), key=lambda one: one[0]):
            if row is not None and all(row[place] == value for place, value in places):
                yield row


def table_of(block: MarketBlock) -> MarketTable:
    """The table that shows a block."""
    return MarketTable("candles" if isinstance(block, BarsRecorded) else "ticks")


def check_named(table: object, key: Mapping[str, Value]) -> None:
    """Refuse to derive the bars or ticks of all instruments at once; raises LedgerError."""
    if isinstance(table, MarketTable) and "symbol" not in key:
        raise LedgerError(
            f"{table.name} holds every instrument", hint=f"Name one, or more of the key: {' '.join(table.keys[0])}."
        )


def _rows(kind: _Kind, block: MarketBlock) -> Iterator[Row]:
    assert isinstance(block, BarsRecorded | TicksRecorded)
    times = (_clock(time) for time in microseconds(block))
    if isinstance(block, BarsRecorded):
        values = (block.open, block.high, block.low, block.close, block.volume)
        synthetic = (bool(one or 0) for one in each(block.is_synthetic, block.count))
        columns = [*(each(one, block.count) for one in values), synthetic, each(block.open_interest, block.count)]
        head: list[Iterable[Value]] = [repeat(block.symbol), repeat(block.timeframe), repeat(block.session), times]
    else:
        columns = [each(one, block.count) for one in (block.price, block.volume, block.bid, block.ask)]
        head = [repeat(block.symbol), repeat(block.session), block.numbers, times]
    assert len(head) + len(columns) == len(kind.columns)
    return iter(zip(*head, *columns, strict=False))


def _key_of(kind: _Kind, row: Row) -> tuple[Value, ...]:
    return row[: len(kind.key)]


def _voided(event: _Voided) -> Iterator[tuple[Value, ...]]:
    if isinstance(event, BarsVoided):
        yield from ((event.symbol, event.timeframe, event.session, _clock(time)) for time in microseconds(event))
    else:
        yield from ((event.symbol, event.session, number) for number in event.sequence)


def _clock(time: int) -> str:
    """A time of day, given in microseconds: 09:15:00, with a fraction where it has one."""
    return (_MIDNIGHT + timedelta(microseconds=time)).time().isoformat()


class _About(msgspec.Struct, gc=False):
    symbol: str
    session: str
    timeframe: str = ""


_about = msgspec.json.Decoder(_About).decode


def _abouts(log: Log, topics: Collection[str]) -> Iterator[_About]:
    after, through = 0, log.head().position
    while page := log.states(after=after, through=through, topics=topics, limit=_PAGE):
        yield from (_about(state) for _, _, state, _ in page)
        after = page[-1][0]
