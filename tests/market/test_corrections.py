"""Corrections, back-fills and what is taken back: each is an event; what was sealed stays sealed until it is sealed anew."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from domain.event import decode, topic_of
from domain.market import BarsRecorded, BarsVoided, SessionSealed, TicksVoided
from ledger.log import open_log
from operations.health.looking import health
from operations.market.checking import BadRow
from operations.market.feed import ZONE, MarketFeed
from operations.market.lines import Lines, record_lines
from operations.market.queries import MarketData
from operations.market.rollover import roll_over
from operations.market.voiding import bars_void, ticks_void
from operations.verifying import verify
from tests.market.market import DAY, EVER, NEXT, NIFTY, STOCK, Bar, at, bars, day_file, fed, live_rows, stored, told

LATER = at("2026-11-22", "17:00:00")


def line(row: Bar) -> dict[str, object]:
    return {"symbol": NIFTY, "timeframe": "1m", **row._asdict(), "time": row.time.isoformat()}


def recorded(home: Path, rows: Sequence[object], kind: str = "bar") -> Lines:
    """These lines, as `cli record` takes them."""
    source = home.with_name("lines.jsonl")
    source.write_text("".join(f"{json.dumps(one)}\n" for one in rows), encoding="utf-8")
    return record_lines(home, source, kind, catch_up=True)  # type: ignore[arg-type]  # one of the two


def current(home: Path, now: datetime) -> str:
    [found] = [one for one in health(home, now=now).answers if one.question == "current"]
    return found.reason


def seals(home: Path) -> list[SessionSealed]:
    with open_log(home) as log:
        found = [decode(one.topic, one.state) for one in log.read(topics=[topic_of(SessionSealed)])]
    return [one for one in found if isinstance(one, SessionSealed)]


def test_a_correction_of_a_sealed_day_is_shown_at_once_and_the_file_stays_sealed_until_the_next_rollover(
    tmp_path: Path,
) -> None:
    home, day = tmp_path / "home", bars(DAY)
    fed(home, [*day, *bars(NEXT)])
    roll_over(home)
    path, sealed = day_file(home, DAY), stored(day_file(home, DAY))
    right = day[2]._replace(high=200.0, volume=99)
    filled = bars(DAY, 1, start="15:29:00", price=7)[0]
    corrected = [*day[:2], right, *day[3:], filled]
    done = recorded(home, [line(right), line(filled)])
    assert (done.exit_code, done.fed.rows) == (0, 2)

    assert told(home) == [*corrected, *bars(NEXT)]
    assert (stored(path), path.stat().st_mode & 0o777) == (sealed, 0o444)
    assert "nse 2026-11-19 is over and not sealed" in current(home, LATER)

    [again] = roll_over(home).put_away  # the other session is left alone
    assert (again.session, again.rows) == (DAY, {"candles/1m": 6})
    assert len(stored(path)) == 6
    assert (path.stat().st_mode & 0o777, live_rows(home)) == (0o444, 0)
    assert told(home) == [*corrected, *bars(NEXT)]
    first, _, second = seals(home)
    assert (first.session, second.session) == (DAY, DAY)
    assert first.digests != second.digests  # both stay in the log, and so does what was recorded first
    with open_log(home) as log:
        blocks = [decode(one.topic, one.state) for one in log.read(topics=[topic_of(BarsRecorded)])]
    assert [one.count for one in blocks if isinstance(one, BarsRecorded) and one.session == DAY] == [5, 2]
    assert "is over and not sealed" not in current(home, LATER)
    assert verify(home, "all", repair=False, tell=lambda *_: None).exit_code == 0


def test_a_bar_of_a_sealed_day_is_taken_back_and_may_be_recorded_anew(tmp_path: Path) -> None:
    home, day = tmp_path / "home", bars(DAY)
    fed(home, day)
    roll_over(home)
    void = {"symbol": NIFTY, "time": day[1].time.isoformat(), "void": "a test of the feed"}
    done = recorded(home, [void])
    assert (done.exit_code, done.fed.voided) == (0, 1)
    assert told(home) == [day[0], *day[2:]]
    assert len(stored(day_file(home, DAY))) == 5
    roll_over(home)
    assert told(home) == [day[0], *day[2:]]
    assert len(stored(day_file(home, DAY))) == 4
    again = recorded(home, [void, line(day[1])])  # it is gone already; then it is there again
    assert [one.reason for one in again.bad] == [f"{NIFTY}: there is no 1m bar of 9:16:00 in the session {DAY}"]
    assert told(home) == day
    with open_log(home) as log:
        [voided] = [decode(one.topic, one.state) for one in log.read(topics=[topic_of(BarsVoided)])]
    assert isinstance(voided, BarsVoided)
    assert (voided.reason, voided.occurred_at) == ("a test of the feed", "2026-11-19T03:46:00.000000Z")


def test_a_tick_is_taken_back_by_its_number_and_what_it_should_have_been_gets_one_of_its_own(tmp_path: Path) -> None:
    moment = at(DAY, "09:15:00")
    with MarketFeed(tmp_path) as feed:
        for number in range(3):
            feed.tick(STOCK, 100.0 + number, time=moment + timedelta(seconds=number))
        feed.void(ticks_void(STOCK, DAY, [3], zone=ZONE, reason="the broker withdrew it"))
        feed.tick(STOCK, 102.0, time=moment + timedelta(seconds=2))  # no repeat: the one before it never was
        feed.tick(STOCK, 101.5, time=moment + timedelta(seconds=1))
        feed.void(ticks_void(STOCK, DAY, [2], zone=ZONE, reason="the wrong price"))
        with pytest.raises(BadRow, match=f"there is no tick 2 in the session {DAY}"):
            feed.void(ticks_void(STOCK, DAY, [2], zone=ZONE, reason="again"))
    for _ in range(2):
        with MarketData(tmp_path) as market:
            assert [(one.sequence, one.price) for one in market.ticks(STOCK, *EVER)] == [
                (1, 100.0),
                (5, 101.5),
                (4, 102.0),
            ]
        roll_over(tmp_path)
    with open_log(tmp_path) as log:
        assert len(list(log.read(topics=[topic_of(TicksVoided)]))) == 2


def test_what_names_nothing_cannot_be_taken_back(tmp_path: Path) -> None:
    home = tmp_path / "home"
    fed(home, bars(DAY, 2))
    for void in (
        lambda: bars_void(NIFTY, "1m", [], zone=ZONE, reason="x"),
        lambda: bars_void(NIFTY, "7m", [bars(DAY)[0].time], zone=ZONE, reason="x"),
        lambda: bars_void(NIFTY, "1m", [datetime(2026, 11, 19, 9, 15)], zone=ZONE, reason="x"),  # noqa: DTZ001
        lambda: bars_void(NIFTY, "1m", [bars(DAY)[0].time, bars(NEXT)[0].time], zone=ZONE, reason="x"),
        lambda: ticks_void(NIFTY, "yesterday", [1], zone=ZONE, reason="x"),
    ):
        with pytest.raises(BadRow):
            void()
    ticks = recorded(home, [{"symbol": STOCK, "session": DAY, "sequence": 1, "void": "x"}, {"void": 1}], "tick")
    assert [one.line for one in ticks.bad] == [1, 2]
    wrong = recorded(home, [{"symbol": "NSE_EQ|NEVER", "time": bars(DAY)[0].time.isoformat(), "void": "x"}])
    assert [one.reason for one in wrong.bad] == [f"NSE_EQ|NEVER: there is no 1m bar of 9:15:00 in the session {DAY}"]
    assert told(home) == bars(DAY, 2)


def test_a_rollover_at_every_boundary_and_twice_puts_each_row_into_the_session_of_its_date_once(tmp_path: Path) -> None:
    rows = [
        bars(DAY, 1, start="15:29:00")[0],
        bars(DAY, 1, start="23:59:00")[0],
        bars(NEXT, 1, start="00:00:00")[0],
        bars(NEXT, 1, start="09:15:00")[0],
    ]
    for count, row in enumerate(rows, 1):
        fed(tmp_path, [row])
        roll_over(tmp_path)
        assert roll_over(tmp_path).put_away == []
        assert (told(tmp_path), live_rows(tmp_path)) == (rows[:count], 0)
    assert [len(stored(day_file(tmp_path, day))) for day in (DAY, NEXT)] == [2, 2]
