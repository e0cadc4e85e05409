"""Monitoring: each condition at its threshold, growth, alerts told once, and figures that monitoring systems can read."""

from __future__ import annotations

import http.server
import json
import sqlite3
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from domain.errors import HomeError
from domain.moments import instant
from operations.health.looking import health, serve
from operations.monitoring.alerting import LOG, check_webhook, due, tell
from operations.monitoring.conditions import Condition, Level, conditions
from operations.monitoring.keeping import FILE, Monitor, open_monitor
from operations.monitoring.measuring import HELP, Figure
from operations.monitoring.metrics import text
from operations.monitoring.noted import SOUND, VACUUMED
from operations.settings import Alerts
from tests.cli.program import run, run_json
from tests.health.test_health import change

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
MB = 1e6
AGES = [Figure("daybook_backup_age_seconds", tier, 60) for tier in ("hourly", "daily")]


@pytest.fixture
def monitor(tmp_path: Path) -> Iterator[Monitor]:
    with open_monitor(tmp_path) as opened:
        yield opened


CASES = [
    (Figure("daybook_disk_free_bytes", "", 0.4e9), "disk", Level.CRITICAL),
    (Figure("daybook_disk_free_bytes", "", 4.9e9), "disk", Level.ERROR),
    (Figure("daybook_disk_free_bytes", "", 9.9e9), "disk", Level.WARNING),
    (Figure("daybook_disk_free_bytes", "", 10e9), None, None),
    (Figure("daybook_wal_bytes", "ledger.db", 101 * MB), "wal", Level.ERROR),
    (Figure("daybook_wal_bytes", "ledger.db", 99 * MB), None, None),
    (Figure("daybook_database_bytes", "ledger.db", 101 * MB), "size", Level.INFO),
    (Figure("daybook_database_bytes", "ledger.db", 99 * MB), None, None),
    (Figure("daybook_read_model_stopped", "portfolio.db", 1), "stopped", Level.ERROR),
    (Figure("daybook_read_model_lag_seconds", "portfolio.db", 301), "lag", Level.WARNING),
    (Figure("daybook_read_model_lag_seconds", "portfolio.db", 299), None, None),
    (Figure("daybook_integrity_sound", "config.db", 0), "integrity", Level.ERROR),
    (Figure("daybook_integrity_sound", "config.db", 1), None, None),
    (Figure("daybook_open_breaks", "", 2), "breaks", Level.WARNING),
    (Figure("daybook_backup_age_seconds", "hourly", 3 * 3600), "copies", Level.WARNING),
    (Figure("daybook_backup_age_seconds", "daily", 27 * 3600), "copies", Level.WARNING),
    (Figure("daybook_restore_proven_age_seconds", "", 36 * 86_400), "drill", Level.WARNING),
]


@pytest.mark.parametrize(("figure", "name", "level"), CASES)
def test_a_condition_holds_beyond_its_threshold_and_not_before(
    monitor: Monitor, figure: Figure, name: str | None, level: Level | None
) -> None:
    others = [one for one in AGES if (one.name, one.label) != (figure.name, figure.label)]
    found = conditions([*others, figure], monitor, NOW)
    assert [(one.name, one.level) for one in found] == ([] if name is None else [(name, level)])


def test_a_home_without_any_copy_is_told(monitor: Monitor) -> None:
    assert [one.message for one in conditions([], monitor, NOW)] == ["there is no copy of this home"]


@pytest.mark.parametrize(
    ("before", "hours", "level"),
    [
        (79, 23, Level.WARNING),
        (65, 23, Level.ERROR),
        (90, 23, Level.INFO),
        (100, 23, None),
        (50, 2, None),
        (50, 30, None),
    ],
)
def test_growth_is_that_of_a_day(monitor: Monitor, before: float, hours: float, level: Level | None) -> None:
    monitor.keep([Figure("daybook_database_bytes", "ledger.db", before * MB)], NOW - timedelta(hours=hours))
    now = Figure("daybook_database_bytes", "ledger.db", 99 * MB)
    assert [one.level for one in conditions([*AGES, now], monitor, NOW)] == ([] if level is None else [level])


def test_ten_years_are_projected_in_a_straight_line(monitor: Monitor) -> None:
    monitor.keep([Figure("daybook_database_bytes", "ledger.db", 60 * MB)], NOW - timedelta(days=100))
    now = Figure("daybook_database_bytes", "ledger.db", 90 * MB)
    (found,) = conditions([*AGES, now], monitor, NOW)
    assert (found.name, found.level) == ("projection", Level.WARNING)
    assert "1,185 MB in ten years" in found.message  # 90 + 0.3 a day


def test_what_is_older_than_the_year_that_counts_is_forgotten(monitor: Monitor) -> None:
    monitor.keep([Figure("x", "", 1)], NOW - timedelta(days=500))
    monitor.keep([Figure("x", "", 2)], NOW)
    found = monitor.earliest("x", "", since=NOW - timedelta(days=1000))
    assert found == (NOW, 2)


def kinds(found: list[Condition], monitor: Monitor, hours: float, settings: Alerts) -> list[tuple[str, str]]:
    return [(one.kind, one.name) for one in due(found, monitor, settings, NOW + timedelta(hours=hours))]


def test_somebody_is_told_once_when_it_gets_worse_again_after_a_day_and_when_it_is_over(monitor: Monitor) -> None:
    settings = Alerts()
    low, lower = (Condition("disk", "", level, "x") for level in (Level.WARNING, Level.ERROR))
    assert kinds([low], monitor, 0, settings) == [("began", "disk")]
    assert kinds([low], monitor, 1, settings) == []
    assert kinds([lower], monitor, 2, settings) == [("worse", "disk")]
    assert kinds([lower], monitor, 25, settings) == []
    assert kinds([lower], monitor, 26, settings) == [("still", "disk")]
    assert kinds([low], monitor, 27, settings) == [("better", "disk")]
    assert kinds([], monitor, 28, settings) == [("over", "disk")]
    assert kinds([], monitor, 29, settings) == []


def test_below_the_level_asked_for_nobody_is_told(monitor: Monitor) -> None:
    size = Condition("size", "ledger.db", Level.INFO, "x")
    assert kinds([size], monitor, 0, Alerts()) == []
    assert kinds([size], monitor, 0, Alerts(level="INFO")) == [("began", "size")]


class Listener(http.server.BaseHTTPRequestHandler):
    """Keeps what it is sent."""

    heard: ClassVar[list[Any]] = []  # notices as they came
    status = 200

    def do_POST(self) -> None:
        Listener.heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(Listener.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def listening() -> Iterator[str]:
    Listener.heard, Listener.status = [], 200
    with http.server.HTTPServer(("127.0.0.1", 0), Listener) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/alerts"
        server.shutdown()
        server.server_close()
        thread.join()


def test_log_command_and_webhook_get_the_same_notice(tmp_path: Path, monitor: Monitor, listening: str) -> None:
    script = f"import sys; open({str(tmp_path / 'told')!r}, 'w').write(sys.stdin.read())"
    settings = Alerts(command=(sys.executable, "-c", script), webhook=listening)
    notices = due([Condition("disk", "", Level.ERROR, 'full "soon"')], monitor, settings, NOW)
    assert tell(tmp_path, notices, settings, NOW) == []
    logged = json.loads((tmp_path / LOG).read_text())
    told = json.loads((tmp_path / "told").read_text())
    assert told == Listener.heard[0] == {name: logged[name] for name in told}
    assert told["message"] == 'full "soon"'


def test_a_channel_that_fails_is_said_and_the_others_are_told(tmp_path: Path, monitor: Monitor, listening: str) -> None:
    Listener.status = 500
    settings = Alerts(command=(sys.executable, "-c", "raise SystemExit(3)"), webhook=listening)
    notices = due([Condition("disk", "", Level.ERROR, "x")], monitor, settings, NOW)
    failed = tell(tmp_path, notices, settings, NOW)
    assert [one.split(":")[0] for one in failed] == ["command", "webhook"]
    assert (tmp_path / LOG).exists()


@pytest.mark.parametrize("address", ["http://example.com/x", "http://10.0.0.1/", "ftp://127.0.0.1/", "nonsense"])
def test_a_webhook_elsewhere_is_refused_unless_it_was_allowed(address: str) -> None:
    with pytest.raises(HomeError):
        check_webhook(Alerts(webhook=address))
    assert (
        check_webhook(Alerts(webhook="http://example.com/x", webhook_hosts=("example.com",))).hostname == "example.com"
    )


def test_the_figures_are_read_by_the_parser_of_monitoring_systems(tmp_path: Path) -> None:
    change(tmp_path, "1", "2")
    found = run_json("health", "--metrics", tmp_path / "metrics.txt", home=tmp_path)
    families = list(text_string_to_metric_families((tmp_path / "metrics.txt").read_text()))
    read = {
        (sample.name, next(iter(sample.labels.values()), "")): sample.value
        for one in families
        for sample in one.samples
    }
    assert read == {(one["name"], one["label"]): one["value"] for one in found["figures"]}
    assert read["daybook_log_position", ""] == 2
    assert {one.name for one in families} <= HELP.keys()


def test_a_label_with_strange_characters_does_not_break_the_text() -> None:
    written = text([Figure("daybook_database_bytes", 'a"b\\c\nd', 1)]).decode()
    ((sample,),) = (one.samples for one in text_string_to_metric_families(written))
    assert sample.labels == {"database": 'a"b\\c\nd'}


def test_the_endpoint_measures_anew_at_each_request(tmp_path: Path) -> None:
    change(tmp_path, "1")
    server = serve(tmp_path, host="127.0.0.1", port=0)
    try:
        address = f"http://127.0.0.1:{server.server_port}/metrics"
        for expected in (1, 2):
            with urllib.request.urlopen(address) as answer:
                assert f"daybook_log_position {float(expected)}" in answer.read().decode()
            change(tmp_path, "2")
    finally:
        server.shutdown()
        server.server_close()


def test_alerts_come_once_from_the_command_and_are_over_when_mended(tmp_path: Path) -> None:
    change(tmp_path, "1")
    first = run_json("health", "--alert", home=tmp_path)
    assert {(one["kind"], one["name"]) for one in first["notices"]} >= {("began", "copies"), ("began", "health")}
    assert run_json("health", "--alert", home=tmp_path)["notices"] == []
    assert run("backup", "daily", home=tmp_path).exit_code == 0
    assert run("backup", "hourly", home=tmp_path).exit_code == 0
    over = {one["name"] for one in run_json("health", "--alert", home=tmp_path)["notices"] if one["kind"] == "over"}
    assert over == {"copies", "health"}


def test_a_monitor_file_that_cannot_be_used_is_begun_anew(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"no database at all" * 100)
    with open_monitor(tmp_path) as monitor:
        assert monitor.alerts() == []


def test_a_monitor_file_of_an_unknown_format_or_half_made_is_begun_anew(tmp_path: Path) -> None:
    for format_of_schema in (9, 4):
        with closing(sqlite3.connect(tmp_path / FILE)) as db, db:
            db.execute("CREATE TABLE alerts (half_made)")
        with (tmp_path / FILE).open("r+b") as file:
            file.seek(47)
            file.write(bytes([format_of_schema]))
        with open_monitor(tmp_path) as monitor:
            assert monitor.alerts() == []
        (tmp_path / FILE).unlink()


def test_what_was_noted_before_is_a_figure_of_now(tmp_path: Path) -> None:
    change(tmp_path, "1")
    now = datetime.now(UTC)
    before = now - timedelta(hours=23)
    with open_monitor(tmp_path) as monitor:
        monitor.note_job("backup-daily", instant(now - timedelta(hours=30)))
        monitor.keep([Figure("daybook_database_bytes", "ledger.db", 1000.0), Figure(SOUND, "config.db", 0.0),
                      Figure(VACUUMED, "config.db", 1.0)], before)  # fmt: skip
    health(tmp_path, now=now)
    found = health(tmp_path, now=now)  # looking at it has not made it younger
    figures = {(one.name, one.label): one.value for one in found.figures}
    assert figures["daybook_job_age_seconds", "backup-daily"] == pytest.approx(30 * 3600)
    assert figures["daybook_integrity_sound", "config.db"] == 0
    assert figures["daybook_integrity_age_seconds", "config.db"] == pytest.approx(23 * 3600)
    assert figures["daybook_vacuum_age_seconds", "config.db"] == pytest.approx(23 * 3600)
    assert figures["daybook_growth_day_ratio", "ledger.db"] > 1
    assert figures["daybook_table_rows", "config.settings"] == 1
    assert {"integrity", "growth"} <= {one.name for one in found.conditions}
    assert 'daybook_job_age_seconds{job="backup-daily"} 108000' in text(found.figures).decode()
    (current,) = [one for one in found.answers if one.question == "current"]
    assert (current.state, current.next) == ("warning", "cli run")
    assert current.reason == "the job backup-daily was last done 1.2 days ago"


def test_a_ledger_that_grows_is_told_as_information(monitor: Monitor) -> None:
    monitor.keep([Figure("daybook_database_bytes", "ledger.db", 100.0)], NOW - timedelta(hours=20))
    found = conditions([*AGES, Figure("daybook_database_bytes", "ledger.db", 101.0)], monitor, NOW)
    assert [(one.name, one.level) for one in found] == [("growth", Level.INFO)]
