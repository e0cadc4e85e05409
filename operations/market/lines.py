"""`cli record ticks` and `cli record bars`: market data as JSON Lines, recorded as it comes in."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct, field

from domain.errors import LedgerError
from domain.market import exchange_of
from operations.market.blocks import Kind
from operations.market.checking import BadRow
from operations.market.feed import ZONE, Fed, MarketFeed
from operations.market.voiding import Void, bars_void, ticks_void
from operations.recording import Caught, caught_up, opened

BAD_MAX = 20
KNOWN_EXCHANGES = ("nse", "bse", "mcx")
Aware = Annotated[datetime, Meta(tz=True)]
Symbol = Annotated[str, Meta(min_length=1)]


class TickLine(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One tick. time: with its zone, or in milliseconds since 1970; volume: the quantity last traded."""

    symbol: Symbol
    time: Aware | int
    price: float
    volume: int | None = None
    bid: float | None = None
    ask: float | None = None


class BarLine(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One bar. time: its beginning, with its zone, or in milliseconds since 1970."""

    symbol: Symbol
    time: Aware | int
    timeframe: str = "1m"
    open: float
    high: float
    low: float
    close: float
    volume: int | None
    is_synthetic: bool = False
    open_interest: int | None = None


class TickVoidLine(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A tick that was recorded and never was. void: the reason."""

    symbol: Symbol
    session: str
    sequence: int
    void: str


class BarVoidLine(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A bar that was recorded and never was. void: the reason."""

    symbol: Symbol
    time: Aware | int
    timeframe: str = "1m"
    void: str


class BadLine(Struct, frozen=True):
    """A line that is no tick or bar."""

    line: int
    reason: str


class Lines(Struct, kw_only=True):
    """What was recorded of a file. bad: the first lines that were not; all of them are kept in the ledger as they are.

    without_volume: bars whose volume is null. unknown_exchanges: that symbols name, and their rows.
    """

    fed: Fed
    lines: int = 0
    bad_lines: int = 0
    bad: list[BadLine] = field(default_factory=list)
    without_volume: int = 0
    unknown_exchanges: dict[str, int] = field(default_factory=dict)
    models: list[Caught] | None = None

    @property
    def exit_code(self) -> int:
        """0 when every line was one, else 1."""
        return int(bool(self.bad_lines))


_tick = msgspec.json.Decoder(TickLine).decode
_bar = msgspec.json.Decoder(BarLine).decode
_tick_void = msgspec.json.Decoder(TickVoidLine).decode
_bar_void = msgspec.json.Decoder(BarVoidLine).decode


def record_lines(home: Path, source: Path, kind: Kind, *, catch_up: bool) -> Lines:
    """Record the lines of a file, or of stdin when it is `-`, for as long as some come. A bad line stops nothing."""
    with opened(source) as file, MarketFeed(home, command=f"cli record {kind}s --from {source}") as feed:
        done = Lines(fed=feed.done)
        for line in file:
            done.lines += 1
            if line.strip():
                _take(feed, kind, line, done)
    if catch_up and (done.fed.blocks or done.fed.kept):
        done.models = caught_up(home)
    return done


def _take(feed: MarketFeed, kind: Kind, line: bytes, done: Lines) -> None:
    try:
        if b'"void"' in line:
            feed.void(_void(kind, line))
            return
        row = _tick(line) if kind == "tick" else _bar(line)
        exchange = exchange_of(row.symbol)
        _hand_in(feed, row)
    except (msgspec.MsgspecError, BadRow, OverflowError) as error:
        reason = error.message if isinstance(error, LedgerError) else str(error)
        feed.keep(kind, line.rstrip(b"\r\n").decode(errors="backslashreplace"), reason)
        done.bad_lines += 1
        if len(done.bad) < BAD_MAX:
            done.bad.append(BadLine(done.lines, reason))
        return
    done.without_volume += isinstance(row, BarLine) and row.volume is None
    if exchange not in KNOWN_EXCHANGES:
        done.unknown_exchanges[exchange] = done.unknown_exchanges.get(exchange, 0) + 1


def _void(kind: Kind, line: bytes) -> Void:
    if kind == "tick":
        tick = _tick_void(line)
        return ticks_void(tick.symbol, tick.session, [tick.sequence], zone=ZONE, reason=tick.void)
    bar = _bar_void(line)
    return bars_void(bar.symbol, bar.timeframe, [_moment(bar.time)], zone=ZONE, reason=bar.void)


def _hand_in(feed: MarketFeed, row: TickLine | BarLine) -> None:
    time = _moment(row.time)
    if isinstance(row, TickLine):
        feed.tick(row.symbol, row.price, row.volume, time=time, bid=row.bid, ask=row.ask)
        return
    feed.bar(
        row.symbol, row.timeframe, row.open, row.high, row.low, row.close, row.volume, time=time,
        is_synthetic=row.is_synthetic, open_interest=row.open_interest,
    )  # fmt: skip


def _moment(time: datetime | int) -> datetime:
    """A time of a line; a number is in milliseconds since 1970."""
    if isinstance(time, datetime):
        return time
    milliseconds = time
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, ValueError, OSError) as error:
        raise BadRow(f"{milliseconds} is not a time in milliseconds since 1970") from error
