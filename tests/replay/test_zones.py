"""Naive times are read in the zone that the newest run names, whatever earlier runs thought and wherever they were killed."""

from __future__ import annotations

import pytest

from tests.legacy import Legacy, bar, trade
from tests.replay.oracle import stored

SETTINGS = [{"key": key, "value": "1", "updated_at": "2025-07-01T12:00:00"} for key in "abcdefgh"]
ZONES = {"Europe/Athens": "2025-07-01T09:00:00.000000Z", "America/New_York": "2025-07-01T16:00:00.000000Z"}


class Killed(Exception):
    """Stands for the end of the process."""


def killed_after(legacy: Legacy, batches: int, zone: str) -> None:
    """Replay in small batches, and stop for good after some of them."""
    left = [batches]

    def tell(phase: str, *_: object) -> None:
        if phase == "append":
            left[0] -= 1
            if left[0] < 0:
                raise Killed

    with pytest.raises(Killed):
        legacy.replay(timezone=zone, batch_max=2, tell=tell)


@pytest.fixture
def filled(legacy: Legacy) -> Legacy:
    legacy.write("config.db", "config_v12", settings=SETTINGS)
    legacy.write("history/A_US.db", "history_v1", daily_prices=[bar("2025-07-01", created_at="2025-07-01T12:00:00")])
    return legacy


def times(legacy: Legacy) -> set[str]:
    shown = legacy.model("config", "SELECT updated_at FROM settings")
    return {row[0] for row in shown + legacy.model("history", "SELECT created_at FROM daily_prices")}


@pytest.mark.parametrize("batches", [1, 2, 3])
def test_a_run_killed_in_another_zone_leaves_no_time_behind(filled: Legacy, batches: int) -> None:
    filled.replay(timezone="Europe/Athens")
    killed_after(filled, batches, "America/New_York")
    filled.replay(timezone="Europe/Athens")
    assert times(filled) == {ZONES["Europe/Athens"]}
    assert filled.replay(timezone="Europe/Athens").events_appended == 0


@pytest.mark.parametrize("batches", [1, 2, 3])
def test_a_first_run_killed_in_another_zone_leaves_no_time_behind(filled: Legacy, batches: int) -> None:
    killed_after(filled, batches, "America/New_York")
    filled.replay(timezone="Europe/Athens")
    assert times(filled) == {ZONES["Europe/Athens"]}


def test_a_run_in_another_zone_is_a_run_of_its_own(filled: Legacy) -> None:
    killed_after(filled, 1, "America/New_York")
    filled.replay(timezone="Europe/Athens")
    assert [(run["run"], run["timezone"]) for run in filled.events("replay-started")] == [
        (1, "America/New_York"), (2, "Europe/Athens")]  # fmt: skip
    assert [run["run"] for run in filled.events("replay-completed")] == [2]


def test_a_run_killed_and_started_again_in_its_own_zone_is_the_same_run(filled: Legacy) -> None:
    killed_after(filled, 2, "Europe/Athens")
    filled.replay(timezone="Europe/Athens", batch_max=2)
    (run,) = filled.events("replay-completed")
    assert run["run"] == 1
    assert len(filled.events("replay-started")) == 1


def test_rows_with_a_zone_of_their_own_are_not_recorded_again_in_another(legacy: Legacy) -> None:
    legacy.write("ledger.db", "ledger_v4", trades=[trade("O1", executed_at="2025-07-01T12:00:00+03:00")])
    legacy.replay(timezone="Europe/Athens")
    before = stored(legacy.home)
    legacy.replay(timezone="America/New_York")
    assert stored(legacy.home)[: len(before)] == before
    assert legacy.events("trade-corrected") == []
    assert legacy.ledger("SELECT executed_at FROM trades") == [(ZONES["Europe/Athens"],)]
