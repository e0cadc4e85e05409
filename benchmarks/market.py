"""Market data: millions of candles replayed and derived again, a question across the live seam, ticks at full speed."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from statistics import median
from zoneinfo import ZoneInfo

import duckdb

from benchmarks.limits import fresh
from benchmarks.measuring import ROOT, Ran, Row, Sizes, Timed, in_own_process, in_turns, timed
from migrations import script
from operations.market.feed import MarketFeed
from operations.market.queries import MarketData

INDIA = ZoneInfo("Asia/Kolkata")
FIRST, MINUTES = date(2024, 1, 1), 375
MODEL = "trading-bot/market-data"
PEAK_MB, BYTES_MAX, QUERY_S, RATE = 400, 60, 0.01, 50_000
ROUNDS = 2
FLAT = 1.15
LIMIT = "DuckDB: INSERT … SELECT from the monolith into the same day files, 400 MB, 2 threads"
_SYMBOL = "printf('NSE_EQ|INE%06d', symbol)"
# Prices with two decimals that go up and down, by arithmetic alone: the same arguments always give the same rows.
_FILL = f"""
INSERT INTO ohlcv_1m
SELECT {_SYMBOL}, TIMESTAMP '{FIRST} 09:15:00' + to_days(day::INTEGER) + to_minutes(minute::INTEGER),
    paise / 100, (paise + up + 40) / 100, (paise - down) / 100, (paise + 40 - down // 2) / 100, volume
FROM (
    SELECT day, minute, symbol, (day * 7 + minute * 13 + symbol * 29) % 97 AS up,
        (day * 3 + minute * 17 + symbol * 31) % 89 AS down,
        10000 + symbol * 7919 % 300000 + (day * 37 + minute * 11 + symbol * 53) % 401 AS paise,
        (day * 977 + minute * 1009 + symbol * 4241) % 250000 AS volume
    FROM range($sessions) AS days (day), range({MINUTES}) AS minutes (minute), range($symbols) AS symbols (symbol)
) ORDER BY day, minute, symbol
"""
_COPY = """
INSERT INTO made.candles (symbol, timeframe, timestamp, open, high, low, close, volume, is_synthetic)
SELECT instrument_key, '1m', timestamp, open, high, low, close, volume, FALSE FROM legacy.ohlcv_1m
WHERE timestamp >= ? AND timestamp < ?
"""
_READER = """
import sys, time
from datetime import UTC, datetime
from operations.market.queries import MarketData
with MarketData(sys.argv[1]) as market:
    print("reading", flush=True)
    while True:
        market.ticks(sys.argv[2], datetime(2024, 1, 1, tzinfo=UTC), datetime(2999, 1, 1, tzinfo=UTC))
        time.sleep(1)
"""
_RECORDED = "SELECT sum(json_extract(state, '$.count')) FROM stored_events WHERE topic = 'ticks-recorded.v1'"


def measure(place: Path, sizes: Sizes) -> Iterator[Row]:
    """Days of many sessions, then few days of very many symbols, then what is asked and recorded live."""
    whole = place / "whole"
    rows = list(_history(whole, symbols=sizes.market_symbols, sessions=sizes.market_sessions, goal=0.35))
    yield from rows
    yield _question(whole / "home", sizes)
    yield _half(place / "half", sizes, rows[0].peak_mb or 0)
    # Without a goal: making files is most of what the copy of many days takes, and here are two. Parsing, order and digest
    # take us as long for each row as before.
    yield from _history(place / "wide", symbols=sizes.market_symbols * 40, sessions=2, goal=None)
    yield _ticks(place, sizes)


def monolith(folder: Path, *, symbols: int, sessions: int) -> Path:
    """A monolith of 1-minute candles, made by DuckDB itself; returns its folder."""
    folder.mkdir(parents=True)
    with duckdb.connect(str(folder / "trading_bot.duckdb")) as db:
        db.execute(script("legacy", "trading_bot", "bars_ohlcv_1m.sql"))
        db.execute(_FILL, {"symbols": symbols, "sessions": sessions})
    return folder


def insert_select(source: Path, folder: Path, *, sessions: int) -> float:
    """Copy the candles of each session into a day file of its own."""
    config: dict[str, str | bool | int | float | list[str]] = {"memory_limit": "400MB", "threads": 2}
    with fresh(folder), closing(duckdb.connect(config=config)) as db:
        db.execute(f"ATTACH '{source / 'trading_bot.duckdb'}' AS legacy (READ_ONLY)")

        def copy() -> None:
            for day in (FIRST + timedelta(days=number) for number in range(sessions)):
                db.execute(f"ATTACH '{folder / str(day)}.duckdb' AS made (BLOCK_SIZE 16384)")
                db.execute("USE made")
                db.execute(script("trading_bot", "market_files", "candles.sql"))
                db.execute(_COPY, [day, day + timedelta(days=1)])
                db.execute("USE memory")
                db.execute("DETACH made")

        return timed(copy)


def _history(place: Path, *, symbols: int, sessions: int, goal: float | None) -> Iterator[Row]:
    """Replay and rebuild of a monolith; the home stays in `place`. Memory is that of the whole run, with read models
    and their comparison with the source.
    """
    source, home = monolith(place / "legacy", symbols=symbols, sessions=sessions), place / "home"
    count, shape = symbols * sessions * MINUTES, f"{sessions} days of {symbols * MINUTES:,} candles"
    peaks: list[float] = []
    phases: dict[str, list[float]] = {}

    def ours() -> float:
        ran = _replayed(source, home)
        peaks.append(ran.peak_mb)
        for phase, seconds in _phases(home).items():
            phases.setdefault(phase, []).append(seconds)
        return phases["append"][-1]

    def limit() -> float:
        return insert_select(source, place / "copied", sessions=sessions)

    replayed, of_replay = in_turns(ROUNDS, ours, limit)
    size = (home / "ledger.db").stat().st_size / count
    together = [sum(phases[name][number] for name in phases) for number in range(ROUNDS)]
    whole = median(seconds / limit for seconds, limit in zip(of_replay, together, strict=True))
    beside = ", ".join(f"{phase} {median(found):.2f} s" for phase, found in phases.items() if median(found) >= 0.01)
    yield Row(
        work=f"replay {shape}: translate and append", count=count, unit="candles", ours=replayed, limit=of_replay,
        limit_name=LIMIT, goal=goal, peak_mb=max(peaks), peak_goal_mb=PEAK_MB,
        other_goal=f"at most {BYTES_MAX} bytes of ledger a candle", other_met=size <= BYTES_MAX,
        note=f"{size:.1f} bytes of ledger a candle; phases of the whole run: {beside}; all of them {whole:.2f} of the limit",
    )  # fmt: skip
    yield _rebuild(home, limit, shape=shape, count=count, goal=goal)


def _half(place: Path, sizes: Sizes, whole_mb: float) -> Row:
    """Half as many candles, to see what twice as many take in memory."""
    symbols, sessions = sizes.market_symbols, sizes.market_sessions // 2
    ran = _replayed(monolith(place / "legacy", symbols=symbols, sessions=sessions), place / "home")
    return Row(
        work=f"replay {sessions} days of {symbols * MINUTES:,} candles, read models and comparison included",
        count=symbols * sessions * MINUTES, unit="candles", ours=[ran.seconds], peak_mb=ran.peak_mb, peak_goal_mb=PEAK_MB,
        other_goal=f"twice the candles in at most {FLAT} times the memory", other_met=whole_mb <= FLAT * ran.peak_mb,
        note=f"twice the candles took {whole_mb - ran.peak_mb:+.0f} MB",
    )  # fmt: skip


def _rebuild(home: Path, limit: Timed, *, shape: str, count: int, goal: float | None) -> Row:
    peaks: list[float] = []

    def ours() -> float:
        shutil.rmtree(home / "market_data", ignore_errors=True)
        ran = in_own_process("derive", home, MODEL)
        peaks.append(ran.peak_mb)
        return ran.seconds

    seconds, of_limit = in_turns(ROUNDS, ours, limit)
    return Row(
        work=f"rebuild {shape} from the log", count=count, unit="candles", ours=seconds, limit=of_limit,
        limit_name=LIMIT, goal=goal, peak_mb=max(peaks), peak_goal_mb=PEAK_MB,
        note="ours are in order of symbol and time, and each file is read back for its digest",
    )  # fmt: skip


def _replayed(source: Path, home: Path) -> Ran:
    with fresh(home):
        pass
    home.mkdir()
    (home / "daybook.toml").write_text(f'[sources.trading_bot]\ntimezone = "{INDIA.key}"\n', encoding="utf-8")
    return in_own_process("catch_up", source, home)


def _phases(home: Path) -> dict[str, float]:
    """The seconds of each phase of the one run there was."""
    [path] = (home / "reports").glob("*.json")
    seconds: dict[str, float] = json.loads(path.read_bytes())["seconds"]
    return seconds


def _question(home: Path, sizes: Sizes) -> Row:
    """A thousand candles of one symbol, of which the newest session is still being recorded."""
    symbol, start = "NSE_EQ|INE000007", datetime(*_day_after(sizes), 9, 15, tzinfo=INDIA)
    with MarketFeed(home) as feed:
        for minute in range(MINUTES):
            feed.bar(symbol, "1m", 100.0, 101.0, 99.5, 100.5, minute, time=start + timedelta(minutes=minute))
    end = start + timedelta(days=1)
    with MarketData(home) as market:
        # The live day whole, the one before it whole, and 250 minutes of the one before that.
        begin = start - timedelta(days=2) + timedelta(minutes=2 * MINUTES + MINUTES - 1_000)

        def ask() -> float:
            return timed(lambda: market.candles(symbol, "1m", begin, end))

        found = len(market.candles(symbol, "1m", begin, end))
        seconds = [ask() for _ in range(50)]
    return Row(
        work=f"{found:,} candles of one symbol across the live seam, warm", count=found, unit="candles", ours=seconds,
        goal_s=QUERY_S, other_goal="1,000 of them", other_met=found == 1_000, note=f"longest {max(seconds) * 1000:.1f} ms",
    )  # fmt: skip


def _day_after(sizes: Sizes) -> tuple[int, int, int]:
    day = FIRST + timedelta(days=sizes.market_sessions)
    return day.year, day.month, day.day


@contextmanager
def _reading(home: Path, symbol: str, readers: int) -> Iterator[list[subprocess.Popen[str]]]:
    command = [sys.executable, "-c", _READER, str(home), symbol]
    running = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(readers)]
    try:
        for one in running:
            assert one.stdout is not None
            assert one.stdout.readline()
        yield running
    finally:
        for one in running:
            one.kill()
            one.communicate()


def _ticks(place: Path, sizes: Sizes) -> Row:
    """Ticks of a hundred symbols, handed in as fast as they are taken, while others read the live buffer."""
    home, symbols = place / "ticking", [f"NSE_EQ|INE{number:06}" for number in range(100)]
    start = datetime(2026, 11, 20, 9, 15, tzinfo=INDIA)
    with MarketFeed(home) as feed:
        feed.flush()
        with _reading(home, symbols[1], readers=2) as readers:
            begin = time.perf_counter()
            for second in range(sizes.tick_seconds):
                for number in range(RATE):
                    moment = start + timedelta(seconds=second, microseconds=number // 50 * 1000)
                    feed.tick(symbols[number % 100], 100 + number % 997 * 0.05, number, time=moment)
            feed.flush()
            seconds = time.perf_counter() - begin
            assert all(one.poll() is None for one in readers), "a reader has ended"
    count = sizes.tick_seconds * RATE
    with closing(sqlite3.connect(home / "ledger.db")) as db:
        [(found,)] = db.execute(_RECORDED)
    return Row(
        work=f"record {count:,} ticks live, 2 readers", count=count, unit="ticks", ours=[seconds], goal_s=sizes.tick_seconds,
        other_goal="none lost", other_met=found == count, note=f"{found:,} in the ledger",
    )  # fmt: skip
