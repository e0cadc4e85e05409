"""Every figure that somebody who looks after a ledger asks for is there, in JSON and as OpenMetrics, and says what is true."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import apsw
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from ledger.lock import WriterLock, is_written_to
from operations.health.looking import health
from operations.monitoring.conditions import Level, conditions
from operations.monitoring.keeping import open_monitor
from operations.monitoring.measuring import DISK_FULL_BYTES, HELP, Figure
from operations.monitoring.noted import VACUUMED
from operations.upkeep import Outcome, maintain
from tests.cli.program import run, run_json
from tests.health.test_health import change, quiet

ASKED = {
    # what monitoring of event stores and of SQLite has
    "position of the head": "daybook_log_position",
    "position of each view": "daybook_read_model_position",
    "lag in events": "daybook_read_model_lag_events",
    "lag in seconds": "daybook_read_model_lag_seconds",
    "a view that stands still": "daybook_read_model_stopped",
    "last success of each job": "daybook_job_age_seconds",
    "skipped events": "daybook_read_model_skipped_events",
    "disk full": "daybook_disk_full",
    "size of the write-ahead log": "daybook_wal_bytes",
    "checkpoint errors": "daybook_checkpoint_errors",
    "age of the last proven restore": "daybook_restore_proven_age_seconds",
    "unproven range": "daybook_unsealed_events",
    "age of the last seal": "daybook_seal_age_seconds",
    "open breaks": "daybook_open_breaks",
    # what the legacy system measured, or meant to (its conditions stand in test_monitoring)
    "size of each database": "daybook_database_bytes",
    "pages": "daybook_database_pages",
    "free pages": "daybook_database_free_pages",
    "last vacuum": "daybook_vacuum_age_seconds",
    "last integrity check": "daybook_integrity_age_seconds",
    "its result": "daybook_integrity_sound",
    "growth of a day": "daybook_growth_day_ratio",
    "size in ten years": "daybook_ten_years_bytes",
    "row counts": "daybook_table_rows",
    "last backup": "daybook_backup_age_seconds",
    "copies of each tier": "daybook_backup_copies",
    "free disk": "daybook_disk_free_bytes",
    "connections in use, of which there is one that writes": "daybook_writers",
    # what the trading bot's health check looked at, or meant to
    "sessions that are over and not put away": "daybook_sessions_unsealed",
    "files that cannot be opened": "daybook_files_broken",
}


def figures(home: Path) -> dict[tuple[str, str], float]:
    return {(one.name, one.label): one.value for one in health(home, now=datetime.now(UTC)).figures}


def test_every_figure_is_in_the_json_and_in_the_text_for_monitoring_systems(tmp_path: Path) -> None:
    change(tmp_path, "1", "2")
    for command in (("catch-up",), ("backup", "daily"), ("drill",), ("audit", "seal"), ("maintain", "daily")):
        assert run(*command, home=tmp_path).exit_code == 0, command
    now = datetime.now(UTC)
    with open_monitor(tmp_path) as monitor:
        for days in (0.9, 100):
            size = Figure("daybook_database_bytes", "ledger.db", 1000.0)
            monitor.keep([size, Figure(VACUUMED, "config.db", 1.0)], now - timedelta(days=days))
    found = run_json("health", "--metrics", tmp_path / "metrics.txt", home=tmp_path)
    text = (tmp_path / "metrics.txt").read_text()
    families = {one.name: [sample.value for sample in one.samples] for one in text_string_to_metric_families(text)}
    for question, name in ASKED.items():
        values = [one["value"] for one in found["figures"] if one["name"] == name]
        assert values, question
        assert families[name] == values, question
    assert {*ASKED.values()} == HELP.keys(), "every figure answers a question"
    jobs = {one["label"] for one in found["figures"] if one["name"] == "daybook_job_age_seconds"}
    assert jobs == {"backup-daily", "drill", "maintain-daily"}


def test_an_event_that_a_read_model_passed_over_is_counted(tmp_path: Path) -> None:
    change(tmp_path, "1", "2", "3")
    assert run("catch-up", home=tmp_path).exit_code == 0
    name = "daybook_read_model_skipped_events"
    assert {value for (one, _), value in figures(tmp_path).items() if one == name} == {0}
    with closing(apsw.Connection(str(tmp_path / "config.db"))) as db:
        db.execute("UPDATE checkpoint SET events = events - 2")
    found = health(tmp_path, now=datetime.now(UTC), repair=False).figures
    assert [one.label for one in found if one.name == name and one.value == 2] == ["config.db"]


def test_a_log_that_a_reader_keeps_from_being_written_back_is_an_error_for_thirty_days(tmp_path: Path) -> None:
    change(tmp_path, "1")
    assert run("catch-up", home=tmp_path).exit_code == 0
    name, now = "daybook_checkpoint_errors", datetime.now(UTC)
    with closing(apsw.Connection(str(tmp_path / "config.db"))) as reader:
        for value in ("2", "3"):
            change(tmp_path, value)
            assert run("catch-up", home=tmp_path).exit_code == 0
            reader.execute("BEGIN" if value == "2" else "SELECT 1")
            reader.execute("SELECT count(*) FROM settings").fetchall()
        for days in (40, 2, 1):
            steps = maintain(tmp_path, "daily", now=now - timedelta(days=days), tell=quiet).steps
            assert next(one for one in steps if one.name == "write-ahead logs").outcome is Outcome.DONE
    maintain(tmp_path, "daily", now=now, tell=quiet)
    found = figures(tmp_path)
    assert (found[name, "config.db"], found[name, "ledger.db"]) == (2, 0)


def test_who_writes_is_counted_and_looking_keeps_nobody_from_it(tmp_path: Path) -> None:
    change(tmp_path, "1")
    assert figures(tmp_path)["daybook_writers", ""] == 0
    lock = WriterLock(tmp_path, "a test")
    assert is_written_to(tmp_path)
    assert figures(tmp_path)["daybook_writers", ""] == 1
    lock.release()
    assert not is_written_to(tmp_path)


def test_a_full_disk_is_critical_from_the_same_room_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    change(tmp_path, "1")
    for free, is_full in ((DISK_FULL_BYTES, False), (DISK_FULL_BYTES - 1, True)):
        usage = type("Usage", (), {"free": free})()
        monkeypatch.setattr("operations.monitoring.measuring.shutil.disk_usage", lambda _, usage=usage: usage)
        found = figures(tmp_path)
        assert found["daybook_disk_full", ""] == is_full
        with open_monitor(tmp_path) as monitor:
            said = conditions([Figure("daybook_disk_free_bytes", "", free)], monitor, datetime.now(UTC))
        assert (Level.CRITICAL in [one.level for one in said]) is is_full
