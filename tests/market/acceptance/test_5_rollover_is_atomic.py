"""Acceptance line 5: the rollover is atomic. Planted: SIGKILL between its steps, two sessions, a second rollover.

tests/market/test_rollover.py has the rest; with `./dev soak` the kills are at every single step, with more in the buffer.
"""

from __future__ import annotations

from pathlib import Path

from tests.market.market import DAY, NEXT, bars, fed
from tests.market.test_rollover import check_kills, killed


def test_killed_anywhere_with_late_rows_in_the_buffer_every_row_is_there_once(tmp_path: Path) -> None:
    home = tmp_path / "home"
    fed(home, [*bars(NEXT, 3), *bars(DAY, 2, start="15:28:00")])
    found = killed(home, tmp_path / "copies", stride=8)
    assert len(found["kills"]) > 3
    check_kills(found, count=5)
