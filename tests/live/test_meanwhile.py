"""What follows and what watches, while files come and go and others write at the same time."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from domain.errors import LedgerError
from domain.event import encode, topic_of
from domain.legacy import ReplayStarted
from domain.streams import stream
from ledger.log import Entry, open_log
from operations import divergence, keeping_up, rounds, source_proof, verifying
from operations.home import frozen_folders
from operations.milestones import runs
from operations.replaying import legacy_system, replay
from operations.rounds import Watcher
from projections.stopping import Stop
from tests.health.test_health import change, quiet
from tests.legacy import Legacy, security, trade
from tests.meanwhile import meanwhile
from tests.trading_bot.legacy import monolith_b, write_monolith


def watcher(legacy: Legacy) -> Watcher:
    return Watcher(legacy.folder, legacy.home, legacy_system(None, legacy.folder), None)


@pytest.mark.parametrize("behind", [0, 1])
def test_who_waits_for_an_entry_is_not_told_of_a_stop_behind_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, behind: int
) -> None:
    """The model is brought up to the entry, and stops behind it, between the two looks."""
    change(tmp_path, "1", "2", "3")
    reached = iter([1] * 20)
    monkeypatch.setattr(keeping_up, "_reached", lambda _: next(reached, 2))
    stop = Stop(
        model="config", position=2 + behind, topic="setting-changed.v1", recorded_at="", hash="", error="it tastes odd",
        since="", version=1, schema="",
    )  # fmt: skip
    monkeypatch.setattr(keeping_up, "read_stop", lambda *_: stop)
    if behind:
        keeping_up.wait_for(tmp_path, 2, 5)
    else:
        with pytest.raises(LedgerError, match="stopped before position 2"):
            keeping_up.wait_for(tmp_path, 2, 5)


def test_a_file_that_goes_while_a_round_begins_ends_no_watch(full: Legacy, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = watcher(full)
    assert watch.look() is not None
    full.write("config.db", securities=[security("MSFT.US")])
    full.run("history/AAPL_US.db", "UPDATE daily_prices SET close_price = 11 WHERE date = '2025-01-03'")
    gone = full.folder / "history" / "AAPL_US.db"
    real, done = Path.exists, list[bool]()

    def exists(path: Path, **how: Any) -> bool:
        found = real(path, **how)
        if path == gone and found and not done:
            done.append(True)
            path.unlink()
        return found

    # The first look at the sizes is where the room is reckoned.
    monkeypatch.setattr(rounds, "check_writable", lambda _: monkeypatch.setattr(Path, "exists", exists))
    watch.look()
    monkeypatch.undo()
    gone.unlink(missing_ok=True)
    watch.look()
    assert gone.relative_to(full.folder).as_posix() in watch.troubles


@pytest.mark.parametrize("name", ["_copy_of", "_unaltered", "_prove_rows"])
def test_the_sources_are_proven_while_a_watch_replaces_the_copy_that_is_compared(
    full: Legacy, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    watch = watcher(full)
    assert watch.look() is not None
    full.write("ledger.db", trades=[trade("T2")])
    assert watch.look() is not None

    def another() -> None:
        full.run("ledger.db", "UPDATE trades SET quantity = 3 WHERE order_id = 'T1'")
        assert watch.look() is not None

    done = meanwhile(monkeypatch, source_proof, name, another, before=True)
    monkeypatch.setattr(source_proof, "_WAIT_S", 0.0, raising=False)
    (part,) = verifying.verify(full.home, "sources", repair=False, tell=quiet).parts
    assert (part.found, part.unread) == ([], [])
    assert done


def test_sources_that_are_replayed_again_and_again_are_not_said_to_differ(
    full: Legacy, monkeypatch: pytest.MonkeyPatch
) -> None:
    full.replay()
    real, count = source_proof._prove_run, [0]

    def proven(*arguments: Any) -> Any:
        count[0] += 1
        full.run("ledger.db", f"UPDATE trades SET quantity = {10 + count[0]} WHERE order_id = 'T1'")
        replay(full.folder, full.home)
        return real(*arguments)

    monkeypatch.setattr(source_proof, "_prove_run", proven)
    monkeypatch.setattr(source_proof, "_WAIT_S", 0.0)
    (part,) = verifying.verify(full.home, "sources", repair=False, tell=quiet).parts
    assert part.found == []
    assert "stop the watch" in part.unread[0]


@pytest.mark.parametrize("command", ["trader", "cli watch bot"])
def test_what_was_altered_is_told_beside_another_writer_and_after_a_killed_run(
    full: Legacy, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    full.replay()
    monkeypatch.setattr(source_proof, "_WAIT_S", 0.0)
    with open_log(full.home, write=True, command=command) as log:
        started = runs(log, "arduino-trader", ReplayStarted)[-1]
        killed = msgspec.structs.replace(started, run=started.run + 1)
        log.append([Entry(stream("replay", "arduino-trader"), topic_of(ReplayStarted), encode(killed))])
        (copy,) = frozen_folders(full.home)
        altered = copy / "config.db"
        altered.chmod(0o600)
        with closing(sqlite3.connect(altered)) as db, db:
            db.execute("UPDATE securities SET symbol = 'X'")
        proof = source_proof.prove_sources(log, full.home, quiet)
    assert any("altered since it was frozen" in one for one in proof.found) == (command == "trader")
    assert bool(proof.unread) == (command != "trader")


def test_two_watches_of_a_home_may_say_where_they_stand_at_the_same_time(
    full: Legacy, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = full.replay()
    with open_log(full.home) as log:

        def other() -> None:
            with monkeypatch.context() as patch:
                patch.setattr(os, "getpid", lambda: 1)
                divergence.update(full.home, log, report, whole=True, troubles={})

        done = meanwhile(monkeypatch, Path, "replace", other, before=True)
        found = divergence.update(full.home, log, report, whole=True, troubles={})
    assert divergence.read(full.home) == found
    assert done


def test_two_watches_of_a_home_leave_each_other_the_copies_that_they_build_upon(full: Legacy, tmp_path: Path) -> None:
    other = tmp_path / "bot"
    other.mkdir()
    write_monolith(other / "b.duckdb", "b", monolith_b(per_session=4))
    bot = Watcher(other, full.home, legacy_system(None, other), "Asia/Kolkata")
    own = watcher(full)
    assert bot.look() is not None
    assert own.look() is not None
    full.write("ledger.db", trades=[trade("T2")])
    assert own.look() is not None
    (part,) = verifying.verify(full.home, "sources", repair=False, tell=quiet).parts
    assert (part.found, part.unread) == ([], [])
    assert len(list((full.home / "backups").glob("replay-*"))) == 2
    assert watcher(full).look() is not None  # begun again
    (part,) = verifying.verify(full.home, "sources", repair=False, tell=quiet).parts
    assert (part.found, part.unread) == ([], [])
