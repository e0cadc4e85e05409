"""Back-ups: what is copied, when a copy counts, and which are kept."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import DiskFull, HomeBusy, HomeError, StoreError
from domain.event import encode, topic_of
from domain.universe import SettingChanged
from ledger.log import Entry, open_log
from operations.backup.copies import Copy, all_copies, copies_of, newest_proven, prune
from operations.backup.making import _alone, backup
from operations.backup.tiers import Tier
from operations.demo_legacy import write_legacy_folder
from operations.replaying import replay
from operations.sealing import seal

NOW = datetime(2026, 11, 20, 18, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("backups")
    write_legacy_folder(place / "legacy", securities=12, years=1)
    replay(place / "legacy", place / "home")
    seal(place / "home")
    (place / "home" / "daybook.toml").write_text("[backup]\nhourly = 2\n")
    return place / "home"


@pytest.fixture
def home(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "home"))


def small(home: Path, value: str = "1") -> None:
    event = SettingChanged(key="fee", value=value)
    with open_log(home, create=True, write=True) as log:
        log.append([Entry("setting:fee", topic_of(SettingChanged), encode(event))])


def rows(path: Path, table: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as db:
        return db.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall()


@pytest.mark.parametrize(
    ("tier", "name", "models"),
    [
        (Tier.HOURLY, "2026-11-20T18", set()),
        (Tier.DAILY, "2026-11-20", {"agents", "config", "history", "portfolio", "satellites", "universe"}),
        (Tier.WEEKLY, "2026-W47", {"agents", "cache", "config", "history", "portfolio", "satellites", "universe"}),
        (Tier.MONTHLY, "2026-11", {"agents", "cache", "config", "history", "portfolio", "satellites", "universe"}),
    ],
)
def test_a_copy_holds_what_its_tier_says_row_by_row(home: Path, tier: Tier, name: str, models: set[str]) -> None:
    (made,) = backup(home, tier, now=NOW)
    folder = home / "backups" / tier / name
    assert (made.name, made.is_new) == (name, True)
    assert {one.stem for one in folder.glob("*.db")} == {"ledger", *models}
    assert rows(folder / "ledger.db", "stored_events") == rows(home / "ledger.db", "stored_events")
    if "portfolio" in models:
        assert rows(folder / "portfolio.db", "positions") == rows(home / "portfolio.db", "positions")
    assert [one.name for one in (folder / "seals").iterdir()] == [one.name for one in (home / "seals").glob("*.json")]
    assert (folder / "daybook.toml").exists()
    assert not list(folder.rglob("*.pem"))
    (copy,) = copies_of(home / "backups", tier)
    assert copy.problems() == []


def test_a_second_run_in_the_same_period_makes_nothing_and_mends_what_was_damaged(tmp_path: Path) -> None:
    small(tmp_path)
    (first,) = backup(tmp_path, Tier.HOURLY, now=NOW)
    small(tmp_path, "2")
    (again,) = backup(tmp_path, Tier.HOURLY, now=NOW + timedelta(minutes=29))
    assert (again.name, again.is_new, again.position) == (first.name, False, 1)
    path = tmp_path / "backups" / "hourly" / first.name / "ledger.db"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    (mended,) = backup(tmp_path, Tier.HOURLY, now=NOW)
    assert (mended.name, mended.is_new, mended.position) == (first.name, True, 2)


@pytest.mark.parametrize("name", ["ledger.db", "portfolio.db", "manifest.json", "seals"])
def test_a_copy_that_was_changed_in_any_file_is_not_proven(home: Path, name: str) -> None:
    backup(home, Tier.DAILY, now=NOW)
    (copy,) = copies_of(home / "backups", Tier.DAILY)
    path = next(iter((copy.path / name).iterdir())) if name == "seals" else copy.path / name
    content = bytearray(path.read_bytes())
    for place in (0, len(content) // 2, len(content) - 2):
        changed = bytearray(content)
        changed[place] ^= 1
        path.write_bytes(changed)
        (found,) = copies_of(home / "backups", Tier.DAILY)
        assert any(path.name in problem or name in problem for problem in found.problems()) or not found.manifest
        assert found.problems()
        assert newest_proven(home / "backups") is None
    path.unlink()
    assert copies_of(home / "backups", Tier.DAILY)[0].problems()


def test_a_damaged_ledger_is_not_copied_and_the_copies_before_stay(tmp_path: Path) -> None:
    small(tmp_path)
    backup(tmp_path, Tier.HOURLY, now=NOW)
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as db, db:
        (sql,) = db.execute("SELECT sql FROM sqlite_schema WHERE type = 'trigger' AND sql LIKE '%UPDATE%'").fetchone()
        db.execute("DROP TRIGGER " + sql.split()[2])
        db.execute("UPDATE stored_events SET topic = 'x'")
        db.execute(sql)
    with pytest.raises(StoreError, match="not sound"):
        backup(tmp_path, Tier.HOURLY, now=NOW + timedelta(hours=1))
    (copy,) = copies_of(tmp_path / "backups", Tier.HOURLY)
    assert copy.problems() == []
    assert not list((tmp_path / "backups" / "hourly").glob(".*"))


def test_a_damaged_read_model_is_left_out_for_it_can_be_derived(home: Path) -> None:
    (home / "portfolio.db").write_bytes(b"no database at all" * 1000)
    backup(home, Tier.DAILY, now=NOW)
    (copy,) = copies_of(home / "backups", Tier.DAILY)
    assert copy.problems() == []
    assert not (copy.path / "portfolio.db").exists()


def test_another_disk_gets_the_same_copy(tmp_path: Path) -> None:
    home, disk = tmp_path / "home", tmp_path / "disk"
    small(home)
    made = backup(home, Tier.DAILY, now=NOW, to=[disk])
    assert [one.folder for one in made] == [str(home / "backups"), str(disk)]
    shutil.rmtree(home)
    copy = newest_proven(disk)
    assert copy is not None
    assert copy.manifest is not None
    assert copy.manifest.position == 1


def test_what_a_killed_back_up_left_is_no_copy_and_goes(tmp_path: Path) -> None:
    small(tmp_path)
    left = tmp_path / "backups" / "hourly" / ".unfinished-2026-11-20T17"
    left.mkdir(parents=True)
    (left / "ledger.db").write_bytes(b"half")
    assert all_copies(tmp_path / "backups") == []
    backup(tmp_path, Tier.HOURLY, now=NOW)
    assert not left.exists()


def test_two_back_ups_at_once_do_not_meet(tmp_path: Path) -> None:
    small(tmp_path)
    with (
        _alone((tmp_path / "backups").absolute(), Tier.HOURLY),
        pytest.raises(HomeBusy, match="another back-up is being made"),
    ):
        backup(tmp_path, Tier.DAILY, now=NOW)


def test_a_full_disk_leaves_nothing_half_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small(tmp_path)
    backup(tmp_path, Tier.DAILY, now=NOW)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("operations.backup.manifest.sync_all", full)
    with pytest.raises(DiskFull, match="disk is full"):
        backup(tmp_path, Tier.DAILY, now=NOW + timedelta(days=1))
    (copy,) = copies_of(tmp_path / "backups", Tier.DAILY)
    assert copy.problems() == []
    assert not list((tmp_path / "backups" / "daily").glob(".*"))


def test_two_years_of_jobs_keep_as_many_copies_as_each_tier_says(tmp_path: Path) -> None:
    small(tmp_path)
    now = datetime(2024, 1, 1, tzinfo=UTC)
    for day in range(731):
        moment = now + timedelta(days=day)
        due = [
            Tier.DAILY,
            *([Tier.WEEKLY] if moment.weekday() == 6 else []),
            *([Tier.MONTHLY] if moment.day == 1 else []),
        ]
        for tier in due:
            # The copies themselves are looked at elsewhere; here the folders are made as a copy leaves them.
            _pretend(tmp_path, tier, moment)
    for hour in range(50):
        _pretend(tmp_path, Tier.HOURLY, now + timedelta(days=731, hours=hour))
    counts = {tier: len(copies_of(tmp_path / "backups", tier)) for tier in Tier}
    assert counts == {Tier.HOURLY: 24, Tier.DAILY: 30, Tier.WEEKLY: 12, Tier.MONTHLY: 24}
    assert copies_of(tmp_path / "backups", Tier.DAILY)[-1].name == "2025-12-31"


def _pretend(home: Path, tier: Tier, moment: datetime) -> None:
    place = home / "backups"
    if not copies_of(place, tier):
        backup(home, tier, now=moment)
        return
    last = copies_of(place, tier)[-1].path
    shutil.copytree(last, last.with_name(tier.period(moment)), copy_function=os.link)
    prune(place, tier, keep={"hourly": 24, "daily": 30, "weekly": 12, "monthly": 120}[tier])


@given(damaged=st.sets(st.integers(0, 7)), keep=st.integers(1, 8))
@settings(max_examples=15, deadline=None)
def test_pruning_keeps_the_newest_and_never_the_last_proven_copy_goes(
    tmp_path_factory: pytest.TempPathFactory, damaged: set[int], keep: int
) -> None:
    home = tmp_path_factory.mktemp("prune")
    small(home)
    backup(home, Tier.DAILY, now=NOW)
    place = home / "backups"
    (first,) = copies_of(place, Tier.DAILY)
    names = [f"2026-12-0{day + 1}" for day in range(8)]
    for number, name in enumerate(names):
        copy = Path(shutil.copytree(first.path, first.path.with_name(name)))
        if number in damaged:
            (copy / "ledger.db").write_bytes(b"damaged")
    shutil.rmtree(first.path)
    stranger = place / "daily" / "my own notes"
    stranger.mkdir()
    proven = [name for number, name in enumerate(names) if number not in damaged]
    prune(place, Tier.DAILY, keep=keep)
    left = [copy.name for copy in copies_of(place, Tier.DAILY) if copy.manifest]
    assert left[-keep:] == names[-keep:]
    assert len(left) <= keep + 1
    assert not proven or proven[-1] in left
    assert stranger.exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[backup]\nhourly = 0\n", "hourly must be 1 or more"),
        ("[backups]\n", "backups"),
        ("[backup]\nx = 1\n", "x"),
        ("]", "line 1"),
    ],
)
def test_settings_that_cannot_be_understood_are_named(tmp_path: Path, text: str, said: str) -> None:
    small(tmp_path)
    (tmp_path / "daybook.toml").write_text(text)
    with pytest.raises(HomeError, match=said):
        backup(tmp_path, Tier.HOURLY, now=NOW)


def test_a_copy_without_a_manifest_is_said_not_to_be_proven(tmp_path: Path) -> None:
    small(tmp_path)
    backup(tmp_path, Tier.HOURLY, now=NOW)
    (copy,) = copies_of(tmp_path / "backups", Tier.HOURLY)
    (copy.path / "manifest.json").unlink()
    (copy,) = copies_of(tmp_path / "backups", Tier.HOURLY)
    assert isinstance(copy, Copy)
    assert copy.problems() == ["manifest.json cannot be read: No such file or directory"]
