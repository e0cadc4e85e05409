"""Acceptance line 1: historical data is immutable. Planted: writers of every kind, and one who gets around them."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from ledger.log import open_log
from operations.market.queries import MarketData
from operations.market.rollover import roll_over
from operations.verifying import verify
from tests.market.market import DAY, bars, day_file, fed, stored, told


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
