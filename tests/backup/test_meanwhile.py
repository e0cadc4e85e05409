"""Copies, segments and drills while others write, copy, ship and drill: no false alarm, and nothing mixed up."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from domain.errors import HomeBusy, HomeError
from ledger.log import Stored, open_log
from operations import drilling, restoring
from operations.backup import copies, manifest, segments
from operations.backup.copies import all_copies, prune
from operations.backup.making import backup
from operations.backup.segments import checked, segments_in, ship
from operations.backup.tiers import Tier
from operations.drilling import Verdict, drill
from operations.rebuilding import catch_up_all
from operations.restoring import restore
from tests.backup.test_restoring import change, quiet
from tests.market.market import DAY, bars, block, record
from tests.meanwhile import meanwhile

NOW = datetime(2026, 11, 20, 18, tzinfo=UTC)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("meanwhile") / "home"
    change(home, "1", "2", "3")
    record(home, block(DAY, bars(DAY, 3)))
    catch_up_all(home, tell=quiet)
    backup(home, Tier.WEEKLY, now=NOW)
    return home


@pytest.fixture
def home(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "home"))


def grown(home: Path) -> None:
    change(home, "4")
    record(home, block(DAY, bars(DAY, 4, price=200.0)))
    catch_up_all(home, tell=quiet)


@pytest.mark.parametrize(("name", "where"), [("table_digests", "config.db"), ("known_places", "market_data")])
def test_a_live_model_that_goes_on_while_a_drill_compares_it_does_not_make_it_fail(
    home: Path, monkeypatch: pytest.MonkeyPatch, name: str, where: str
) -> None:
    real, done = getattr(drilling, name), list[bool]()

    def read(path: Path) -> Any:
        if path == home / where and not done:
            done.append(True)
            grown(home)
        return real(path)

    monkeypatch.setattr(drilling, name, read)
    found = drill(home, now=NOW, tell=quiet)
    assert (found.verdict, found.reason) == (Verdict.PROVEN, "")
    assert done


def test_a_live_model_of_many_files_that_is_not_what_the_log_says_makes_a_drill_fail(home: Path) -> None:
    with closing(sqlite3.connect(home / "market_data" / "index.db")) as db, db:
        db.execute("UPDATE sessions SET is_open = 1 - is_open")
    found = drill(home, now=NOW, tell=quiet)
    assert (found.verdict, "table sessions" in found.reason) == (Verdict.FAILED, True)


def test_a_second_drill_at_the_same_time_is_told_so_and_the_first_is_proven(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def second() -> None:
        with pytest.raises(HomeBusy, match="another drill"):
            drill(home, now=NOW + timedelta(seconds=1), tell=quiet)

    done = meanwhile(monkeypatch, drilling, "restore", second)
    assert drill(home, now=NOW, tell=quiet).verdict is Verdict.PROVEN
    assert done


def test_a_copy_that_is_pruned_while_copies_are_listed_is_no_damaged_one(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(home, "4")
    backup(home, Tier.WEEKLY, now=NOW + timedelta(days=7))
    place = home / "backups"
    with monkeypatch.context() as patch:
        done = meanwhile(patch, copies, "_copy", lambda: prune(place, Tier.WEEKLY, keep=1), before=True)
        assert [copy.reason for copy in all_copies(place)] == [""]
        assert done
    backup(home, Tier.WEEKLY, now=NOW + timedelta(days=14))
    done = meanwhile(monkeypatch, copies, "_copy", lambda: prune(place, Tier.WEEKLY, keep=1), before=True)
    assert drill(home, now=NOW, tell=quiet).verdict is Verdict.PROVEN
    assert done


def test_a_copy_that_is_pruned_while_it_is_proven_makes_room_for_the_next(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(home, "5")
    backup(home, Tier.WEEKLY, now=NOW + timedelta(days=7))
    work = meanwhile(
        monkeypatch, manifest, "digested", lambda: prune(home / "backups", Tier.WEEKLY, keep=1), before=True
    )
    found = restore([home / "backups"], tmp_path / "into", at="3", dry_run=False, replace=False, tell=quiet)
    assert (found.plan.position, len(found.plan.skipped)) == (3, 1)
    assert work


def test_what_two_ship_at_the_same_time_is_what_was_signed(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = home / "backups"
    real, busy = segments.events_of, list[HomeBusy]()

    def slowly(*arguments: Any, **named: Any) -> Iterator[Stored]:
        for event in real(*arguments, **named):
            yield event
            if event.position == 2 and not busy:
                busy.append(HomeBusy(""))
                try:
                    ship(home, [place], now=NOW)
                except HomeBusy as error:
                    busy[0] = error

    monkeypatch.setattr(segments, "events_of", slowly)
    ship(home, [place], now=NOW)
    (path,) = segments_in(place / segments.FOLDER)
    assert checked(path).last == 4
    assert "segments are being written" in busy[0].message


def test_a_home_that_somebody_makes_during_a_restore_is_not_replaced(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    into = tmp_path / "into"
    done = meanwhile(monkeypatch, restoring, "rebuild", lambda: change(into, "mine"))
    with pytest.raises(HomeError, match="is not empty"):
        restore([home / "backups"], into, at=None, dry_run=False, replace=False, tell=quiet)
    with open_log(into) as log:
        assert log.head().position == 1
    assert done


def test_a_system_that_is_new_since_the_copy_was_made_does_not_make_a_drill_fail(tmp_path: Path) -> None:
    home = tmp_path / "home"
    change(home, "1")
    backup(home, Tier.WEEKLY, now=NOW)
    record(home, block(DAY, bars(DAY, 3)))
    catch_up_all(home, tell=quiet)
    found = drill(home, now=NOW, tell=quiet)
    assert (found.verdict, found.lost_events) == (Verdict.PROVEN, 1)
