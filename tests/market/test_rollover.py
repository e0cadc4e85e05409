"""Putting sessions away: exactly once, whatever interrupts it, whatever lies in the buffer."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import apsw
import pytest

from domain.errors import HomeBusy, LedgerError, StoreError
from domain.event import topic_of
from domain.market import BarsPromoted, BufferReset, RolloverCompleted, SessionSealed
from ledger.log import open_log
from operations.market.feed import MarketFeed
from operations.market.rollover import LIVE, roll_over
from projections.engine import model_path
from tests.market.market import (
    DAY,
    NEXT,
    NIFTY,
    STOCK,
    at,
    bars,
    block,
    brought,
    day_file,
    fed,
    live_rows,
    record,
    stored,
    told,
)

ROOT = Path(__file__).resolve().parents[2]


def steps(home: Path) -> list[str]:
    with open_log(home) as log:
        found = [one for one in log.read(limit=1_000) if one.stream.startswith("market-session")]
    return [f"{one.stream.rpartition(':')[2]} {one.topic.partition('.')[0]}" for one in found]


def killed(home: Path, copies: Path, *, stride: int) -> dict[str, Any]:
    copies.mkdir()
    program = [sys.executable, "-m", "tests.market.killing", str(home), str(copies), str(stride)]
    done = subprocess.run(
        program, cwd=ROOT, capture_output=True, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def check_kills(found: dict[str, Any], *, count: int) -> None:
    undisturbed = found["undisturbed"]
    assert len(undisturbed["bars"]) == count
    assert undisturbed["live"] == 0
    for kill in found["kills"]:
        assert kill["killed"], kill["step"]
        assert kill["after_kill"] == count, f"killed at {kill['step']}: a reader missed rows, or saw some twice"
        assert kill["rolled"]["bars"] == undisturbed["bars"], kill["step"]
        assert kill["rolled"]["live"] == 0, kill["step"]
        assert kill["rolled"]["steps"] == undisturbed["steps"], kill["step"]
        assert kill["twice"] == kill["rolled"], kill["step"]


@pytest.mark.soak
def test_killed_at_every_single_step_it_ends_with_every_row_once(tmp_path: Path) -> None:
    home = tmp_path / "home"
    fed(home, bars(DAY))
    fed(home, [*bars(NEXT), *bars(DAY, 3, start="15:00:00")])
    fed(home, bars(DAY), STOCK)
    check_kills(killed(home, tmp_path / "copies", stride=1), count=13)


@pytest.mark.soak
def test_killed_at_any_moment_whatever_it_is_doing_it_ends_with_every_row_once(tmp_path: Path) -> None:
    """Not between steps but anywhere: while a file is written, a database committed, or a name changed."""
    rows = [*bars(DAY, 360), *bars(NEXT, 360)]
    fed(tmp_path / "home", rows)
    program = f"import sys; from pathlib import Path; from operations.market.rollover import roll_over; {_ROLL}"
    kills = 0
    for number in range(60):
        home = shutil.copytree(tmp_path / "home", tmp_path / f"killed-{number}")
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        with subprocess.Popen(
            [sys.executable, "-c", program, str(home)], cwd=ROOT, env=environment, stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(number * 0.01)
            process.kill()
        kills += process.returncode != 0
        assert told(home) == rows
        roll_over(home, wait_s=10)
        assert (told(home), live_rows(home)) == (rows, 0)
        with open_log(home) as log:
            completed = [one for one in log.read(limit=1_000) if one.topic == topic_of(RolloverCompleted)]
        assert len(completed) == 2
        shutil.rmtree(home)
    assert kills > 10


_ROLL = "print('ready', flush=True); roll_over(Path(sys.argv[1]))"


def test_the_steps_are_events_in_their_order_and_the_second_time_there_are_none(tmp_path: Path) -> None:
    fed(tmp_path, bars(DAY))
    [rolled] = roll_over(tmp_path).put_away
    assert rolled.rows == {"candles/1m": 5}
    names = [
        "session-opened",
        "rollover-started",
        "bars-promoted",
        "session-sealed",
        "buffer-reset",
        "rollover-completed",
    ]
    assert steps(tmp_path) == [f"{DAY} {name}" for name in names]
    assert (live_rows(tmp_path), len(told(tmp_path))) == (0, 5)
    assert roll_over(tmp_path).put_away == []
    assert len(steps(tmp_path)) == len(names)


def test_rows_of_another_date_go_into_the_file_of_their_own_session(tmp_path: Path) -> None:
    late = bars(DAY, 1, start="15:29:00")
    fed(tmp_path, [*bars(NEXT, 3), *late])
    fed(tmp_path, bars(NEXT, 2), "MCX_FO|451669")
    roll_over(tmp_path, exchange="nse")
    assert [row[1] for row in stored(day_file(tmp_path, DAY))] == [late[0].time.replace(tzinfo=None)]
    assert len(stored(day_file(tmp_path, NEXT))) == 3
    assert live_rows(tmp_path) == 2  # mcx stays
    assert not day_file(tmp_path, NEXT, exchange="mcx").exists()
    assert len(told(tmp_path)) == 4


def test_a_holiday_and_a_date_that_is_none(tmp_path: Path) -> None:
    fed(tmp_path, bars(DAY, 2))
    before = steps(tmp_path)
    assert roll_over(tmp_path, session="2026-11-22").put_away == []
    assert steps(tmp_path) == before
    with pytest.raises(LedgerError, match="is not a date"):
        roll_over(tmp_path, session="yesterday")


def test_in_the_middle_of_a_session_and_after_it_was_sealed_the_rest_is_put_away_the_next_time(tmp_path: Path) -> None:
    day = bars(DAY, 6)
    fed(tmp_path, day[:3])
    roll_over(tmp_path)
    fed(tmp_path, day[3:])
    assert told(tmp_path) == day
    assert live_rows(tmp_path) == 3
    [again] = roll_over(tmp_path).put_away
    assert again.rows == {"candles/1m": 6}
    # A back-fill without a feed amends the sealed session; it is sealed anew.
    extra = bars(DAY, 1, start="15:29:00", price=7)
    record(tmp_path, block(DAY, extra))
    brought(tmp_path)
    assert told(tmp_path) == [*day, *extra]
    assert day_file(tmp_path, DAY).stat().st_mode & 0o222
    [resealed] = roll_over(tmp_path).put_away
    assert resealed.rows == {"candles/1m": 7}
    assert day_file(tmp_path, DAY).stat().st_mode & 0o777 == 0o444


def test_ticks_of_one_second_all_survive(tmp_path: Path) -> None:
    with MarketFeed(tmp_path) as feed:
        for number in range(20):
            feed.tick(STOCK, 100 + number, 1, time=at(DAY, "09:15:00"))
    [rolled] = roll_over(tmp_path).put_away
    assert rolled.rows == {"ticks": 20}
    query = "SELECT sequence, price FROM ticks ORDER BY sequence"
    assert stored(day_file(tmp_path, DAY, kind="ticks"), query) == [(n + 1, 100.0 + n) for n in range(20)]


def test_nothing_is_reset_when_the_day_file_lacks_a_row_of_the_buffer(tmp_path: Path) -> None:
    fed(tmp_path, bars(DAY))

    def lose(step: str) -> None:
        # Whatever could make the two differ: here the buffer holds what the log does not say.
        if step == "verify":
            db = apsw.Connection(str(model_path(tmp_path, LIVE)))
            db.execute("UPDATE candles SET close = 1.5 WHERE time_us = (SELECT min(time_us) FROM candles)")
            db.close()

    with pytest.raises(StoreError, match="1 rows of the live buffer are not in the day file"):
        roll_over(tmp_path, step=lose)
    assert live_rows(tmp_path) == 5
    assert f"{DAY} buffer-reset" not in steps(tmp_path)


def test_a_day_file_that_is_damaged_before_it_is_sealed_is_found(tmp_path: Path) -> None:
    fed(tmp_path, bars(DAY))

    def damage(step: str) -> None:
        if step == "verify":
            day_file(tmp_path, DAY).write_bytes(b"not a database at all")

    with pytest.raises(StoreError, match="cannot be read"):
        roll_over(tmp_path, step=damage)
    assert live_rows(tmp_path) == 5
    roll_over(tmp_path)
    assert (live_rows(tmp_path), len(told(tmp_path))) == (0, 5)


def test_the_seal_names_rows_and_digest_of_what_was_promoted(tmp_path: Path) -> None:
    fed(tmp_path, bars(DAY))
    roll_over(tmp_path)
    with open_log(tmp_path) as log:
        found = {one.topic: json.loads(one.state) for one in log.read(limit=100)}
    promoted, sealed = found[topic_of(BarsPromoted)], found[topic_of(SessionSealed)]
    assert sealed["rows"] == {"candles/1m": promoted["rows"]} == {"candles/1m": 5}
    assert sealed["digests"] == {"candles/1m": promoted["digest"]}
    assert found[topic_of(BufferReset)]["through"] == found[topic_of(RolloverCompleted)]["through"] == sealed["through"]


def test_while_another_writes_it_says_who(tmp_path: Path) -> None:
    fed(tmp_path, bars(DAY, 1))
    with (
        open_log(tmp_path, write=True, command="somebody"),
        pytest.raises(HomeBusy, match=rf"process {os.getpid()} \(somebody"),
    ):
        roll_over(tmp_path)
    assert NIFTY  # the feed itself does not hold the log between its flushes
    with MarketFeed(tmp_path) as feed:
        feed.flush()
        assert len(roll_over(tmp_path).put_away) == 1
