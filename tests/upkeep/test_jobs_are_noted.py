"""Jobs that cron or a person began are known like those of `cli run`, so that health says when one is late."""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from domain.errors import LedgerError
from domain.moments import instant
from operations.health.answers import State
from operations.health.looking import health, look
from operations.monitoring.keeping import open_monitor
from operations.rebuilding import catch_up_all
from operations.scheduling import doing
from tests.cli.program import run
from tests.health.test_health import change, quiet


@pytest.fixture
def home(tmp_path: Path) -> Path:
    change(tmp_path, "1", "2")
    catch_up_all(tmp_path, tell=quiet)
    return tmp_path


def noted(home: Path) -> set[str]:
    with open_monitor(home) as monitor:
        return {name for name, _ in monitor.jobs()}


def late(home: Path, hours: float) -> str:
    found = health(home, now=datetime.now(UTC) + timedelta(hours=hours)).answers
    current = next(one for one in found if one.question == "current")
    return current.reason if current.state is not State.OK else ""


def test_each_command_that_is_a_job_notes_itself_and_is_missed_when_it_does_not_come_again(home: Path) -> None:
    assert late(home, 100) == ""
    for command in (("retention", "--dry-run"), ("health", "--alert"), ("audit", "seal")):
        run(*command, home=home)
    assert noted(home) == set()
    for command in (("backup",), ("backup", "daily"), ("drill",), ("retention",)):
        assert run(*command, home=home).exit_code == 0, command
    assert noted(home) == {"backup-hourly", "backup-daily", "drill", "retention"}
    catch_up_all(home, tell=quiet)
    assert late(home, 2) == ""
    assert late(home, 4) == "the job backup-hourly was last done 0.2 days ago"
    assert "the job backup-daily was last done" in late(home, 27)
    assert run("maintain", "daily", home=home).exit_code == 0
    assert "maintain-daily" in noted(home)


def test_what_failed_is_not_noted_as_done(home: Path, tmp_path: Path) -> None:
    assert doing.drill_now(home, tell=quiet).exit_code == 3  # there is no copy yet
    empty = tmp_path / "empty"
    with pytest.raises(LedgerError):
        doing.backup_now(empty, "daily")
    assert noted(home) == set()
    assert run("backup", "daily", home=home).exit_code == 0
    (copy,) = home.glob("backups/daily/*")
    (copy / "ledger.db").write_bytes(b"damaged")
    # Of the day before that copy, whatever day it is now. The copy itself stays: where midnight passes before the program
    # asks the clock, it is yesterday's.
    shutil.copytree(copy, copy.with_name((date.fromisoformat(copy.name) - timedelta(days=1)).isoformat()))
    assert run("maintain", "daily", home=home).exit_code == 1
    assert noted(home) == {"backup-daily"}


def test_a_health_job_that_finds_something_is_done_all_the_same(home: Path) -> None:
    """Else the next one would find it late, end with 1 for that, and so on for ever."""
    with open_monitor(home) as monitor:
        monitor.note_job("health", instant(datetime.now(UTC) - timedelta(hours=2)))
    assert "the job health was last done" in late(home, 0)
    assert look(home, repair=True, alerts=True, metrics=None).health.exit_code == 1
    assert late(home, 0) == ""


def test_a_copy_that_was_made_counts_where_it_cannot_be_noted(home: Path) -> None:
    (home / "monitor.db").mkdir()
    assert [one.tier for one in doing.backup_now(home, "daily")] == ["daily"]
