"""Acceptance line 1: historical data is immutable. Planted: writers of every kind, and one who gets around them."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from ledger.log import open_log
from operations.market.queries import MarketData
from operations.market.rollover import roll_over
from operations.verifying import verify
from tests.market.market import DAY, NEXT, bars, day_file, fed, stored, told
from tests.mortals import Mortals


def verified(home: Path, *, repair: bool = False) -> tuple[int, list[str]]:
    done = verify(home, "projections", repair=repair, tell=lambda *_: None)
    return done.exit_code, [found for part in done.parts for found in part.found]


def test_a_sealed_day_cannot_be_written_and_who_gets_around_that_is_found_and_undone(tmp_path: Path) -> None:
    fed(tmp_path, bars(DAY))
    roll_over(tmp_path)
    path, before = day_file(tmp_path, DAY), stored(day_file(tmp_path, DAY))
    assert path.stat().st_mode & 0o777 == 0o444
    with (
        duckdb.connect(str(path), read_only=True) as db,
        pytest.raises(duckdb.InvalidInputException, match="read-only"),
    ):
        db.execute("DELETE FROM candles")
    with MarketData(tmp_path) as market:
        [name] = market._history.attached(market._history.files("nse", "1m", DAY, DAY))
        with pytest.raises(duckdb.Error, match="read-only"):
            market._history.db.execute(f"DELETE FROM {name}.candles")
    assert stored(path) == before

    path.chmod(0o600)  # whoever may do that gets around all of it
    with duckdb.connect(str(path)) as db:
        db.execute("UPDATE candles SET close = close + 1 WHERE volume = 20")
    code, found = verified(tmp_path)
    assert code == 1
    assert any(f"nse/candles/1m/{DAY}.duckdb" in one and "09:17:00: the row is" in one for one in found), found
    code, _ = verified(tmp_path, repair=True)
    assert (code, stored(path), path.stat().st_mode & 0o777) == (0, before, 0o444)


def test_the_log_itself_refuses_to_change_what_was_recorded(tmp_path: Path) -> None:
    fed(tmp_path, bars(DAY))
    roll_over(tmp_path)
    with open_log(tmp_path) as log:
        count = log.head().position
    roll_over(tmp_path)
    with open_log(tmp_path) as log:
        assert log.head().position == count
    assert told(tmp_path) == bars(DAY)


REBUILD, VERIFY = "tests.market.deeds:rebuild_day_files", "tests.market.deeds:verify_day_files"


def left_behind(home: Path) -> list[str]:
    return [path.name for path in home.rglob(".*.building*")]


def test_a_rebuild_or_check_that_is_killed_halfway_leaves_every_sealed_day_whole(
    tmp_path: Path, mortals: Mortals
) -> None:
    rows = {day: bars(day) for day in (DAY, NEXT)}
    fed(tmp_path, [*rows[DAY], *rows[NEXT]])
    roll_over(tmp_path)
    before = {day: stored(day_file(tmp_path, day)) for day in rows}
    left = 0
    for point, deed, nth in (
        ("projections.market_files:_made", REBUILD, 1),  # a file is written, beside the sealed one
        ("projections.partitioned:sync", REBUILD, 2),  # the first is in its place, and that is not yet known
        ("projections.market_files:_made", VERIFY, 1),  # derived again to be compared
    ):
        mortals.kill(point, deed, tmp_path, nth=nth, is_done=True)
        left += len(left_behind(tmp_path))
        for day, content in before.items():
            path = day_file(tmp_path, day)
            assert (stored(path), path.stat().st_mode & 0o777) == (content, 0o444), (point, nth)
        assert told(tmp_path) == [*rows[DAY], *rows[NEXT]], (point, nth)
    assert (
        left
    )  # of the files that were being written: nobody takes them for day files, and the next who may write them
    assert verified(tmp_path, repair=True)[0] == 0
    assert verified(tmp_path) == (0, [])
    assert left_behind(tmp_path) == []  # removes them
