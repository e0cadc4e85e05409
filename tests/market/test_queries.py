"""Asking for market data: history and the live session as one, in order, each row once, resampled as plain Python would."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path

import pytest

from domain.errors import LedgerError, StoreError
from domain.event import decode, topic_of
from domain.market import TIMEFRAME_MINUTES, BarsVoided, SessionSealed, TicksVoided
from ledger.log import Log, open_log
from ledger.querying import has_streams
from operations.market import known
from operations.market.feed import MarketFeed
from operations.market.known import UnknownSymbol
from operations.market.queries import Candle, MarketData
from operations.market.rollover import LIVE, MARKET, roll_over
from operations.rebuilding import rebuild
from projections.places import known_places
from tests.market.market import (
    DAY,
    EVER,
    NEXT,
    NIFTY,
    REAL,
    STOCK,
    Bar,
    at,
    bars,
    block,
    brought,
    day_file,
    fed,
    feed_bars,
    live_rows,
    real_bars,
    record,
    told,
)


def resampled(rows: Iterable[Bar], minutes: int) -> list[Bar]:
    """Bars made of bars by plain Python: left-closed, named after their beginning, from 09:15 on."""

    def label(row: Bar) -> datetime:
        midnight = row.time.replace(hour=0, minute=0)
        if minutes == 1440:
            return midnight
        begin = midnight + timedelta(hours=9, minutes=15)
        return begin + (row.time - begin) // timedelta(minutes=minutes) * timedelta(minutes=minutes)

    made = []
    for moment, group in groupby(rows, key=label):
        some = list(group)
        made.append(
            Bar(
                moment, some[0].open, max(one.high for one in some), min(one.low for one in some), some[-1].close,
                sum(one.volume for one in some),
            )
        )  # fmt: skip
    return made


@pytest.mark.skipif(not REAL.exists(), reason="the real bars do not lie beside this checkout")
def test_real_bars_through_feed_rollover_query_and_rebuild(tmp_path: Path) -> None:
    rows = real_bars()
    assert len(rows) == 2_250
    fed(tmp_path, rows[:1_600])  # four sessions and a part of the fifth
    with MarketFeed(tmp_path) as feed, MarketData(tmp_path) as market:
        roll_over(tmp_path, session="2023-01-02")
        roll_over(tmp_path, session="2023-01-03")
        feed_bars(feed, rows[1_600:])
        feed.flush()
        assert live_rows(tmp_path) == 4 * 375
        for timeframe, minutes in TIMEFRAME_MINUTES.items():
            expected = resampled(rows, minutes)
            assert [Bar(*one[:6]) for one in market.candles(NIFTY, timeframe, *EVER)] == expected, timeframe
        before = market.candles(NIFTY, "15m", *EVER)
        roll_over(tmp_path)
        assert live_rows(tmp_path) == 0
        assert market.candles(NIFTY, "15m", *EVER) == before
        assert [Bar(*one[:6]) for one in market.candles(NIFTY, "1m", *EVER)] == rows
    digests = digests_of(tmp_path)
    assert len(digests) == 6
    shutil.rmtree(tmp_path / "market_data")
    shutil.rmtree(tmp_path / "live_buffer")
    rebuild(tmp_path, [MARKET, LIVE], as_of=None, known_at=None, into=None, tell=lambda *_: None)
    assert digests_of(tmp_path) == digests == sealed_digests(tmp_path)
    assert live_rows(tmp_path) == 0
    with MarketData(tmp_path) as market:
        for timeframe, minutes in TIMEFRAME_MINUTES.items():
            expected = resampled(rows, minutes)
            assert [Bar(*one[:6]) for one in market.candles(NIFTY, timeframe, *EVER)] == expected, timeframe
            check_half_open(market, timeframe, expected)


def digests_of(home: Path) -> dict[str, tuple[int, str]]:
    """Rows and content digest of each day file."""
    return {path: (one.rows, one.digest) for path, one in known_places(home / "market_data").items()}


def sealed_digests(home: Path) -> dict[str, tuple[int, str]]:
    """The same as the log says it when the sessions were sealed."""
    with open_log(home) as log:
        sealed = [decode(one.topic, one.state) for one in log.read(topics=[topic_of(SessionSealed)])]
    return {
        f"{one.exchange}/{name}/{one.session}.duckdb": (one.rows[name], one.digests[name])
        for one in sealed
        if isinstance(one, SessionSealed)
        for name in one.digests
    }


def check_half_open(market: MarketData, timeframe: str, expected: list[Bar]) -> None:
    """Two intervals that meet give each bar once, made of all its minutes, wherever they meet."""
    for row in (expected[1], expected[len(expected) // 2]):
        for cut in (row.time, row.time + timedelta(microseconds=1)):
            first, second = (
                market.candles(NIFTY, timeframe, EVER[0], cut),
                market.candles(NIFTY, timeframe, cut, EVER[1]),
            )
            assert [Bar(*one[:6]) for one in first + second] == expected, (timeframe, cut)
            assert all(one.timestamp < cut for one in first)


def test_what_is_asked_for_begins_at_its_start_and_ends_before_its_end(tmp_path: Path) -> None:
    day, following = bars(DAY, 6), bars(NEXT, 6)
    fed(tmp_path, day)
    roll_over(tmp_path)
    fed(tmp_path, following)
    both = [*day, *following]
    with MarketData(tmp_path) as market:
        for first in range(len(both)):
            for last in range(first, len(both)):
                start, end = both[first].time, both[last].time
                found = [one.timestamp for one in market.candles(NIFTY, "1m", start, end)]
                assert found == [one.time for one in both[first:last]]


def test_while_a_session_lies_in_both_places_each_row_comes_once_and_the_live_one_counts(tmp_path: Path) -> None:
    day = bars(DAY, 4)
    fed(tmp_path, day)
    seen: list[tuple[str, int, list[Bar]]] = []
    with MarketData(tmp_path) as market:
        roll_over(
            tmp_path,
            step=lambda step: seen.append(
                (step, live_rows(tmp_path), [Bar(*one[:6]) for one in market.candles(NIFTY, "1m", *EVER)])
            ),
        )
    assert {live for _, live, _ in seen} == {4, 0}
    assert day_file(tmp_path, DAY).exists()
    assert all(found == day for _, _, found in seen), [step for step, _, found in seen if found != day]


def test_a_void_in_the_live_session_hides_the_row_of_the_file(tmp_path: Path) -> None:
    day = bars(DAY, 4)
    record(tmp_path, block(DAY, day[:2]))
    fed(tmp_path, day[2:])
    record(
        tmp_path,
        BarsVoided(symbol=NIFTY, exchange="nse", session=DAY, timeframe="1m", time=[33_300, 33_420], reason="wrong"),
    )
    brought(tmp_path)
    assert told(tmp_path) == [day[1], day[3]]
    roll_over(tmp_path)
    assert told(tmp_path) == [day[1], day[3]]
    with MarketFeed(tmp_path) as feed:
        for number in range(3):
            feed.tick(STOCK, float(number), time=at(DAY, "09:15:00"))
    record(tmp_path, TicksVoided(symbol=STOCK, exchange="nse", session=DAY, sequence=[2], reason="wrong"))
    brought(tmp_path)
    with MarketData(tmp_path) as market:
        assert [one.sequence for one in market.ticks(STOCK, *EVER)] == [1, 3]


def test_bars_that_were_recorded_go_before_those_that_could_be_made(tmp_path: Path) -> None:
    own = [Bar(at(DAY, "09:15:00"), 1.0, 9.0, 0.5, 2.0, 77)]
    record(tmp_path, block(DAY, bars(DAY, 10)), block(DAY, own, timeframe="5m"), block(NEXT, bars(NEXT, 10)))
    brought(tmp_path)
    assert told(tmp_path, timeframe="5m") == [*own, *resampled(bars(NEXT, 10), 5)]


def test_the_latest_bar_is_live_or_in_history(tmp_path: Path) -> None:
    with MarketFeed(tmp_path), MarketData(tmp_path) as market:
        assert market.latest(NIFTY) is None
    with MarketData(tmp_path) as market:
        fed(tmp_path, bars(DAY, 3))
        assert _bar(market.latest(NIFTY)) == bars(DAY, 3)[-1]
        roll_over(tmp_path)
        assert _bar(market.latest(NIFTY)) == bars(DAY, 3)[-1]
        fed(tmp_path, bars(NEXT, 1))
        assert _bar(market.latest(NIFTY)) == bars(NEXT, 1)[-1]
        assert market.latest(STOCK) is None


def _bar(found: Candle | None) -> Bar:
    assert found is not None
    return Bar(*found[:6])


def test_a_session_of_another_exchange_is_found_where_its_key_says(tmp_path: Path) -> None:
    rows = bars(DAY, 4, start="09:00:00")
    fed(tmp_path, rows, "MCX_FO|451669")
    roll_over(tmp_path)
    assert day_file(tmp_path, DAY, exchange="mcx").exists()
    assert [row.time for row in told(tmp_path, "MCX_FO|451669", "5m")] == [rows[0].time]


@pytest.mark.parametrize("place", range(1, 5))
def test_a_symbol_whose_first_row_comes_while_it_is_asked_for_is_none_that_nobody_knows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: int
) -> None:
    open_log(tmp_path, create=True).close()
    questions = itertools.count(1)

    def asked(log: Log, prefix: str) -> bool:
        answer = has_streams(log, prefix)
        if next(questions) == place:
            record(tmp_path, block(DAY, bars(DAY)))
        return answer

    monkeypatch.setattr(known, "has_streams", asked)
    with MarketData(tmp_path) as market:
        assert market.candles(NIFTY, "1m", *EVER) == []


def test_what_cannot_be_asked_for_is_refused(tmp_path: Path) -> None:
    fed(tmp_path, bars(DAY, 1))
    with MarketData(tmp_path) as market:
        with pytest.raises(LedgerError, match="no timeframe '7m'"):
            market.candles(NIFTY, "7m", *EVER)
        with pytest.raises(LedgerError, match="without a zone"):
            market.candles(NIFTY, "1m", datetime(2026, 1, 1), EVER[1])  # noqa: DTZ001  that is the point
        with pytest.raises(LedgerError, match="no timeframe '7m'"):
            market.latest(NIFTY, "7m")
        with pytest.raises(LedgerError, match="cannot be given as 'csv'"):
            market.candles(NIFTY, "1m", *EVER, to="csv")  # type: ignore[arg-type]  # that is the point
        for ask in (market.ticks, lambda *about: market.candles(about[0], "5m", *about[1:])):
            with pytest.raises(UnknownSymbol, match=r"^no tick or bar of 'NSE_INDEX\|Nifty' was ever recorded at nse$"):
                ask(NIFTY[:-3], *EVER)
        assert market.ticks(NIFTY, *EVER) == []  # it has bars only
        assert market.candles(NIFTY, "1m", EVER[0], at(DAY, "09:15:00")) == []
        assert market.candles("MCX_FO|451669", "1m", *EVER) == []  # of an exchange that nothing is known of
    roll_over(tmp_path)
    day_file(tmp_path, DAY).unlink()
    with MarketData(tmp_path) as market, pytest.raises(StoreError, match="is gone"):
        market.candles(NIFTY, "1m", *EVER)
    (tmp_path / "market_data" / ".schema_version").write_text("1.0.0\n")
    with pytest.raises(StoreError, match=r"version 1\.0\.0"):
        MarketData(tmp_path)
