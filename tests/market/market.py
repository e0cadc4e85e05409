"""Market data that tests hand in, and what they expect of it in plain Python."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import apsw
import duckdb

from domain.event import encode, topic_of
from domain.market import BarsRecorded, BarsVoided, TicksRecorded, TicksVoided, bars_stream, ticks_stream
from ledger.log import Entry, open_log
from operations.market.feed import MarketFeed
from operations.market.queries import MarketData
from operations.market.rollover import LIVE, MARKET
from projections import catalog
from projections.engine import catch_up, model_path

INDIA = ZoneInfo("Asia/Kolkata")
NIFTY, STOCK = "NSE_INDEX|Nifty 50", "NSE_EQ|INE002A01018"
DAY, NEXT = "2026-11-19", "2026-11-20"
EVER = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "nifty_1m_bars.csv.gz"


class Bar(NamedTuple):
    time: datetime
    open: float
    high: float
    low: float
    close: float
    volume: int


def at(day: str, clock: str) -> datetime:
    """A moment by Indian clocks."""
    return datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=INDIA)


def bars(day: str, count: int = 5, *, price: float = 100.0, start: str = "09:15:00") -> list[Bar]:
    """One-minute bars of a session, each a little higher than the one before."""
    first = at(day, start)
    return [
        Bar(first + timedelta(minutes=n), price + n, price + n + 1.5, price + n - 0.75, price + n + 0.25, 10 * n)
        for n in range(count)
    ]


def real_bars() -> list[Bar]:
    """The 2,250 real bars of six sessions."""
    with gzip.open(REAL, "rt", encoding="utf-8", newline="") as file:
        return [
            Bar(
                datetime.fromisoformat(row["timestamp"]).replace(tzinfo=INDIA),
                *(float(row[name]) for name in ("open", "high", "low", "close")),
                int(row["volume"]),
            )
            for row in csv.DictReader(file)
        ]


def feed_bars(feed: MarketFeed, rows: Iterable[Bar], symbol: str = NIFTY) -> None:
    for row in rows:
        feed.bar(symbol, "1m", *row[1:], time=row.time)


def fed(home: Path, rows: Iterable[Bar], symbol: str = NIFTY) -> None:
    """A feed that records these bars and ends."""
    with MarketFeed(home) as feed:
        feed_bars(feed, rows, symbol)


def told(home: Path, symbol: str = NIFTY, timeframe: str = "1m") -> list[Bar]:
    """All bars that queries give."""
    with MarketData(home) as market:
        return [Bar(*row[:6]) for row in market.candles(symbol, timeframe, *EVER)]


def record(home: Path, *events: BarsRecorded | BarsVoided | TicksRecorded | TicksVoided) -> None:
    """Append events as a replay or a correction does, without a feed."""
    with open_log(home, create=True, write=True) as log:
        log.append([Entry(_stream(one), topic_of(type(one)), encode(one)) for one in events])


def _stream(event: BarsRecorded | BarsVoided | TicksRecorded | TicksVoided) -> str:
    if isinstance(event, BarsRecorded | BarsVoided):
        return bars_stream(event.exchange, event.symbol, event.timeframe, event.session)
    return ticks_stream(event.exchange, event.symbol, event.session)


def block(
    day: str, rows: Sequence[Bar], symbol: str = NIFTY, *, timeframe: str = "1m", exchange: str = "nse"
) -> BarsRecorded:
    """These bars as one block."""
    seconds = [row.time.hour * 3600 + row.time.minute * 60 + row.time.second for row in rows]
    return BarsRecorded(
        symbol=symbol, exchange=exchange, session=day, timeframe=timeframe, count=len(rows), time=seconds,
        occurred_at=f"{day}T00:00:00.000000Z", open=[row.open for row in rows], high=[row.high for row in rows],
        low=[row.low for row in rows], close=[row.close for row in rows], volume=[row.volume for row in rows],
    )  # fmt: skip


def brought(home: Path) -> None:
    """Day files and live buffer at the head of the log."""
    with open_log(home) as log:
        for name in (MARKET, LIVE):
            catch_up(catalog.find(name), log, model_path(home, name))


def day_file(home: Path, day: str, *, exchange: str = "nse", kind: str = "candles/1m") -> Path:
    return home / "market_data" / exchange / kind / f"{day}.duckdb"


_CANDLES = "SELECT symbol, timestamp, open, high, low, close, volume FROM candles ORDER BY ALL"


def stored(path: Path, query: str = _CANDLES) -> list[tuple[object, ...]]:
    """Rows of a day file, by plain SQL."""
    with duckdb.connect(str(path), read_only=True) as db:
        return db.execute(query).fetchall()


def live_rows(home: Path) -> int:
    """How many bars and ticks the live buffer holds."""
    if not model_path(home, LIVE).exists():
        return 0
    db = apsw.Connection(str(model_path(home, LIVE)), flags=apsw.SQLITE_OPEN_READONLY)
    db.set_busy_timeout(30_000)  # a feed that closes its connection has the file for itself for a moment
    try:
        count: int = db.execute("SELECT (SELECT count(*) FROM candles) + (SELECT count(*) FROM ticks)").get
        return count
    finally:
        db.close()
