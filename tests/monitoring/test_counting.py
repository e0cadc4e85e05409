"""What a scrape counts of the log: the same as all of it counted anew, and from the second time on only what is new."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from ledger.log import Log, open_log
from operations.monitoring.counting import Counts
from tests.ledger.samples import entry


def counted(home: Path) -> dict[int, int]:
    """What plain Python counts of a topic up to each position."""
    with open_log(home) as log:
        topics = [one.topic for one in log.read()]
    return {at: topics[:at].count("trade-voided.v1") for at in range(len(topics) + 1)}


def append(home: Path, names: Sequence[str]) -> None:
    with open_log(home, create=True, write=True) as log:
        log.append([entry(name) for name in names])


def test_only_what_came_since_is_counted_and_read_models_may_stand_in_different_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(tmp_path, [f"trade:{number}" for number in range(20)])
    looked: list[tuple[int, int]] = []
    real = Log.counts

    def noted(log: Log, *, after: int, through: int) -> dict[str, int]:
        looked.append((after, through))
        return real(log, after=after, through=through)

    monkeypatch.setattr(Log, "counts", noted)
    counts, topics = Counts(), ["trade-voided.v1", "never.v1"]
    with open_log(tmp_path) as log:
        said = [counts.seen(log, through=at, topics=topics) for at in (15, 15, 4, 15, 18, 20, 4, 0)]
    assert said == [counted(tmp_path)[at] for at in (15, 15, 4, 15, 18, 20, 4, 0)]
    assert looked == [(0, 15), (0, 4), (15, 18), (18, 20)]


def test_a_ledger_that_was_put_back_and_went_another_way_is_counted_anew(tmp_path: Path) -> None:
    home, before = tmp_path / "home", tmp_path / "before"
    append(home, ["trade:1"])
    shutil.copytree(home, before)
    append(home, ["trade:2", "trade:3"])
    counts = Counts()
    with open_log(home) as log:
        assert counts.seen(log, through=3, topics=["trade-voided.v1"]) == 3
    shutil.rmtree(home)
    shutil.move(before, home)
    append(home, ["trade:9", "trade:8", "trade:7"])
    with open_log(home) as log:
        assert counts.seen(log, through=4, topics=["trade-voided.v1"]) == counted(home)[4] == 4
