"""Upkeep: each step does what it says, says when there is nothing to do, and fails alone."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import apsw
import pytest

from operations.backup.making import backup
from operations.backup.tiers import Tier
from operations.rebuilding import catch_up_all
from operations.upkeep import Outcome, Step, maintain
from tests.cli.program import run_json
from tests.health.test_health import change, quiet

NOW = datetime.now(UTC)


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
    (copy,) = (home / "backups" / "daily").iterdir()
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
