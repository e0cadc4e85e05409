"""`MarketData`: candles and ticks of a home, history and the running session as one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, time, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from domain.errors import LedgerError
from domain.market import TIMEFRAME_MINUTES, exchange_of
from domain.moments import zone
from operations.home import check_has_its_ledger
from operations.market.feed import ZONE
from operations.market.frames import As, Kind, as_frame
from operations.market.history import DayFile, History, Rows
from operations.market.known import check_recorded
from operations.market.query_sql import candles_sql, given, overlaid, resampled_sql, ticks_sql

SESSION_STARTS: Final = {"mcx": time(9)}
SESSION_START: Final = time(9, 15)
_CHUNK_FILES = 32
_LATEST_SESSIONS = 10
LOCAL = zone(ZONE)
_EVER = ("", "9999-12-31")


class Candle(NamedTuple):
    """A bar. timestamp: its beginning. volume: units traded. is_synthetic: filled in, wholly or in part, not traded live."""

    timestamp: datetime
    open: float | None
    high: float | None
    low: float | None
    close: float | None
    volume: int | None
    is_synthetic: bool
    open_interest: int | None


class Tick(NamedTuple):
    """A tick. sequence: its number among those of its symbol and session. volume: the quantity last traded."""

    timestamp: datetime
    sequence: int
    price: float | None
    volume: int | None
    bid: float | None
    ask: float | None


_CANDLE: Final[Mapping[str, Kind]] = {
    "timestamp": "moment", "open": "real", "high": "real", "low": "real", "close": "real", "volume": "whole",
    "is_synthetic": "truth", "open_interest": "whole",
}  # fmt: skip
_TICK: Final[Mapping[str, Kind]] = {
    "timestamp": "moment", "sequence": "whole", "price": "real", "volume": "whole", "bid": "real", "ask": "real",
}  # fmt: skip


class MarketData:
    """The market data of a home, for reading; a context manager, for one thread. It keeps no writer waiting.

    `start` and `end` are aware; what is asked for begins at `start` and ends before `end`. Rows come in order of time, each
    once, whether they lie in a day file, in the live buffer, or in both while a session is being put away. The exchange is the
    one that the symbol names. As tables (`to`) they need the library of that name, which is not part of Daybook; the types of
    the columns are always the same, also of a column without values, and moments have the zone of the exchange.

    Where there is nothing from `start` to `end` the answer is empty. Of a symbol that nothing was ever recorded of, while there
    are others of its exchange, it is an UnknownSymbol, since it may be misspelt; `latest` says None.
    """

    def __init__(self, home: Path | str) -> None:
        self._home = Path(home)
        check_has_its_ledger(self._home)
        self._history = History(self._home)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the stores."""
        self._history.close()

    # Any: a table of the library asked for.
    def candles(self, symbol: str, timeframe: str, start: datetime, end: datetime, *, to: As = "rows") -> Any:
        """The bars whose beginning lies from `start` to before `end`: a list of Candle, or a table.

        timeframe: 1m, 5m, 15m, 30m, 1h or 1d. Where a session has no bars of it, they are made of its 1m bars, from the
        start of the session (09:15; mcx 09:00) on; that of a day begins at midnight.
        """
        _check_timeframe(timeframe)
        rows = list(self._candles(symbol, timeframe, *_checked(start, end)))
        if not rows:
            check_recorded(self._home, symbol)
        return rows if to == "rows" else as_frame(to, _CANDLE, ZONE, rows)

    def ticks(self, symbol: str, start: datetime, end: datetime, *, to: As = "rows") -> Any:  # as above
        """The ticks from `start` to before `end`: a list of Tick, or a table. Several of one moment stay in their order."""
        rows = list(self._ticks(symbol, *_checked(start, end)))
        if not rows:
            check_recorded(self._home, symbol)
        return rows if to == "rows" else as_frame(to, _TICK, ZONE, rows)

    def latest(self, symbol: str, timeframe: str = "1m") -> Candle | None:
        """The newest bar that was recorded of a timeframe, live or in history; None when there is none."""
        _check_timeframe(timeframe)
        exchange = exchange_of(symbol)
        live = self._history.live_candles(exchange, symbol, timeframe, *_EVER)
        files = self._history.files(exchange, timeframe, *_EVER)[-_LATEST_SESSIONS:]
        for session in sorted({one.session for one in files} | {str(row[0]) for row in live}, reverse=True):
            if rows := self._stored(symbol, [session], files, live):
                return Candle(_aware(rows[-1][0]), *rows[-1][1:])
        return None

    def _candles(self, symbol: str, timeframe: str, start: datetime, end: datetime) -> Iterator[Candle]:
        exchange, span = exchange_of(symbol), (_local(start).date().isoformat(), _local(end).date().isoformat())
        # The live rows first: a session that is put away meanwhile is then found in its file.
        live = {one: self._history.live_candles(exchange, symbol, one, *span) for one in {timeframe, "1m"}}
        files = {one: self._history.files(exchange, one, *span) for one in live}
        days = {one.session for some in files.values() for one in some}
        days |= {str(row[0]) for some in live.values() for row in some}
        low, high = _local(start), _local(end)
        for place in range(0, len(days), _CHUNK_FILES):
            some = sorted(days)[place : place + _CHUNK_FILES]
            rows = self._stored(symbol, some, files[timeframe], live[timeframe])
            have = {row[0].date().isoformat() for row in rows}
            rest = [day for day in some if day not in have] if timeframe != "1m" else []
            if rest:
                rows += self._resampled(symbol, timeframe, rest, files["1m"], live["1m"])
                rows.sort(key=lambda row: row[0])
            yield from (Candle(_aware(row[0]), *row[1:]) for row in rows if low <= row[0] < high)

    def _stored(self, symbol: str, days: Sequence[str], files: Sequence[DayFile], live: Rows) -> Rows:
        """The bars of these sessions as they were recorded."""
        quiet, running = self._parts(symbol, days, files, live)
        rows: Rows = []
        if quiet:
            rows = self._history.db.execute(candles_sql(quiet), [symbol] * len(quiet)).fetchall()
        return sorted(rows + running, key=lambda row: row[0]) if running else rows

    def _resampled(
        self, symbol: str, timeframe: str, days: Sequence[str], files: Sequence[DayFile], live: Rows
    ) -> Rows:  # fmt: skip
        """Bars of these sessions made of their bars of one minute."""
        quiet, running = self._parts(symbol, days, files, live)
        begin = SESSION_STARTS.get(exchange_of(symbol), SESSION_START)
        told = [*given(running), *[symbol] * len(quiet), timedelta(hours=begin.hour, minutes=begin.minute)]
        return self._history.db.execute(resampled_sql(tuple(quiet), TIMEFRAME_MINUTES[timeframe]), told).fetchall()

    def _parts(
        self, symbol: str, days: Sequence[str], files: Sequence[DayFile], live: Rows
    ) -> tuple[list[str], Rows]:  # fmt: skip
        """The files of sessions that are not live, by their names, and all rows of those that are."""
        wanted, running = set(days), {str(row[0]) for row in live}
        quiet = self._history.attached([one for one in files if one.session in wanted - running])
        both = self._history.attached([one for one in files if one.session in wanted & running])
        stored: Rows = []
        if both:
            stored = self._history.db.execute(candles_sql(both), [symbol] * len(both)).fetchall()
        return quiet, overlaid(stored, [row for row in live if row[0] in wanted], 0)

    def _ticks(self, symbol: str, start: datetime, end: datetime) -> Iterator[Tick]:
        exchange, span = exchange_of(symbol), (_local(start).date().isoformat(), _local(end).date().isoformat())
        live = self._history.live_ticks(exchange, symbol, *span)
        files = self._history.files(exchange, None, *span)
        low, high = _local(start), _local(end)
        for day in sorted({one.session for one in files} | {str(row[0]) for row in live}):
            stored: Rows = []
            for name in self._history.attached([one for one in files if one.session == day]):
                stored = self._history.db.execute(ticks_sql(name), [symbol]).fetchall()
            rows = overlaid(stored, [row for row in live if row[0] == day], 1)
            yield from (Tick(_aware(row[0]), *row[1:]) for row in rows if low <= row[0] < high)


def _check_timeframe(timeframe: str) -> None:
    if timeframe not in TIMEFRAME_MINUTES:
        raise LedgerError(f"there is no timeframe {timeframe!r}", hint=f"There are: {', '.join(TIMEFRAME_MINUTES)}.")


def _checked(start: datetime, end: datetime) -> tuple[datetime, datetime]:
    if start.tzinfo is None or end.tzinfo is None:
        raise LedgerError(f"{start} to {end}: a time without a zone", hint="Use aware datetimes.")
    return start, end


def _local(moment: datetime) -> datetime:
    """By the exchange's clocks, without a zone, as day files tell time."""
    return moment.astimezone(LOCAL).replace(tzinfo=None)


def _aware(moment: datetime) -> datetime:
    return moment.replace(tzinfo=LOCAL)
