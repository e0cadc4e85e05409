"""Upkeep: each step does what it says, says when there is nothing to do, and fails alone."""

from __future__ import annotations

import re
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import apsw
import pytest

from domain.errors import LedgerError
from operations.backup.making import backup
from operations.backup.tiers import Tier
from operations.monitoring.keeping import open_monitor
from operations.monitoring.measuring import Figure
from operations.monitoring.noted import SOUND
from operations.rebuilding import catch_up_all
from operations.soundness import check_soundness
from operations.upkeep import Outcome, Step, maintain
from tests.cli.program import run_json
from tests.health.test_health import change, quiet

NOW = datetime.now(UTC)
MODELS = ("agents", "cache", "config", "history", "portfolio", "satellites", "universe")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    change(tmp_path, *map(str, range(5)))
    catch_up_all(tmp_path, tell=quiet)
    backup(tmp_path, Tier.DAILY, now=NOW - timedelta(days=1))
    return tmp_path


def done(home: Path, how_often: str) -> dict[str, Step]:
    found = maintain(home, how_often, now=NOW, tell=quiet)
    return {step.name: step for step in found.steps}


def test_a_day_brings_models_up_writes_back_and_looks_at_yesterdays_copy(home: Path) -> None:
    # Somebody who reads keeps the -wal from going when the writer closes.
    with closing(sqlite3.connect(home / "ledger.db")) as reader:
        reader.execute("SELECT count(*) FROM stored_events").fetchone()
        change(home, "new")
        assert (home / "ledger.db-wal").stat().st_size
        steps = done(home, "daily")
        assert (home / "ledger.db-wal").stat().st_size == 0
    assert steps["catch up"].outcome is Outcome.DONE
    assert steps["write-ahead logs"].outcome is Outcome.DONE
    assert steps["yesterday's copy"].outcome is Outcome.DONE
    assert done(home, "daily")["catch up"].outcome is Outcome.SKIPPED


def test_a_damaged_copy_of_yesterday_fails_and_the_other_steps_are_done(home: Path) -> None:
    # The program asks the clock itself; where midnight has passed since NOW, today's copy is yesterday's.
    backup(home, Tier.DAILY, now=NOW)
    for copy in (home / "backups" / "daily").iterdir():
        (copy / "ledger.db").write_bytes(b"damaged")
    found = run_json("maintain", "daily", home=home)
    outcomes = {step["name"]: step["outcome"] for step in found["steps"]}
    assert outcomes["yesterday's copy"] == "failed"
    assert outcomes["free pages"] in ("done", "skipped")
    assert found["exit_code"] == 1


def test_a_day_without_a_copy_is_said(home: Path) -> None:
    shutil.rmtree(home / "backups")
    step = done(home, "daily")["yesterday's copy"]
    assert step.outcome is Outcome.SKIPPED
    assert "there is no copy" in step.said


def bloated(path: Path) -> None:
    """Free pages, as much removing leaves them."""
    with closing(apsw.Connection(str(path))) as db:
        db.execute("CREATE TABLE bloat (x); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) "
                   "INSERT INTO bloat SELECT randomblob(900) FROM n; DROP TABLE bloat")  # fmt: skip


def test_free_pages_are_given_back_and_the_ledger_is_never_written_anew(home: Path) -> None:
    bloated(home / "config.db")
    with closing(sqlite3.connect(home / "ledger.db")) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    ledger = (home / "ledger.db").read_bytes()
    vacuumed = done(home, "weekly")["vacuum"]
    assert vacuumed.outcome is Outcome.DONE
    assert vacuumed.said.startswith("config.db from")
    bloated(home / "config.db")
    assert done(home, "daily")["free pages"].outcome is Outcome.DONE
    assert done(home, "daily")["free pages"].outcome is Outcome.SKIPPED
    assert (home / "ledger.db").read_bytes() == ledger


def test_a_month_drills(home: Path) -> None:
    step = done(home, "monthly")["drill"]
    assert step.outcome is Outcome.DONE
    assert "is equal" in step.said


def test_a_day_checks_every_file_derives_a_damaged_read_model_again_and_notes_it(home: Path) -> None:
    assert done(home, "daily")["integrity"].outcome is Outcome.DONE
    # An index that does not agree with its table: every row and every count is as it was.
    with closing(sqlite3.connect(home / "universe.db", isolation_level=None)) as db:
        db.executescript("CREATE TABLE t (x); CREATE INDEX i ON t (x); INSERT INTO t VALUES (1); PRAGMA writable_schema = ON;"
                         "UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM sqlite_schema WHERE name = 't') "
                         "WHERE name = 'i'")  # fmt: skip
    found = check_soundness(home, now=NOW + timedelta(seconds=1))
    assert len(found.healed) == 1
    assert found.healed[0].startswith("universe.db was derived again from")
    with open_monitor(home) as monitor:
        sound = {label: value for label, _, value in monitor.latest(SOUND)}
    assert sound == {"ledger.db": 1.0} | {f"{one}.db": float(one != "universe") for one in MODELS}
    assert check_soundness(home, now=NOW + timedelta(seconds=2)).healed == []


def test_a_ledger_that_was_altered_anywhere_fails_the_day_and_takes_no_writer(home: Path) -> None:
    with closing(sqlite3.connect(home / "ledger.db")) as db, db:
        db.executescript(
            "DROP TRIGGER stored_events_refuse_update; UPDATE stored_events SET state = '{}' WHERE rowid = 2"
        )
    found = check_soundness(home, now=NOW)
    assert found.ledger
    with pytest.raises(LedgerError):
        change(home, "more")
    assert done(home, "daily")["integrity"].outcome is Outcome.FAILED


def test_a_month_says_what_has_grown(home: Path) -> None:
    assert done(home, "monthly")["growth"].outcome is Outcome.SKIPPED
    with open_monitor(home) as monitor:
        monitor.keep([Figure("daybook_database_bytes", "ledger.db", 0)], NOW - timedelta(days=29))
    assert re.match(r"ledger\.db \+0\.\d MB in 29 days", done(home, "monthly")["growth"].said)
