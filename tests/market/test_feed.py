"""Recording live: nothing lost, nothing twice, numbers that go on, and one feed at a time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from domain.errors import DiskFull, HomeBusy
from domain.market import exchange_of
from ledger.log import open_log
from operations.market.checking import BadRow
from operations.market.feed import MarketFeed
from operations.market.lines import record_lines
from operations.market.queries import MarketData
from operations.market.rollover import roll_over
from operations.market.writing import BlockWriter
from tests.market.market import (
    DAY,
    EVER,
    NEXT,
    NIFTY,
    REAL,
    STOCK,
    at,
    bars,
    brought,
    fed,
    feed_bars,
    live_rows,
    real_bars,
    told,
)

ROOT = Path(__file__).resolve().parents[2]
MOMENT = at(DAY, "09:15:00")


def blocks(home: Path, topic: str = "ticks-recorded.v1") -> list[dict[str, Any]]:
    with open_log(home) as log:
        return [json.loads(one.state) for one in log.read(limit=1_000) if one.topic == topic]


def prices(home: Path, symbol: str = STOCK) -> list[float]:
    with MarketData(home) as market:
        return [one.price for one in market.ticks(symbol, *EVER)]


def test_only_an_immediate_identical_repeat_is_dropped(tmp_path: Path) -> None:
    with MarketFeed(tmp_path) as feed:
        handed_in = [100.0, 100.0, 101.0, 100.0, 100.0]
        taken = [feed.tick(STOCK, price, 5, time=MOMENT) for price in handed_in]
        feed.tick(STOCK, 100.0, 5, time=MOMENT + timedelta(seconds=1))
    assert taken == [True, False, True, True, False]
    assert prices(tmp_path) == [100.0, 101.0, 100.0, 100.0]
    assert feed.done.repeats == 2


def test_a_feed_that_connects_again_goes_on_with_the_numbers_and_knows_its_last_row(tmp_path: Path) -> None:
    for start in (0, 1, 2):
        with MarketFeed(tmp_path) as feed:
            for number in range(start, start + 3):  # the first of them was the last but one of the feed before
                feed.tick(STOCK, 100.0 + number, time=MOMENT + timedelta(seconds=number))
            feed.tick(STOCK, 100.0 + start + 2, time=MOMENT + timedelta(seconds=start + 2))
    found = [(one["sequence"], one["count"]) for one in blocks(tmp_path)]
    assert found == [(1, 3), (4, 3), (7, 3)]
    with MarketFeed(tmp_path) as feed:
        assert not feed.tick(STOCK, 104.0, time=MOMENT + timedelta(seconds=4))


def test_a_block_has_512_rows_and_each_column_whose_values_are_equal_once(tmp_path: Path) -> None:
    with MarketFeed(tmp_path) as feed:
        for number in range(1_030):
            feed.tick(STOCK, 100.0 + number, 1, time=MOMENT + timedelta(milliseconds=number))
    found = blocks(tmp_path)
    assert [one["count"] for one in found] == [512, 512, 6]
    assert {one["volume"] for one in found} == {1}
    assert "bid" not in found[0]
    assert found[0]["unit"] == "ms"
    assert prices(tmp_path) == [100.0 + number for number in range(1_030)]


def test_rows_are_on_the_disk_within_the_time_though_no_more_come(tmp_path: Path) -> None:
    with MarketFeed(tmp_path, flush_s=0.05) as feed:
        feed.tick(STOCK, 1.0, time=MOMENT)
        until = time.monotonic() + 60
        while not blocks(tmp_path) and time.monotonic() < until:
            time.sleep(0.02)
        assert len(blocks(tmp_path)) == 1
        while live_rows(tmp_path) == 0 and time.monotonic() < until:
            time.sleep(0.02)
        assert live_rows(tmp_path) == 1


def test_what_cannot_be_written_stays_and_is_written_when_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise DiskFull("the disk is full")

    with MarketFeed(tmp_path, flush_s=60) as feed:
        feed.tick(STOCK, 1.0, time=MOMENT)
        with monkeypatch.context() as patch:
            patch.setattr(BlockWriter, "write", full)
            with pytest.raises(DiskFull):
                feed.flush()
        feed.tick(STOCK, 2.0, time=MOMENT)
    assert prices(tmp_path) == [1.0, 2.0]


def test_what_is_no_tick_or_bar_is_refused(tmp_path: Path) -> None:
    with MarketFeed(tmp_path) as feed:
        for price in (float("nan"), float("inf")):
            with pytest.raises(BadRow):
                feed.tick(STOCK, price, time=MOMENT)
        with pytest.raises(BadRow, match="a tick of 1"):
            feed.tick(STOCK, 1.0, time=datetime(2026, 1, 1))  # noqa: DTZ001  that is the point
        with pytest.raises(BadRow, match=r"rises to 1\.0, falls to 2\.0"):
            feed.bar(STOCK, "1m", 1.5, 1.0, 2.0, 1.5, 0, time=MOMENT)
    assert blocks(tmp_path) == []


def test_a_number_that_the_stores_cannot_hold_is_refused_before_it_is_in_the_log(tmp_path: Path) -> None:
    with MarketFeed(tmp_path) as feed:
        for volume in (1 << 63, -(1 << 63) - 1):
            with pytest.raises(BadRow, match="a quantity of 64 bits does not fit"):
                feed.tick(STOCK, 1.0, volume, time=MOMENT)
            with pytest.raises(BadRow, match="a quantity of 64 bits does not fit"):
                feed.bar(STOCK, "1m", 1, 1, 1, 1, 0, time=MOMENT, open_interest=volume)
        with pytest.raises(BadRow, match="a quantity is not a float"):
            feed.tick(STOCK, 1.0, 10.5, time=MOMENT)  # type: ignore[arg-type]  # that is the point
        for price in ("1.0", None, 10**5000):
            with pytest.raises(BadRow, match="a price is not a"):
                feed.tick(STOCK, price, time=MOMENT)  # type: ignore[arg-type]  # the same
        with pytest.raises(BadRow, match="a price of nan is none"):
            feed.tick(STOCK, 1.0, time=MOMENT, bid=float("nan"))
        with pytest.raises(BadRow, match="there is no timeframe '7m'"):
            feed.bar(STOCK, "7m", 1, 1, 1, 1, 0, time=MOMENT)
        feed.tick(STOCK, 1.0, (1 << 63) - 1, time=MOMENT)
        feed.tick(STOCK, 1.0, -(1 << 63), time=MOMENT)
    assert prices(tmp_path) == [1.0, 1.0]
    [rolled] = roll_over(tmp_path).put_away
    assert rolled.rows == {"ticks": 2}


def test_numbers_of_a_library_are_taken_as_what_they_are(tmp_path: Path) -> None:
    np = pytest.importorskip("numpy")
    with MarketFeed(tmp_path) as feed:
        feed.tick(STOCK, np.float32(1.5), np.int64(7), time=MOMENT, bid=np.float64(1.25))
        feed.tick(STOCK, Decimal("2.5"), np.uint8(9), time=MOMENT)  # type: ignore[arg-type]  # nothing else is lost
    with MarketData(tmp_path) as market:
        assert [(one.price, one.volume, one.bid) for one in market.ticks(STOCK, *EVER)] == [
            (1.5, 7, 1.25),
            (2.5, 9, None),
        ]


def test_what_goes_wrong_while_it_flushes_is_told_to_the_next_who_hands_in_a_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    with MarketFeed(tmp_path, flush_s=0.02) as feed, monkeypatch.context() as patch:
        patch.setattr(BlockWriter, "write", broken)
        feed.tick(STOCK, 1.0, time=MOMENT)
        until = time.monotonic() + 60
        while feed._error is None and time.monotonic() < until:
            time.sleep(0.01)
        with pytest.raises(ZeroDivisionError):
            feed.tick(STOCK, 2.0, time=MOMENT)
    assert prices(tmp_path) == [1.0]


def test_through_a_pipe_that_stays_open_rows_are_on_the_disk_within_a_second_and_survive_a_kill(tmp_path: Path) -> None:
    def lines(first: int, count: int) -> bytes:
        rows = [{"symbol": STOCK, "time": 1_795_000_000_000 + n, "price": 100 + n} for n in range(first, first + count)]
        return "".join(f"{json.dumps(one)}\n" for one in rows).encode()

    def waited(count: int) -> float:
        begin = time.monotonic()
        while sum(one["count"] for one in blocks(tmp_path)) < count:
            assert time.monotonic() < begin + 60, f"there are not {count} rows"
            time.sleep(0.02)
        return time.monotonic() - begin

    fed(tmp_path, [])  # its ledger
    command = [sys.executable, "-m", "cli", "--home", str(tmp_path), "record", "ticks", "--from", "-"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE) as recording:
        assert recording.stdin is not None
        os.write(recording.stdin.fileno(), lines(0, 1))
        waited(1)
        for attempt in range(20):  # a busy machine may need several
            first = 1 + 600 * attempt
            os.write(recording.stdin.fileno(), lines(first, 600))
            taken, counts = waited(first + 600), [one["count"] for one in blocks(tmp_path)]
            if taken < 1.5 and counts[-2:] == [512, 88]:  # 512 at once, the rest within a second
                break
        else:
            pytest.fail(f"{taken:.1f} s, {counts}")
        assert recording.poll() is None
        recording.kill()
    fed(tmp_path, [])  # its lock went with it
    brought(tmp_path)
    assert len(prices(tmp_path)) == first + 600


def test_a_revised_bar_replaces_the_one_before(tmp_path: Path) -> None:
    day = bars(DAY, 2)
    late = day[0]._replace(high=999.0)
    fed(tmp_path, [*day, late])
    assert told(tmp_path) == [late, day[1]]


def test_ticks_of_yesterday_are_recorded_in_their_own_session(tmp_path: Path) -> None:
    with MarketFeed(tmp_path) as feed:
        feed.tick(STOCK, 1.0, time=at(DAY, "15:29:59"))
        feed.tick(STOCK, 2.0, time=at(NEXT, "09:15:00"))
        # 23:00 in London is the next day in India.
        feed.tick(STOCK, 3.0, time=datetime(2026, 11, 20, 23, tzinfo=UTC))
    assert [one["session"] for one in blocks(tmp_path)] == [DAY, NEXT, "2026-11-21"]


@pytest.mark.parametrize(
    ("symbol", "exchange"),
    [(NIFTY, "nse"), ("MCX_FO|451669", "mcx"), ("BSE_EQ|1", "bse"), ("NCD_FO|1", "ncd_fo"), ("AAPL", "nse")],
)
def test_the_exchange_is_the_one_that_the_key_names(symbol: str, exchange: str) -> None:
    assert exchange_of(symbol) == exchange


def test_the_second_feed_is_told_who_the_first_is_and_a_killed_one_is_no_hindrance(tmp_path: Path) -> None:
    program = (
        "import sys, time; from datetime import UTC, datetime; from operations.market.feed import MarketFeed\n"
        f"with MarketFeed({str(tmp_path)!r}, command='the first') as feed:\n"
        "    feed.tick('A', 1.0, time=datetime.now(UTC)); feed.flush(); print('ready', flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)}
    ) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == b"ready\n"
        for _ in range(2):  # asking does not wipe out who it is
            with pytest.raises(HomeBusy, match=rf"process {first.pid} \(the first\)"):
                MarketFeed(tmp_path).__enter__()
        first.kill()
    with MarketFeed(tmp_path) as feed:
        feed.tick("A", 2.0, time=datetime.now(UTC))
    assert prices(tmp_path, "A") == [1.0, 2.0]


@pytest.mark.skipif(not REAL.exists(), reason="the real bars do not lie beside this checkout")
def test_a_real_candle_takes_at_most_sixty_bytes_of_the_ledger(tmp_path: Path) -> None:
    day = real_bars()[:375]
    fed(tmp_path, day)
    with open_log(tmp_path) as log:
        taken = sum(
            len(one.state) + len(one.source or "") + 200 for one in log.read() if one.topic == "bars-recorded.v1"
        )
    assert taken / len(day) <= 60


def test_bad_lines_are_named_counted_and_kept_and_the_others_recorded(tmp_path: Path) -> None:
    good = {
        "symbol": "NSE_EQ|../x",
        "time": "2026-11-19T09:15:00+05:30",
        "open": 1,
        "high": 2,
        "low": 0.5,
        "close": 1.5,
    }
    lines: list[Any] = [
        {**good, "volume": 7},
        "nonsense",
        {**good, "volume": None, "time": "2026-11-19T09:16:00+05:30"},
        {**good, "volume": 1, "high": 0.25},
        {**good, "volume": 1, "time": "2026-11-19T09:17:00"},
        {**good, "volume": 1, "symbol": "XYZ|1"},
        {**good, "volume": 1, "colour": "red"},
    ]
    source = tmp_path / "bars.jsonl"
    source.write_text("\n".join(one if isinstance(one, str) else json.dumps(one) for one in lines), encoding="utf-8")
    done = record_lines(tmp_path / "home", source, "bar", catch_up=True)
    assert [one.line for one in done.bad] == [2, 4, 5, 7]
    assert (done.lines, done.bad_lines, done.fed.rows, done.without_volume, done.exit_code) == (7, 4, 3, 1, 1)
    assert done.unknown_exchanges == {"xyz": 1}
    kept = blocks(tmp_path / "home", "market-row-kept.v1")
    assert [one["row"] for one in kept] == [
        one if isinstance(one, str) else json.dumps(one) for one in (lines[n] for n in (1, 3, 4, 6))
    ]
    assert "rises to 0.25, falls to 0.5" in kept[1]["reason"]
    assert [row.volume for row in told(tmp_path / "home", "NSE_EQ|../x")] == [7, None]


@pytest.mark.soak
def test_fifty_thousand_ticks_a_second_for_a_minute_with_readers_and_none_lost(tmp_path: Path) -> None:
    seconds, rate, symbols = 60, 50_000, [f"NSE_EQ|INE{n:06}" for n in range(100)]
    with MarketFeed(tmp_path) as feed:
        feed.flush()
        reader = (
            "import sys, time; from datetime import UTC, datetime; from operations.market.queries import MarketData\n"
            f"with MarketData({str(tmp_path)!r}) as market:\n"
            "    while True:\n"
            "        market.ticks('NSE_EQ|INE000001', datetime(2026, 1, 1, tzinfo=UTC), datetime(2999, 1, 1, tzinfo=UTC))\n"
            "        time.sleep(1)"
        )
        reading = subprocess.Popen(
            [sys.executable, "-c", reader], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}
        )
        begin = time.monotonic()
        for second in range(seconds):
            for number in range(rate):
                moment = MOMENT + timedelta(seconds=second, microseconds=number // 50 * 1000)
                feed.tick(symbols[number % 100], 100 + number % 997 * 0.05, number, time=moment)
        taken = time.monotonic() - begin
        assert reading.poll() is None
        reading.kill()
        reading.wait()
    assert sum(one["count"] for one in blocks_of(tmp_path)) == seconds * rate == live_rows(tmp_path)
    assert taken <= seconds


def blocks_of(home: Path) -> list[dict[str, Any]]:
    with open_log(home) as log:
        return [json.loads(one.state) for one in log.read(limit=1_000_000) if one.topic == "ticks-recorded.v1"]


def test_feeds_of_many_threads_lose_nothing(tmp_path: Path) -> None:
    with MarketFeed(tmp_path, flush_s=0.02) as feed:
        threads = [threading.Thread(target=feed_bars, args=(feed, bars(DAY, 50), f"NSE_EQ|{n}")) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert all(told(tmp_path, f"NSE_EQ|{n}") == bars(DAY, 50) for n in range(4))
