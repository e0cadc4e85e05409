"""`MarketFeed`: what an ingestor opens to record ticks and bars while they happen."""

from __future__ import annotations

import threading
import time as clock
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self
from zoneinfo import ZoneInfo

from msgspec import Struct

from domain.errors import LedgerError
from domain.event import decode
from domain.market import TIMEFRAME_MINUTES, MarketRowKept, exchange_of
from domain.moments import zone
from domain.prices import BLOCK_MAX
from ledger.lock import WriterLock
from ledger.log import Log, open_log
from operations.home import check_has_its_ledger, check_writable
from operations.market import checking
from operations.market.blocks import Kind, Number, Row, Series, SeriesKey, last_row
from operations.market.checking import BadRow
from operations.market.voiding import Void
from operations.market.writing import Batch, BlockWriter, Written
from projections import catalog
from projections.engine import catch_up, model_path

ZONE, FOLDER, LOCK = "Asia/Kolkata", "live_buffer", ".writer.lock"
FLUSH_S = 1.0
WAITING_MAX = 500_000
_LOOK_S, _WAIT_S = 0.05, 30.0


class Fed(Struct):
    """What a feed has recorded. repeats: rows that only said again what the row before them had said. position: of the log."""

    rows: int = 0
    repeats: int = 0
    kept: int = 0
    voided: int = 0
    blocks: int = 0
    position: int = 0


class MarketFeed:
    """Records ticks and bars live; a context manager.

        with MarketFeed(Path("data")) as feed:
            feed.tick("NSE_EQ|INE002A01018", 2931.5, 10, time=datetime.now(UTC))
            feed.bar("NSE_INDEX|Nifty 50", "1m", 18131.7, 18150.2, 18117.6, 18141.4, 0, time=bar_start)

    Rows are on the disk within `flush_s` seconds, a block of 512 of one series at once, and all of them when `flush` returns or
    the feed is closed. Ticks are numbered in the order in which they are handed in; only one that is equal to the one before it
    of the same symbol, time included, is dropped, for that is what a feed sends when it connects again. A bar of a time that
    was recorded replaces that one. The session is the date in the zone of the exchange.

    One feed at a time writes to a home; the second raises HomeBusy, which names the first. Between its flushes other programs
    may record. `tick` and `bar` may be called from several threads; when the disk cannot follow they wait, and once the feed is
    closed they refuse. An error of a flush is raised by the next call, and the rows stay to be flushed again.
    """

    def __init__(
        self, home: Path | str, *, flush_s: float = FLUSH_S, show: bool = True, command: str = "market feed"
    ) -> None:
        """show: keep the live buffer up to date; without it `cli catch-up --follow` does."""
        self._home, self._flush_s, self._show = Path(home), flush_s, show
        self._writer = BlockWriter(self._home, wait_s=_WAIT_S, command=command)
        self._command = command
        self._series: dict[tuple[str, str, int], Series] = {}
        self._zones: dict[str, tuple[str, ZoneInfo]] = {}
        self._kept: list[MarketRowKept] = []
        self._waiting = 0
        self._lock, self._flushing = threading.Lock(), threading.Lock()
        self._wake, self._ends = threading.Event(), False
        self._error: Exception | None = None
        self._shown = 0
        self._unwritten: list[Batch] = []
        self._unwritten_kept: list[MarketRowKept] = []
        self.done = Fed()

    def __enter__(self) -> Self:
        check_has_its_ledger(self._home)
        folder = self._home / FOLDER
        check_writable(self._home)
        folder.mkdir(mode=0o700, exist_ok=True)
        self._right = WriterLock(folder, self._command, file=LOCK)
        try:
            open_log(self._home, create=True).close()
            self._reading: Log = open_log(self._home)
        except BaseException:
            self._right.release()
            raise
        self._thread = threading.Thread(target=self._flush_now_and_then, name="market-feed", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._ends = True  # what was taken before is flushed below, what comes now is refused
        self._wake.set()
        self._thread.join()
        try:
            self._error = None
            self.flush()
        finally:
            self._reading.close()
            self._right.release()

    def tick(
        self,
        symbol: str,
        price: float,
        volume: int | None = None,
        *,
        time: datetime,
        bid: float | None = None,
        ask: float | None = None,
    ) -> bool:
        """Record one tick; returns False when it only repeats the one before. time: aware, when it was traded.

        Raises BadRow for what is no tick.
        """
        if time.tzinfo is None:
            raise BadRow(f"{symbol}: a tick of {price} at {time} has no time zone", hint="Times have a zone.")
        values = checking.price(price, symbol), checking.quantity(volume, symbol)
        sides = checking.price_or_none(bid, symbol), checking.price_or_none(ask, symbol)
        return self._take(symbol, "", time, values + sides)

    def bar(  # noqa: PLR0913  a bar has so many values
        self,
        symbol: str,
        timeframe: str,
        open: float,  # noqa: A002  the field's own word
        high: float,
        low: float,
        close: float,
        volume: int | None,
        *,
        time: datetime,
        is_synthetic: bool = False,
        open_interest: int | None = None,
    ) -> bool:
        """Record one bar; returns False when it only repeats the one before. time: aware, its beginning.

        is_synthetic: it was filled in, not traded live. Raises BadRow for what is no bar.
        """
        open, high, low, close = (checking.price(one, symbol) for one in (open, high, low, close))  # noqa: A001  as above
        if not low <= min(open, close) <= max(open, close) <= high:
            raise BadRow(
                f"{symbol} {time}: no bar opens at {open}, rises to {high}, falls to {low} and closes at {close}",
                hint="high is the highest and low the lowest of the four.",
            )
        if timeframe not in TIMEFRAME_MINUTES:
            raise BadRow(
                f"{symbol} {time}: there is no timeframe {timeframe!r}",
                hint=f"There are: {', '.join(TIMEFRAME_MINUTES)}.",
            )
        if time.tzinfo is None:
            raise BadRow(f"{symbol}: a bar at {time} has no time zone", hint="Times have a zone.")
        units, contracts = checking.quantity(volume, symbol), checking.quantity(open_interest, symbol)
        return self._take(symbol, timeframe, time, (open, high, low, close, units, int(is_synthetic), contracts))

    def keep(self, kind: Kind, row: str, reason: str) -> None:
        """Keep something that was handed in as a tick or bar and is none, as it was."""
        with self._lock:
            self._check_open()
            self._kept.append(MarketRowKept(kind=kind, row=row, reason=reason))
            self.done.kept += 1

    def void(self, what: Void) -> None:
        """Take back what was recorded, by `bars_void` or `ticks_void`; on the disk when this returns. What a tick should have
        been is handed in anew, and gets a number of its own; a bar that is merely revised is just recorded again.

        Raises BadRow when it was never recorded.
        """
        self.flush()
        with self._flushing:
            written = self._writer.void(what)
            with self._lock:
                for series in self._series.values():
                    if series.key == what.key:
                        series.last = None  # the same row again is no repeat now
            self.done.voided += len(what.rows)
            self.done.blocks += written.blocks
            self.done.position = written.position
            self._show_new()

    def _take(self, symbol: str, timeframe: str, time: datetime, values: tuple[Number, ...]) -> bool:
        self._check()
        known = self._zones.get(symbol)
        if known is None:
            if not symbol:
                raise BadRow("a row without a symbol cannot be recorded", hint="Name the instrument.")
            known = self._zones[symbol] = (exchange_of(symbol), zone(ZONE))
        exchange, local = known
        if time.tzinfo is not local:
            time = time.astimezone(local)
        day = time.toordinal()
        since = ((time.hour * 60 + time.minute) * 60 + time.second) * 1_000_000 + time.microsecond
        row: Row = (since, *values)
        while self._waiting >= WAITING_MAX:
            self._check()
            self._wake.set()
            clock.sleep(_LOOK_S)
        with self._lock:
            self._check_open()
            series = self._series.get((symbol, timeframe, day))
            if series is None:
                key = SeriesKey(exchange, symbol, time.date().isoformat(), timeframe)
                series = self._series[symbol, timeframe, day] = Series(key, local, self._last(key))
            if row == series.last:
                self.done.repeats += 1
                return False
            series.last = row
            series.rows.append(row)
            self._waiting += 1
            self.done.rows += 1
        if len(series.rows) >= BLOCK_MAX:
            self._wake.set()
        return True

    def _check(self) -> None:
        """Raise what the last flush failed with; read once, for the flushing thread forgets it when the next goes well."""
        if error := self._error:
            if not (self._unwritten or self._unwritten_kept):
                self._error = None  # all is written and only not shown: told once, for recording goes on
            raise error
        self._check_open()  # else, when its last flush fails, nobody ends the waiting

    def _check_open(self) -> None:
        if self._ends:
            raise LedgerError("the feed is closed: what is handed in now is not recorded", hint="Open another one.")

    def _last(self, key: SeriesKey) -> Row | None:
        """The newest row of a series in the log, from a feed before this one."""
        if not self._reading.versions([key.stream]):
            return None
        found = self._reading.stream(key.stream)[-1]
        return last_row(decode(found.topic, found.state))

    def flush(self) -> Fed:
        """Have everything on the disk that was handed in so far."""
        self._flush(whole=True)
        return self.done

    def _flush_now_and_then(self) -> None:
        due = clock.monotonic() + self._flush_s
        while not self._ends:
            self._wake.wait(max(0.0, due - clock.monotonic()))
            self._wake.clear()
            whole = clock.monotonic() >= due
            if whole:
                due = clock.monotonic() + self._flush_s
            try:
                self._flush(whole=whole)
                self._error = None
            except Exception as error:  # noqa: BLE001  raised to the next one who hands in a row
                self._error = error
                clock.sleep(_LOOK_S)

    def _flush(self, *, whole: bool) -> None:
        with self._flushing:
            with self._lock:
                taken = [
                    Batch(series.key, series.zone.key, rows)
                    for series in self._series.values()
                    if series.rows and (rows := series.take(whole=whole))
                ]
                self._unwritten += taken
                self._unwritten_kept += self._kept
                self._kept = []
            if self._unwritten or self._unwritten_kept:
                self._writer.write(self._unwritten, self._unwritten_kept, self._let_go)
            if whole:
                self._show_new()

    def _show_new(self) -> None:
        """Show what is written and was not shown, now or when it was tried before."""
        if self._show and self._shown != self.done.position:
            show_live(self._home)
            self._shown = self.done.position

    def _let_go(self, written: Written) -> None:
        """What is written is on the disk."""
        with self._lock:
            self._waiting -= sum(len(one.rows) for one in self._unwritten)
        self._unwritten, self._unwritten_kept = [], []
        self.done.blocks += written.blocks
        self.done.position = written.position


def show_live(home: Path) -> None:
    """Bring the live buffer to the head of the log."""
    projector = catalog.find("trading-bot/live-buffer")
    with open_log(home) as log:
        catch_up(projector, log, model_path(home, projector.name))
