"""The drill: it proves a copy that is good, and names what is wrong with one that is not."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from domain.event import decode
from domain.upkeep import RestoreFailed, RestoreProven
from ledger.log import open_log
from operations.backup.copies import copies_of
from operations.backup.making import backup
from operations.backup.segments import ship
from operations.backup.tiers import Tier
from operations.drilling import STREAM, Verdict, drill
from operations.rebuilding import catch_up_all
from operations.sealing import seal
from tests.backup.test_restoring import change, quiet
from tests.cli.program import run_json

NOW = datetime(2026, 11, 20, 18, tzinfo=UTC)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("drilling") / "home"
    change(home, "1", "2", "3", at=NOW)
    seal(home)
    catch_up_all(home, tell=quiet)
    backup(home, Tier.DAILY, now=NOW)
    return home


@pytest.fixture
def home(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "home"))


def recorded(home: Path) -> list[RestoreProven | RestoreFailed]:
    with open_log(home) as log:
        found = [decode(event.topic, event.state) for event in log.stream(STREAM)]
    assert all(isinstance(one, RestoreProven | RestoreFailed) for one in found)
    return found  # type: ignore[return-value]  # said in the line above


def test_a_good_copy_is_proven_and_that_is_recorded(home: Path) -> None:
    found = drill(home, now=NOW, tell=quiet)
    assert (found.verdict, found.position, found.lost_events, found.exit_code) == (Verdict.PROVEN, 4, 0, 0)
    (event,) = recorded(home)
    assert isinstance(event, RestoreProven)
    assert (event.position, event.copy) == (4, "daily/2026-11-20")
    assert not list((home / "backups").glob(".drill-*"))


def test_what_would_be_lost_is_measured_and_segments_make_it_less(home: Path) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    change(home, "5", at=later)
    change(home, "6", at=later + timedelta(minutes=10))
    catch_up_all(home, tell=quiet)
    found = drill(home, now=later + timedelta(minutes=30), tell=quiet)
    assert (found.verdict, found.position, found.lost_events, found.lost_seconds) == (Verdict.PROVEN, 4, 2, 1800)
    ship(home, [home / "backups"], now=later)
    again = drill(home, now=later + timedelta(minutes=30), tell=quiet)
    assert (again.verdict, again.lost_events, again.lost_seconds) == (Verdict.PROVEN, 0, 0)


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-4096])


def edited(path: Path) -> None:
    content = path.read_text()
    assert '"position":4' in content.replace(" ", "")
    path.write_text(content.replace('"position": 4', '"position": 3'))


def swapped(one: Path, other: Path) -> None:
    content = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(content)


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "a byte of the ledger": (lambda copy: flipped(copy / "ledger.db"), "ledger.db has other content"),
    "a byte of a read model": (lambda copy: flipped(copy / "config.db"), "config.db has other content"),
    "a byte of a seal": (lambda copy: flipped(next((copy / "seals").iterdir())), "has other content"),
    "the tail cut off": (lambda copy: cut(copy / "ledger.db"), "bytes, not"),
    "the ledger removed": (lambda copy: (copy / "ledger.db").unlink(), "ledger.db is missing"),
    "the manifest removed": (lambda copy: (copy / "manifest.json").unlink(), "manifest.json cannot be read"),
    "the manifest edited": (lambda copy: edited(copy / "manifest.json"), "manifest.json was altered"),
    "two files swapped": (lambda copy: swapped(copy / "config.db", copy / "agents.db"), "agents.db has"),
    "a file added": (lambda copy: (copy / "more.db").write_bytes(b""), "more.db does not belong"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_each_kind_of_damage_is_found_named_and_recorded(home: Path, kind: str) -> None:
    harm, said = DAMAGE[kind]
    (copy,) = copies_of(home / "backups", Tier.DAILY)
    harm(copy.path)
    found = drill(home, now=NOW, tell=quiet)
    assert (found.verdict, found.exit_code) == (Verdict.FAILED, 1)
    assert said in found.reason
    (event,) = recorded(home)
    assert isinstance(event, RestoreFailed)
    assert event.reason == found.reason


def test_a_live_log_that_is_another_than_the_copied_one_fails(home: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    change(other, "7", "8", "9", "10", "11")
    shutil.copytree(home / "backups", other / "backups")
    found = drill(other, now=NOW, tell=quiet)
    assert found.verdict is Verdict.FAILED
    assert "ends with another event at 4" in found.reason


def test_a_read_model_that_is_not_what_the_log_says_fails(home: Path) -> None:
    with closing(sqlite3.connect(home / "config.db")) as db, db:
        db.execute("UPDATE settings SET value = 'forged'")
    found = drill(home, now=NOW, tell=quiet)
    assert found.verdict is Verdict.FAILED
    assert found.reason.startswith("config.db: table settings")


def test_without_a_copy_nothing_is_said_about_copies(home: Path) -> None:
    shutil.rmtree(home / "backups")
    found = run_json("drill", home=home)
    assert (found["verdict"], found["exit_code"]) == ("inconclusive", 3)
    assert recorded(home) == []


def test_without_room_nothing_is_said_about_copies_and_nothing_is_left(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("operations.restoring.rebuild", full)
    found = drill(home, now=NOW, tell=quiet)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert not list((home / "backups").glob(".drill-*"))


def test_without_room_for_its_lock_nothing_is_said_about_copies_either(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("operations.locking.os.pwrite", full)
    assert drill(home, now=NOW, tell=quiet).verdict is Verdict.INCONCLUSIVE


def test_the_command_says_what_it_found(home: Path) -> None:
    assert run_json("drill", home=home)["verdict"] == "proven"
