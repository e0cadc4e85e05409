"""Acceptance line 6: the health check tells the truth. Planted: each thing that the original's could not see."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest

from operations.market.feed import MarketFeed
from operations.market.rollover import LIVE, roll_over
from operations.rebuilding import catch_up_all
from operations.verifying import Verification, verify
from projections.engine import model_path
from tests.market.market import DAY, NEXT, bars, day_file, fed, feed_bars


def verified(home: Path) -> Verification:
    return verify(home, "all", repair=False, tell=lambda *_: None)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    fed(tmp_path, bars(DAY))
    roll_over(tmp_path)
    fed(tmp_path, bars(NEXT))
    catch_up_all(tmp_path, tell=lambda *_: None)
    return tmp_path


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
