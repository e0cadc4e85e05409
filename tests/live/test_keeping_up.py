"""Read models follow the log within moments, in a process of its own, with others beside it, and after every kind of end."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from domain.errors import HomeError, LedgerError
from domain.systems import ARDUINO_TRADER
from ledger.log import Entry, open_log
from operations.keeping_up import Posted, keep_up, wait_for
from operations.ledger import Ledger
from operations.verifying import verify
from projections import catalog
from tests.cli.program import ended, heard, mishaps, refused, run, run_json, start
from tests.live.writers import APPEND, setting, started, until
from tests.projections.logs import content
from tests.replay.test_bad_sources import held

PROMISED_S = 0.5
# Of a machine that has other things to do, and how often it may be too late; the lag itself is measured by the benchmark.
PATIENCE_S = 60.0
TRIES = 20


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A ledger with one setting, and its read models."""
    appended(tmp_path, setting(0))
    assert run_json("catch-up", home=tmp_path)["exit_code"] == 0
    return tmp_path


def appended(home: Path, *entries: Entry) -> int:
    with open_log(home, create=True, write=True) as log:
        return log.append(entries)[-1]


def settings_shown(home: Path) -> dict[str, str]:
    with closing(sqlite3.connect(f"file:{home / 'config.db'}?mode=ro", uri=True)) as db:
        return dict(db.execute("SELECT key, value FROM settings").fetchall())


def is_sound(home: Path) -> bool:
    return verify(home, "projections", repair=False, tell=lambda *_: None).exit_code == 0


def following(home: Path, *more: str) -> subprocess.Popen[str]:
    """A follower that has told its first round."""
    follower = start("--home", home, "catch-up", "--follow", "--json", *more)
    assert follower.stdout is not None
    assert json.loads(follower.stdout.readline())["stopped"] == {}
    return follower


def test_an_entry_is_shown_within_moments_and_each_round_is_a_line(home: Path) -> None:
    follower = following(home)
    lags: list[float] = []
    while len(lags) < 3 or min(lags[2:]) >= PROMISED_S:
        assert len(lags) < TRIES, f"never within {PROMISED_S} s: {lags}"
        position = appended(home, setting(1, f"value {len(lags)}"))
        begun = time.monotonic()
        wait_for(home, position, PATIENCE_S)
        assert settings_shown(home)["key 1"] == f"value {len(lags)} 1"
        lags.append(time.monotonic() - begun)
    os.kill(follower.pid, signal.SIGTERM)
    code, out, err = ended(follower)
    assert (code, mishaps(err)) == (0, [])
    rounds = [json.loads(line) for line in out.splitlines()]
    expected = [(number, {"config": 1}) for number in range(2, 2 + len(lags))]
    assert [(one["position"], one["events"]) for one in rounds] == expected


def test_a_follower_says_what_it_does_and_ctrl_c_ends_it_with_130(home: Path) -> None:
    follower = start("--home", home, "catch-up", "--follow")
    heard(follower, "position 1, no read model has new events")
    appended(home, setting(1))
    heard(follower, "position 2, new events: config 1")
    os.killpg(follower.pid, signal.SIGINT)
    code, out, err = ended(follower)
    assert (code, out) == (130, "")
    assert err.startswith("Stopped.")


def test_followers_beside_each_other_and_killed_anywhere_apply_each_event_once(home: Path) -> None:
    followers = [following(home) for _ in range(2)]
    with started(APPEND, home, 20) as writer:
        assert writer.stdout is not None
        for _ in range(10):
            writer.stdout.readline()
            if len(followers) == 2:
                killed = followers.pop()
                killed.kill()
                killed.communicate()
        writer.kill()
    followers.append(following(home))
    with open_log(home) as log:
        head = log.head().position
    assert head > 200
    wait_for(home, head, PATIENCE_S)
    for one in followers:
        os.kill(one.pid, signal.SIGTERM)
        assert ended(one)[0] == 0
    assert is_sound(home)


def test_a_model_that_another_program_has_locked_is_tried_again(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("projections.profiles.BUSY_MS", 50)
    told: list[Posted] = []
    stop = threading.Event()
    appended(home, setting(1))
    follower = threading.Thread(target=keep_up, args=(home,), kwargs={"stop": stop, "told": told.append})
    with held(home / "config.db", "BEGIN IMMEDIATE"):
        follower.start()
        until(lambda: bool(told))
    assert "in use by another program" in told[0].waiting["config"]
    until(lambda: told[-1].waiting == {})
    stop.set()
    follower.join()
    assert settings_shown(home)["key 1"] == "on 1"


def test_a_model_that_is_deleted_is_built_again_with_the_next_entry(home: Path) -> None:
    told: list[Posted] = []
    stop = threading.Event()
    follower = threading.Thread(target=keep_up, args=(home,), kwargs={"stop": stop, "told": told.append})
    follower.start()
    until(lambda: bool(told))
    for path in home.glob("config.db*"):
        path.unlink()
    wait_for(home, appended(home, setting(1)), PATIENCE_S)
    stop.set()
    follower.join()
    assert told[-1].rebuilt == {"config": "the file is missing"}
    assert content(home / "config.db")[1].events == 2


def test_waiting_without_a_follower_ends_in_time_and_names_who_is_behind(home: Path) -> None:
    position = appended(home, setting(1))
    with pytest.raises(LedgerError, match=r"after 0\.1 s these read models have not reached position 2: agents\.db, "):
        wait_for(home, position, 0.1)
    run_json("catch-up", home=home)
    wait_for(home, position, 0.0)


def test_a_home_without_a_ledger_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HomeError):
        keep_up(tmp_path, stop=threading.Event(), told=print)
    assert list(tmp_path.iterdir()) == []


def test_a_home_gives_its_events_to_whoever_subscribes(home: Path) -> None:
    with Ledger.subscribe(home, types=["setting-changed"]) as events:
        assert next(events).position == 1
        with Ledger.open(home) as ledger:
            position = ledger.record({"entry": "setting", "name": "min_stock_score", "value": "0.7"}).position
        assert next(events).position == position


def test_an_entry_may_wait_until_a_follower_has_shown_it(home: Path) -> None:
    entry = ("record", "setting", "--name", "min_stock_score", "--value", "0.7")
    alone = run(*entry, "--wait", "0.1", home=home)
    refused(alone, 2, "have not reached position 2", "The entry is in the ledger")
    follower = following(home)
    again = run_json(*entry[:-1], "0.8", "--wait", "60", home=home)
    assert settings_shown(home)["min_stock_score"] == "0.8"
    assert again["position"] == 3
    os.kill(follower.pid, signal.SIGTERM)
    assert ended(follower)[0] == 0


def test_every_read_model_takes_part(home: Path) -> None:
    found = run_json("status", home=home)["models"]
    assert {one["name"] for one in found} == {one.name for one in catalog.projectors() if one.system == ARDUINO_TRADER}
    assert {one["stopped"] for one in found} == {None}
