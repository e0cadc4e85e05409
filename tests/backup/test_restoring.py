"""Restoring: the log to the byte, at any point, from copies and segments, and never at the cost of what is there."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import HomeBusy, HomeError, LedgerError, StoreError
from domain.event import encode, topic_of
from domain.moments import instant
from domain.universe import SettingChanged
from ledger.log import Entry, open_log
from operations.backup import segments
from operations.backup.copies import copies_of
from operations.backup.making import backup
from operations.backup.segments import segments_in, ship
from operations.backup.tiers import Tier
from operations.rebuilding import catch_up_all
from operations.restoring import Restored, restore
from operations.sealing import seal
from tests.cli.program import run, run_json, start

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def quiet(*_: object) -> None:
    """Tell nobody."""


def change(home: Path, *values: str, at: datetime | None = None) -> int:
    topic = topic_of(SettingChanged)
    entries = [
        Entry(f"setting:s{value}", topic, encode(SettingChanged(key=f"s{value}", value=value))) for value in values
    ]
    with open_log(home, create=True, write=True) as log:
        log.append(entries, recorded_at=instant(at) if at else None)
        return log.head().position


def rows(home: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(f"{(home / 'ledger.db').as_uri()}?mode=ro", uri=True)) as db:
        return db.execute("SELECT rowid, * FROM stored_events ORDER BY rowid").fetchall()


def settings_of(home: Path) -> set[str]:
    with closing(sqlite3.connect(f"{(home / 'config.db').as_uri()}?mode=ro", uri=True)) as db:
        return {key for (key,) in db.execute("SELECT key FROM settings")}


def restored(*places: Path, into: Path, at: str | None = None, replace: bool = False) -> Restored:
    return restore(list(places), into, at=at, dry_run=False, replace=replace, tell=quiet)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten events, an hour apart: a copy after the fourth and after the seventh, segments up to the ninth."""
    home = tmp_path_factory.mktemp("restoring") / "home"
    for number in range(1, 11):
        moment = NOW + timedelta(hours=number)
        change(home, str(number), at=moment)
        if number in (4, 7):
            backup(home, Tier.HOURLY, now=moment)
        if number in (3, 9):
            ship(home, [home / "backups"], now=moment)
    catch_up_all(home, tell=quiet)
    return home


@pytest.fixture
def home(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "home"))


@pytest.mark.parametrize("position", [1, 3, 4, 5, 7, 8, 9])
def test_the_log_is_the_same_to_the_byte_up_to_any_position(home: Path, tmp_path: Path, position: int) -> None:
    found = restored(home / "backups", into=tmp_path / "new", at=str(position))
    assert (found.exit_code, found.plan.position) == (0, position)
    assert rows(tmp_path / "new") == rows(home)[:position]
    assert settings_of(tmp_path / "new") == {f"s{number}" for number in range(1, position + 1)}
    assert [Path(name).name for name in found.plan.segments] == (
        [] if position <= 7 else ["000000000004-000000000009.jsonl"]
    )
    assert Path(found.plan.copy).name == ("2026-11-20T16" if position <= 4 else "2026-11-20T19")


@pytest.mark.parametrize(
    ("at", "position"),
    [
        ("2026-11-20T16:59:59Z", 4),
        ("2026-11-20T17:00:00Z", 5),
        ("2026-11-20T15:30:00Z", 3),
        ("2026-11-20", 9),
        (None, 9),
    ],
)
def test_a_point_in_time_is_recorded_time(home: Path, tmp_path: Path, at: str | None, position: int) -> None:
    assert restored(home / "backups", into=tmp_path / "new", at=at).plan.position == position


def test_a_point_that_no_copy_reaches_is_refused_and_nothing_is_left(home: Path, tmp_path: Path) -> None:
    for at in ("10", "9999"):
        with pytest.raises(LedgerError, match="the newest event in the copies and segments is 9"):
            restored(home / "backups", into=tmp_path / "new", at=at)
    with pytest.raises(LedgerError, match="cannot be reached"):
        restored(home / "backups", into=tmp_path / "new", at="2026-11-19")
    with pytest.raises(LedgerError, match="no proven copy"):
        restored(tmp_path / "nowhere", into=tmp_path / "new")
    assert [one.name for one in tmp_path.iterdir()] == ["home"]


def test_a_damaged_copy_is_passed_over_and_the_next_serves(home: Path, tmp_path: Path) -> None:
    newest = copies_of(home / "backups", Tier.HOURLY)[-1].path
    (newest / "ledger.db").write_bytes((newest / "ledger.db").read_bytes()[:-1])
    found = restored(home / "backups", into=tmp_path / "new")
    assert found.plan.position == 9
    assert Path(found.plan.copy).name == "2026-11-20T16"
    assert [newest.name in said for said in found.plan.skipped] == [True]
    assert rows(tmp_path / "new") == rows(home)[:9]


def test_segments_alone_give_the_log(home: Path, tmp_path: Path) -> None:
    shutil.rmtree(home / "backups" / "hourly")
    found = restored(home / "backups", into=tmp_path / "new")
    assert found.plan.copy == ""
    assert rows(tmp_path / "new") == rows(home)[:9]


@pytest.mark.parametrize("where", ["content", "statement", "removed", "signature file"])
def test_a_damaged_segment_is_passed_over_and_said(home: Path, tmp_path: Path, where: str) -> None:
    path = segments_in(home / "backups" / "segments")[-1]
    signed = path.with_name(path.name + segments.SIGNED)
    match where:
        case "content":
            path.write_bytes(path.read_bytes().replace(b'\\"value\\":\\"9\\"', b'\\"value\\":\\"8\\"'))
        case "statement":
            signed.write_text(signed.read_text().replace('"last": 9', '"last": 8'))
        case "removed":
            path.unlink()
        case "signature file":
            signed.unlink()
    found = restored(home / "backups", into=tmp_path / "new")
    assert found.plan.position == 7
    assert len(found.plan.skipped) == (where != "removed")


def test_a_segment_of_another_log_is_neither_continued_nor_restored(home: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    change(other, *map(str, range(20, 32)))
    with pytest.raises(StoreError, match="of another log"):
        ship(other, [home / "backups"], now=NOW)
    ship(other, [tmp_path / "place"], now=NOW)
    copied = shutil.copytree(home / "backups" / "hourly", tmp_path / "place" / "hourly")
    shutil.rmtree(Path(copied) / "2026-11-20T16")
    with pytest.raises(StoreError, match="event 8 does not agree with its hash"):
        restored(tmp_path / "place", into=tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_many_events_are_shipped_as_several_segments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "EVENTS_MAX", 3)
    change(tmp_path / "home", *map(str, range(10)))
    made = ship(tmp_path / "home", [tmp_path / "place"], now=NOW)
    assert [(one.first, one.last) for one in made] == [(1, 3), (4, 6), (7, 9), (10, 10)]
    assert ship(tmp_path / "home", [tmp_path / "place"], now=NOW) == []
    assert restored(tmp_path / "place", into=tmp_path / "new").plan.position == 10


def test_a_live_home_is_replaced_only_when_asked_and_lies_aside_whole(home: Path, tmp_path: Path) -> None:
    seal(home)
    before, key = rows(home), (home / "seals" / "seal-key.pem").read_bytes()
    with pytest.raises(HomeError, match="not empty"):
        restored(home / "backups", into=home, at="5")
    found = restored(home / "backups", into=home, at="5", replace=True)
    assert found.aside is not None
    assert rows(home) == before[:5]
    assert rows(Path(found.aside)) == before
    assert settings_of(home) == {f"s{number}" for number in range(1, 6)}
    assert copies_of(home / "backups", Tier.HOURLY)
    assert (home / "seals" / "seal-key.pem").read_bytes() == key
    assert change(home, "new") == 6


def test_a_wal_that_was_left_behind_does_not_reach_the_restored_home(home: Path) -> None:
    with closing(sqlite3.connect(home / "ledger.db")) as reader:
        reader.execute("SELECT count(*) FROM stored_events").fetchone()
        change(home, "in the wal")
        assert (home / "ledger.db-wal").stat().st_size
        restored(home / "backups", into=home, at="9", replace=True)
    assert len(rows(home)) == 9
    assert not (home / "ledger.db-wal").exists() or (home / "ledger.db-wal").stat().st_size == 0


def test_a_home_that_is_being_written_to_is_not_replaced(home: Path) -> None:
    before = rows(home)
    with open_log(home, write=True), pytest.raises(HomeBusy):
        restored(home / "backups", into=home, at="5", replace=True)
    assert rows(home) == before
    assert not list(home.parent.glob(".*"))


def test_the_folder_of_a_legacy_system_is_never_replaced(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "legacy"
    folder.mkdir()
    with closing(sqlite3.connect(folder / "config.db")) as db:
        db.execute("CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT)")
    with pytest.raises(HomeError, match="not a read model"):
        restored(home / "backups", into=folder, replace=True)


def test_a_plan_changes_nothing(home: Path, tmp_path: Path) -> None:
    found = run_json("restore", "--into", tmp_path / "new", "--at", "8", "--dry-run", home=home)
    assert (found["plan"]["position"], found["dry_run"]) == (8, True)
    assert not (tmp_path / "new").exists()
    assert "would have 8 events" in run("restore", "--into", home, "--at", "8", "--dry-run", home=home).output


@given(counts=st.lists(st.integers(1, 4), min_size=1, max_size=6), data=st.data())
@settings(max_examples=5, deadline=None)
def test_whatever_was_copied_and_shipped_every_point_up_to_the_last_can_be_reached(
    tmp_path_factory: pytest.TempPathFactory, counts: list[int], data: st.DataObject
) -> None:
    place = tmp_path_factory.mktemp("points")
    home, reached, number = place / "home", 0, 0
    for hour, count in enumerate(counts):
        head = change(home, *(str(number + one) for one in range(count)))
        number += count
        how = data.draw(st.sampled_from(["copy", "ship", "both", "neither"]))
        if how in ("copy", "both"):
            backup(home, Tier.HOURLY, now=NOW + timedelta(hours=hour))
        if how in ("ship", "both"):
            ship(home, [home / "backups"], now=NOW)
        reached = reached if how == "neither" else head
    if not reached:
        return
    position = data.draw(st.integers(1, reached))
    found = restored(home / "backups", into=place / "new", at=str(position))
    assert rows(place / "new") == rows(home)[:position]
    assert found.findings == []


@pytest.mark.parametrize("wait", [0.15, 0.3, 0.45])
def test_killed_anywhere_the_old_home_or_the_new_one_is_whole(home: Path, wait: float) -> None:
    before = rows(home)
    process = start("--home", home, "restore", "--at", "5", "--into", home, "--replace")
    time.sleep(wait)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    assert rows(home) in (before, before[:5])
    assert run("restore", "--at", "5", "--into", home, "--replace", "--from", _backups(home), home=home).exit_code == 0
    assert rows(home) == before[:5]


def _backups(home: Path) -> Path:
    """Where the copies are now: with the home, or aside when the kill came before they followed."""
    return next(one for one in [home / "backups", *home.parent.glob("*.replaced-*/backups")] if one.exists())


def test_a_restored_log_is_exported_and_checked_like_the_original(home: Path, tmp_path: Path) -> None:
    restored(home / "backups", into=tmp_path / "new")
    assert run("verify", "ledger", home=tmp_path / "new").exit_code == 0
    lines = (home / "backups" / "segments" / "000000000004-000000000009.jsonl").read_bytes().splitlines()
    assert [json.loads(line)["position"] for line in lines] == list(range(4, 10))


def test_the_lines_of_segments_are_those_of_an_export(home: Path, tmp_path: Path) -> None:
    assert run("audit", "export", "--format", "jsonl", "--out", tmp_path / "whole.jsonl", home=home).exit_code == 0
    whole = (tmp_path / "whole.jsonl").read_bytes().splitlines()
    segments_of_it = [path.read_bytes() for path in segments_in(home / "backups" / "segments")]
    assert b"".join(segments_of_it).splitlines() == whole[:9]


def modes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}


@pytest.mark.parametrize("at", [None, "5"])
def test_what_is_restored_is_its_owners_alone_as_the_live_home_is(home: Path, tmp_path: Path, at: str | None) -> None:
    """Also from a copy that everybody may read, as those are that come from elsewhere: whole, and cut."""
    (home / "daybook.toml").write_text("")
    (home / "daybook.toml").chmod(0o600)
    seal(home)
    backup(home, Tier.DAILY, now=NOW + timedelta(hours=11))
    (newest,) = copies_of(home / "backups", Tier.DAILY)
    assert {mode for name, mode in modes(newest.path).items() if name.endswith((".db", ".toml"))} == {0o600}
    assert modes(newest.path)["seals"] == 0o700
    for path in home.glob("backups/*/*/ledger.db"):
        path.chmod(0o644)
    restored(home / "backups", into=tmp_path / "back", at=at)
    live = modes(home)
    assert (tmp_path / "back").stat().st_mode & 0o777 == 0o700
    found = {name: mode for name, mode in modes(tmp_path / "back").items() if name in live}
    assert {"ledger.db", "config.db", "portfolio.db"} <= found.keys()
    assert found == {name: live[name] for name in found}
    assert live["ledger.db"] == 0o600
