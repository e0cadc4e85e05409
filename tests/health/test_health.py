"""Health: each of the five answers in each of its states, healing that says so, and a damaged ledger that is left alone."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from domain.errors import StoreError
from domain.event import encode, topic_of
from domain.universe import SettingChanged
from ledger import guarding
from ledger.log import Entry, open_log
from operations.backup.making import backup
from operations.backup.tiers import Tier
from operations.drilling import drill
from operations.health.answers import Answer, State
from operations.health.looking import health
from operations.rebuilding import catch_up_all
from operations.restoring import restore
from operations.sealing import seal
from tests.cli.program import run, run_json
from tests.ledger.damage import tampered


def quiet(*_: object) -> None:
    """Tell nobody."""


def change(home: Path, *values: str) -> None:
    topic = topic_of(SettingChanged)
    entries = [
        Entry(f"setting:s{value}", topic, encode(SettingChanged(key=f"s{value}", value=value))) for value in values
    ]
    with open_log(home, create=True, write=True) as log:
        log.append(entries)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with which nothing is wrong."""
    home, now = tmp_path_factory.mktemp("health") / "home", datetime.now(UTC)
    change(home, *map(str, range(1, 21)))
    catch_up_all(home, tell=quiet)
    backup(home, Tier.DAILY, now=now)
    drill(home, now=now, tell=quiet)
    seal(home)
    catch_up_all(home, tell=quiet)
    return home


@pytest.fixture
def home(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "home"))


def answer(home: Path, question: str, *, later: timedelta = timedelta(), repair: bool = True) -> Answer:
    found = health(home, now=datetime.now(UTC) + later, repair=repair)
    return next(one for one in found.answers if one.question == question)


def test_a_home_with_which_nothing_is_wrong_ends_with_0(home: Path) -> None:
    found = run_json("health", home=home)
    assert {one["question"]: one["state"] for one in found["answers"]} == dict.fromkeys(
        ("captured", "complete", "provable", "restorable", "current"), "ok"
    )
    assert found["exit_code"] == 0


def report(home: Path, **content: object) -> None:
    about = {
        "source": "legacy",
        "started_at": "2026-11-20T10:00:00.000000Z",
        "failed": {},
        "breaks": [],
        "mismatches": [],
    }
    (home / "reports").mkdir(exist_ok=True)
    (home / "reports" / "replay-20261120T100000.000000Z.json").write_text(json.dumps(about | content))


@pytest.mark.parametrize(
    ("content", "state", "said"),
    [
        ({"failed": {"ledger.db": "damaged"}}, State.BAD, "such as ledger.db: damaged"),
        ({"mismatches": [{}]}, State.BAD, "found 1 differences"),
        ({"breaks": [{}, {}]}, State.WARNING, "2 breaks stand open"),
        ({"started_at": datetime.now(UTC).isoformat()}, State.OK, "was proven"),
        ({"started_at": "2020-01-01T00:00:00.000000Z"}, State.WARNING, "long ago"),
        ({"failed": 7}, State.UNKNOWN, "cannot be read"),
    ],
)
def test_what_was_captured_is_what_the_last_replay_says(
    home: Path, content: dict[str, object], state: State, said: str
) -> None:
    report(home, **content)
    found = answer(home, "captured")
    assert found.state is state
    assert said in found.reason


def test_a_broken_read_model_heals_and_says_so_unless_it_must_not(home: Path) -> None:
    (home / "config.db").write_bytes(b"no database" * 1000)
    (home / "agents.db").unlink()
    assert answer(home, "complete", repair=False).state is State.BAD
    found = health(home, now=datetime.now(UTC))
    assert sorted(said.split()[0] for said in found.healed) == ["agents.db", "config.db"]
    assert {one.question: one.state for one in found.answers}["complete"] is State.OK
    assert health(home, now=datetime.now(UTC)).healed == []


def test_a_read_model_that_skipped_an_event_is_found_though_nothing_is_behind(home: Path) -> None:
    with closing(sqlite3.connect(home / "config.db")) as db, db:
        (table,) = db.execute("SELECT name FROM sqlite_schema WHERE name LIKE '%checkpoint%'").fetchone()
        db.execute(f"UPDATE {table} SET events = events - 1")
    assert "saw other events" in answer(home, "complete", repair=False).reason
    assert answer(home, "current", repair=False).state is State.OK
    assert answer(home, "complete").state is State.OK


def test_what_was_never_sealed_or_long_ago_is_a_warning(home: Path) -> None:
    assert answer(home, "provable", later=timedelta(days=30)).state is State.OK
    change(home, "new")
    assert answer(home, "provable", later=timedelta(days=1)).state is State.OK
    stale = answer(home, "provable", later=timedelta(days=30))
    assert (stale.state, stale.next) == (State.WARNING, "cli audit seal")
    shutil.rmtree(home / "seals")
    assert answer(home, "provable").state is State.WARNING


def test_a_log_that_is_not_the_sealed_one_is_bad(home: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    change(other, *map(str, range(50)))
    shutil.copytree(home / "seals", other / "seals")
    found = answer(other, "provable")
    assert (found.state, "not the one that was sealed" in found.reason) == (State.BAD, True)


def test_what_can_be_restored_is_what_the_last_drill_says(home: Path) -> None:
    proven = answer(home, "restorable", later=timedelta(hours=1))
    assert proven.state is State.OK
    assert proven.age_seconds is not None
    assert 3500 < proven.age_seconds < 4000
    old = answer(home, "restorable", later=timedelta(days=3))
    assert (old.state, old.next) == (State.WARNING, "cli backup")
    backup(home, Tier.WEEKLY, now=datetime.now(UTC) + timedelta(days=60))
    assert "cli drill" in answer(home, "restorable", later=timedelta(days=60)).next
    (copy,) = (home / "backups" / "weekly").iterdir()
    (copy / "ledger.db").write_bytes(b"x")
    drill(home, now=datetime.now(UTC), tell=quiet)
    failed = answer(home, "restorable")
    assert (failed.state, "the last drill failed" in failed.reason) == (State.BAD, True)
    shutil.rmtree(home / "backups")
    assert "no copy" in answer(home, "restorable").reason


def test_a_copy_that_was_never_restored_is_not_called_restorable(tmp_path: Path) -> None:
    change(tmp_path, "1")
    backup(tmp_path, Tier.DAILY, now=datetime.now(UTC))
    assert answer(tmp_path, "restorable").state is State.UNKNOWN
    assert run("health", home=tmp_path).exit_code == 1


def test_a_read_model_that_is_behind_is_told_with_events_and_seconds(home: Path) -> None:
    change(home, "new", "newer")
    assert answer(home, "current").state is State.OK
    late = answer(home, "current", later=timedelta(hours=1))
    assert (late.state, late.next) == (State.BAD, "cli catch-up")
    assert "7 read models are behind" in late.reason
    assert "2 events" in late.reason


def damaged(home: Path, position: int) -> None:
    """One event was changed, and nothing else."""
    copied = home.with_name("sound.db")
    shutil.copyfile(home / "ledger.db", copied)
    for suffix in ("-wal", "-shm"):
        (home / f"ledger.db{suffix}").unlink(missing_ok=True)
    statement = (
        f'UPDATE stored_events SET state = replace(state, \'"value":"\', \'"value":"9\') WHERE rowid = {position}'
    )
    tampered(copied, home, lambda db: db.execute(statement))


def test_a_damaged_ledger_stops_writers_is_kept_and_never_mended(home: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(home / "ledger.db")) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    damaged(home, 15)
    found = health(home, now=datetime.now(UTC))
    (provable,) = (one for one in found.answers if one.question == "provable")
    assert provable.state is State.BAD
    assert "the last good event is 14" in provable.reason
    assert "cli restore --at 14" in provable.next
    (kept,) = (one for one in home.glob("ledger.db.damaged-*") if not one.name.endswith("-wal"))
    assert kept.read_bytes() == (home / "ledger.db").read_bytes()
    with pytest.raises(StoreError, match="found damaged"):
        open_log(home, write=True)
    assert run("audit", "show", "3", home=home).exit_code == 0  # reading goes on
    salvaged = run_json("health", "--salvage", tmp_path / "salvaged", home=home)
    lines = [json.loads(line) for line in (tmp_path / "salvaged" / "salvaged.jsonl").read_text().splitlines()]
    assert [line["position"] for line in lines] == list(range(15, 23))
    assert [line["fits"] for line in lines] == [False, *[True] * 7]
    assert (salvaged["events"], salvaged["fitting"]) == (8, 7)
    restored = restore([home / "backups"], home, at="14", dry_run=False, replace=True, tell=quiet)
    assert restored.exit_code == 0
    change(home, "again")
    assert run("verify", "ledger", home=home).exit_code == 0


def test_the_mark_goes_when_a_sound_ledger_is_put_back(home: Path) -> None:
    with closing(sqlite3.connect(home / "ledger.db")) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    sound = (home / "ledger.db").read_bytes()
    damaged(home, 20)
    health(home, now=datetime.now(UTC))
    assert guarding.marked(home) is not None
    (home / "ledger.db").write_bytes(sound)
    health(home, now=datetime.now(UTC))
    assert guarding.marked(home) is None
    change(home, "again")


def test_nothing_is_appended_behind_an_event_that_does_not_fit_its_hash(home: Path) -> None:
    with closing(sqlite3.connect(home / "ledger.db")) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    damaged(home, 20)
    before = (home / "ledger.db").read_bytes()
    with pytest.raises(StoreError, match="nothing is appended to a log that is not sound"):
        change(home, "new")
    assert (home / "ledger.db").read_bytes() == before


def test_the_page_says_what_to_do_next(home: Path) -> None:
    shutil.rmtree(home / "backups")
    said = run("health", home=home).output
    assert "restorable  BAD      there is no copy of this home" in said
    assert "next: cli backup daily" in said
