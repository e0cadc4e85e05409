"""Looking at a home while others work in it: no false alarm, nothing negative, nothing thrown away."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import apsw
import pytest

from domain.errors import HomeError, LedgerError
from ledger import guarding
from ledger.checking import Finding
from ledger.log import Log, open_log
from operations import home as homes
from operations import standing, stores, upkeep
from operations.backup.making import _copy_model
from operations.health.looking import health
from operations.monitoring import keeping, measuring
from operations.monitoring.alerting import Notice, due
from operations.monitoring.conditions import Condition, Level
from operations.monitoring.keeping import Monitor, open_monitor
from operations.monitoring.measuring import Figure
from operations.rebuilding import catch_up_all
from operations.settings import Alerts
from operations.settings import read as read_settings
from operations.soundness import check_soundness
from operations.upkeep import Outcome, maintain
from projections.places import VERSION
from tests.health.test_health import change, quiet
from tests.market.market import DAY, bars, block, record
from tests.meanwhile import meanwhile

NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("meanwhile") / "home"
    change(home, "1", "2")
    catch_up_all(home, tell=quiet)
    return home


@pytest.fixture
def home(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "home"))


def grown(home: Path) -> None:
    change(home, "3")
    catch_up_all(home, tell=quiet)


def test_status_of_a_home_that_grows_finds_no_model_beyond_the_log(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = meanwhile(monkeypatch, Log, "head", lambda: grown(home))
    found = standing.status(home)
    assert {(one.behind >= 0, one.rebuild) for one in found.models} == {(True, None)}
    assert done


def test_no_lag_is_negative_while_the_log_grows(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_log(home) as log:
        done = meanwhile(monkeypatch, Log, "head", lambda: grown(home))
        figures = measuring.measured(home, log, read_settings(home), NOW)
    assert [one for one in figures if one.value < 0] == []
    assert done


@pytest.fixture
def going(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Each -wal that is found to be there is gone at the next look: the last program let go of its database."""
    real, gone = Path.exists, list[Path]()

    def exists(path: Path, **how: Any) -> bool:
        found = real(path, **how)
        if found and path.name.endswith("-wal"):
            path.unlink()
            gone.append(path)
        return found

    monkeypatch.setattr(Path, "exists", exists)
    return gone


def test_a_wal_that_goes_while_its_size_is_asked_for_has_none(home: Path, going: list[Path]) -> None:
    (home / "config.db-wal").touch()
    found = list(measuring._of_files(home))
    assert Figure("daybook_wal_bytes", "config.db", 0) in found
    (home / "config.db-wal").touch()
    assert maintain_step(home, "write-ahead logs").outcome is not Outcome.FAILED


def maintain_step(home: Path, name: str) -> upkeep.Step:
    return next(step for step in maintain(home, "daily", now=NOW, tell=quiet).steps if step.name == name)


@contextmanager
def held_for(path: Path, seconds: float, *, alone: bool = False) -> Iterator[None]:
    """Another program is at a transaction of a read model for so long. alone: nobody may even read, as when SQLite puts a -wal
    away for the last one who closes the file.
    """
    begun = threading.Event()

    def write() -> None:
        # By the library that the models are opened with: two in one process do not see each other's locks.
        with closing(apsw.Connection(str(path))) as db:
            db.execute(f"PRAGMA locking_mode = {'EXCLUSIVE' if alone else 'NORMAL'}").fetchall()
            db.execute("BEGIN IMMEDIATE")
            db.execute("UPDATE checkpoint SET events = events")
            begun.set()
            threading.Event().wait(seconds)
            db.execute("COMMIT")

    thread = threading.Thread(target=write)
    thread.start()
    assert begun.wait(60)
    try:
        yield
    finally:
        thread.join()


def test_upkeep_takes_its_turn_with_whoever_brings_a_model_up(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work = upkeep.Round(home, NOW, quiet)
    with held_for(home / "config.db", 0.3):
        assert upkeep._give_back(work).outcome is not Outcome.FAILED
    monkeypatch.setattr(upkeep, "VACUUM_FROM", 0.0)
    with held_for(home / "config.db", 0.3):
        assert upkeep._vacuum(work).outcome is Outcome.DONE


def test_a_model_that_somebody_closes_just_now_is_neither_damaged_nor_an_error(home: Path, tmp_path: Path) -> None:
    with held_for(home / "config.db", 0.3, alone=True):
        assert check_soundness(home, now=NOW).healed == []
    with held_for(home / "config.db", 0.3, alone=True), open_log(home) as log:
        assert measuring.measured(home, log, read_settings(home), NOW)
    with held_for(home / "config.db", 0.3, alone=True):
        _copy_model(home / "config.db", tmp_path / "copy" / "config.db")
    assert (tmp_path / "copy" / "config.db").exists()


def test_two_that_begin_the_monitor_at_once_keep_what_both_have_noted(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def other() -> None:
        with open_monitor(home) as monitor:
            monitor.note_job("backup-daily", "2026-11-20T01:00:00.000000Z")

    done = meanwhile(monkeypatch, keeping, "script", other)
    with open_monitor(home) as monitor:
        monitor.note_job("drill", "2026-11-20T02:00:00.000000Z")
        assert [name for name, _ in monitor.jobs()] == ["backup-daily", "drill"]
    assert done


def test_a_monitor_that_is_locked_for_long_is_not_begun_anew(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_monitor(home) as monitor:
        monitor.note_job("drill", "2026-11-20T02:00:00.000000Z")

    def connected(_: Path) -> sqlite3.Connection:
        raise sqlite3.OperationalError("database is locked")

    with monkeypatch.context() as patch:
        patch.setattr(keeping, "_connected", connected)
        with pytest.raises(LedgerError, match=r"monitor\.db cannot be used: database is locked"), open_monitor(home):
            pass
    with open_monitor(home) as monitor:
        assert [name for name, _ in monitor.jobs()] == ["drill"]


def test_of_two_that_look_at_once_one_tells(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [Condition("disk", "", Level.ERROR, "4.9 GB are free")]
    told: list[list[Notice]] = []
    begun = threading.Event()

    def look() -> None:
        begun.set()
        with open_monitor(home) as monitor:
            told.append(due(found, monitor, Alerts(), NOW))

    thread = threading.Thread(target=look)
    with open_monitor(home) as monitor:

        def other() -> None:
            thread.start()
            begun.wait()
            thread.join(0.3)  # it waits for its turn, or is done

        done = meanwhile(monkeypatch, Monitor, "alerts", other)
        told.append(due(found, monitor, Alerts(), NOW))
    thread.join()
    assert sorted(len(notices) for notices in told) == [0, 1]
    assert done


def test_a_ledger_that_was_put_back_between_two_looks_is_not_marked_as_damaged(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guarding, "tail_findings", lambda _: [Finding(2, "hash", "another hash")])
    health(home, now=NOW)
    assert guarding.marked(home) is None


def test_a_store_that_is_just_being_begun_is_not_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record(tmp_path, block(DAY, bars(DAY, 2)))
    catch_up_all(tmp_path, tell=quiet)
    version = tmp_path / "market_data" / VERSION
    content = version.read_bytes()
    version.unlink()
    done = meanwhile(monkeypatch, stores, "known_places", lambda: version.write_bytes(content))
    with open_log(tmp_path) as log:
        assert stores.broken_files(tmp_path, log) == []
    assert done


def test_a_home_that_is_begun_while_it_is_looked_at_has_not_lost_its_ledger(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = tmp_path / "new"
    new.mkdir()

    def begun() -> None:
        for path in home.glob("*.db"):
            shutil.copy(path, new / path.name)

    done = meanwhile(monkeypatch, homes.catalog, "projectors", begun, before=True)
    homes.check_has_its_ledger(new)
    assert done
    (new / "ledger.db").unlink()
    with pytest.raises(HomeError, match="missing"):
        homes.check_has_its_ledger(new)


def test_a_damaged_model_that_is_derived_again_meanwhile_is_no_strangers_file(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = home / "config.db"
    content = path.read_bytes()
    path.write_bytes(b"no database at all" * 1000)
    done = meanwhile(monkeypatch, homes, "_is_database", lambda: path.write_bytes(content), before=True)
    homes.check_no_strangers(home, ["config"])
    assert done
