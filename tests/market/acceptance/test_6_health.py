"""Acceptance line 6: the health check tells the truth. Planted: each thing that the original's could not see."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest

from operations.health.looking import health
from operations.market.feed import MarketFeed
from operations.market.rollover import LIVE, roll_over
from operations.rebuilding import catch_up_all
from operations.verifying import Verification, verify
from projections.engine import model_path
from tests.market.market import DAY, NEXT, at, bars, day_file, feed_bars, live_rows, told
from tests.mortals import Mortals


def verified(home: Path) -> Verification:
    return verify(home, "all", repair=False, tell=lambda *_: None)


def test_all_is_well_with_a_feed_at_work_and_in_a_new_home(
    home: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with MarketFeed(home) as feed:
        feed_bars(feed, bars(NEXT, 1, start="15:00:00"))
        feed.flush()
        assert verified(home).exit_code == 0
    fresh = tmp_path_factory.mktemp("fresh")
    with MarketFeed(fresh):
        pass
    catch_up_all(fresh, tell=lambda *_: None)
    assert verified(fresh).exit_code == 0


def _lose_a_live_row(home: Path) -> None:
    db = apsw.Connection(str(model_path(home, LIVE)))
    db.execute("DELETE FROM candles WHERE time_us = (SELECT min(time_us) FROM candles)")
    db.close()


@pytest.mark.parametrize(
    ("plant", "code", "said"),
    [
        (lambda home: day_file(home, DAY).unlink(), 1, "the file is missing"),
        (_lose_a_live_row, 1, "the row is missing"),
        (
            lambda home: (home / "market_data" / ".schema_version").write_text("0.1\n"),
            3,
            "has version 0.1 of its layout",
        ),
        (lambda home: day_file(home, DAY).with_name("notes.duckdb").touch(), 1, "nothing in the log says"),
    ],
)
def test_what_is_wrong_is_named(home: Path, plant: Callable[[Path], Any], code: int, said: str) -> None:
    plant(home)
    found = verified(home)
    assert found.exit_code == code
    assert any(said in one for part in found.parts for one in [*part.found, *part.unread])


def test_after_a_rollover_was_killed_halfway_it_says_what_is_due_until_that_is_done(
    home: Path, mortals: Mortals
) -> None:
    evening, rows = at(NEXT, "17:00:00"), [*bars(DAY), *bars(NEXT)]

    def current() -> tuple[str, str]:
        [found] = [one for one in health(home, now=evening).answers if one.question == "current"]
        return found.state, found.next

    for point in ("operations.market.rollover:_promoted", "operations.market.rollover:_Rolling._keep_index"):
        mortals.kill(point, "tests.market.deeds:put_away", home)
        assert current() == ("warning", "cli rollover"), point
        assert (verified(home).exit_code, told(home)) == (0, rows), point  # nothing is wrong: it is unfinished
    [done] = roll_over(home).put_away
    assert (done.session, done.resumed, live_rows(home)) == (NEXT, True, 0)
    assert (current(), verified(home).exit_code, told(home)) == (("ok", ""), 0, rows)
