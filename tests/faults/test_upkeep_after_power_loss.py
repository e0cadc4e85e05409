"""A power cut in retention, in a daily copy with its read models, and in the first copy on a new disk."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path

import pytest

from domain.event import Event, encode, topic_of
from domain.moments import instant
from domain.prices import DailyPricesRecorded
from domain.universe import SecurityDescribed, SecurityRemoved
from ledger.log import Entry, open_log
from ledger.verifying import verify_log
from operations.backup.copies import copies_of, newest_proven
from operations.backup.making import backup
from operations.backup.tiers import Tier
from operations.home import BACKUPS
from operations.rebuilding import catch_up_all
from operations.retention import retention
from operations.upkeep import maintain
from operations.verifying import verify
from projections.comparing import table_digests
from tests.faults.cutting import after_all, cuts
from tests.faults.disk import Disk, contents, seeded, write_state
from tests.faults.under_python import everything_watched
from tests.faults.under_sqlite3 import LIBRARY, REASON

pytestmark = pytest.mark.skipif(LIBRARY is None, reason=REASON)

REMOVED = datetime(2026, 1, 1, 12, tzinfo=UTC)
NOW = REMOVED + timedelta(days=40)
GROWN = ("history", "portfolio", "universe")


def quiet(*_: object) -> None:
    """Tell nobody."""


def a_home(place: Path) -> Path:
    """A home with a security that was removed, one that stays, and prices that belong to none."""
    home, moment = place / "home", instant(REMOVED)
    said: list[tuple[str, Event]] = []
    for symbol in ("A", "B", "C"):
        prices = DailyPricesRecorded(symbol=symbol, count=1, zone="UTC", date=["2025-12-01"], close_price=[1.5])  # type: ignore[arg-type]  # as replay makes them
        said.append((f"prices:1d:{symbol}", prices))
    for symbol in ("A", "B"):
        known = SecurityDescribed(occurred_at=moment, symbol=symbol, name=symbol, active=1, created_at=moment)
        said.append((f"security:{symbol}", known))
    said.append(("security:A", SecurityRemoved(occurred_at=moment, symbol="A")))
    with open_log(home, create=True, write=True) as log:
        log.append([Entry(stream, topic_of(type(event)), encode(event)) for stream, event in said])
    catch_up_all(home, tell=quiet)
    return home


def rows(home: Path) -> dict[str, dict[str, tuple[int, str]]]:
    return {name: table_digests(home / f"{name}.db") for name in GROWN}


def searched(home: Path, disk: Disk, drawn: int, check: Callable[[Path, int, str], None]) -> None:
    """Cut at random, and once when the end had been reached; the ledger is whole after each."""
    rng, after = seeded(), home.with_name("after")
    for cut in chain(cuts(disk, rng, count=drawn), cuts(disk, rng, count=1, first=len(disk.trace))):
        write_state(cut.files, after)
        with open_log(after) as log:
            assert log.head().position >= cut.promised, cut.said
        assert verify_log(after / "ledger.db").findings == [], cut.said
        check(after, cut.promised, cut.said)
        shutil.rmtree(after)


def retained(tmp_path: Path, drawn: int) -> None:
    home = a_home(tmp_path)
    disk = Disk(home)
    with everything_watched(disk):
        found = retention(home, now=NOW)
        with open_log(home) as log:
            disk.promise(log.head().position)
    assert (found.purged, found.orphans) == (["A"], ["C"])
    right = rows(home)

    def check(after: Path, _: int, said: str) -> None:
        retention(after, now=NOW)
        assert rows(after) == right, said
        again = retention(after, now=NOW)
        assert (again.purged, again.orphans) == ([], []), said

    searched(home, disk, drawn, check)


def test_after_a_power_cut_in_retention_the_next_one_comes_to_the_same_rows(tmp_path: Path) -> None:
    retained(tmp_path, 5)


def maintained(tmp_path: Path, how_often: str, drawn: int) -> None:
    home = a_home(tmp_path)
    with open_log(home) as log:
        before = [one.hash for one in log.read()]
    disk = Disk(home)
    with everything_watched(disk):
        maintain(home, how_often, now=NOW, tell=quiet)
        disk.promise(len(before))

    def check(after: Path, _: int, said: str) -> None:
        with open_log(after) as log:
            assert [one.hash for one in log.read()][: len(before)] == before, said
        catch_up_all(after, tell=quiet)
        verify(after, "projections", repair=True, tell=quiet)
        assert verify(after, "all", repair=False, tell=quiet).exit_code == 0, said

    searched(home, disk, drawn, check)


@pytest.mark.soak
@pytest.mark.parametrize("how_often", ["daily", "weekly"])
def test_after_a_power_cut_in_upkeep_everything_is_whole_or_found_and_mended(tmp_path: Path, how_often: str) -> None:
    maintained(tmp_path, how_often, 25)


@pytest.mark.soak
def test_after_a_power_cut_at_many_steps_of_retention_the_next_one_comes_to_the_same_rows(tmp_path: Path) -> None:
    retained(tmp_path, 80)


def copied(tmp_path: Path, tier: Tier, drawn: int) -> None:
    """The first copy of all, so that its folders are new as well; a settings file goes with it."""
    home = a_home(tmp_path)
    (home / "daybook.toml").write_text(f"[backup]\n{tier} = 3\n")
    disk = Disk(home)
    with everything_watched(disk):
        backup(home, tier, now=NOW)
        disk.promise(1)
    assert after_all(disk) == contents(home)
    (made,) = copies_of(home / BACKUPS, tier)
    right = contents(made.path)

    def check(after: Path, promised: int, said: str) -> None:
        found = newest_proven(after / BACKUPS)
        assert found is not None or not promised, said
        assert found is None or contents(found.path) == right, said
        backup(after, tier, now=NOW)
        (again,) = copies_of(after / BACKUPS, tier)
        assert again.problems() == [], said
        for path in made.path.glob("*.db"):
            assert table_digests(again.path / path.name) == table_digests(path), said

    searched(home, disk, drawn, check)


def test_after_a_power_cut_the_first_daily_copy_is_proven_or_made_again(tmp_path: Path) -> None:
    copied(tmp_path, Tier.DAILY, 4)


@pytest.mark.soak
@pytest.mark.parametrize("tier", list(Tier))
def test_after_a_power_cut_at_many_steps_the_first_copy_of_each_tier_is_proven_or_made_again(
    tmp_path: Path, tier: Tier
) -> None:
    copied(tmp_path, tier, 40)


def test_after_a_power_cut_the_first_copy_on_a_new_disk_is_there_when_it_was_said_to_be(tmp_path: Path) -> None:
    home = a_home(tmp_path)
    place = tmp_path / "disk"
    place.mkdir()
    disk = Disk(place)
    with everything_watched(disk):
        backup(home, Tier.HOURLY, now=NOW, to=[place / "daybook"])
        disk.promise(1)
    found = 0
    for cut in chain(cuts(disk, seeded(), count=60), cuts(disk, first=len(disk.trace))):
        write_state(cut.files, tmp_path / "after")
        copy = newest_proven(tmp_path / "after" / "daybook")
        assert copy is not None or not cut.promised, cut.said
        found += copy is not None
        shutil.rmtree(tmp_path / "after")
    assert found
