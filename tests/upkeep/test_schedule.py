"""The schedule: the times of the jobs over two years, summer time, what was missed, one process at a time, units."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from domain.moments import instant
from operations.monitoring.keeping import open_monitor
from operations.scheduling.jobs import JOBS, Job, jobs
from operations.scheduling.running import was_missed
from operations.scheduling.units import crontab, systemd
from operations.settings import Schedule, Settings, Source
from tests.cli.program import ended, run, start
from tests.health.test_health import change


def job(name: str) -> Job:
    return next(one for one in JOBS if one.name == name)


def times(one: Job, zone: str, begin: datetime, end: datetime) -> list[datetime]:
    trigger, now, found, before = one.trigger(ZoneInfo(zone)), begin, [], None
    while True:
        at = trigger.get_next_fire_time(before, now.astimezone(ZoneInfo(zone)))
        if at is None or at.astimezone(UTC) >= end:
            return found
        found.append(at)
        before, now = at, at.astimezone(UTC) + timedelta(seconds=1)


def test_two_years_of_jobs_come_as_often_as_they_should() -> None:
    begin, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)
    daily = times(job("backup-daily"), "UTC", begin, end)
    assert len(daily) == 730
    assert {(one.hour, one.minute) for one in daily} == {(1, 0)}
    assert len(times(job("backup-hourly"), "UTC", begin, end)) == 730 * 24
    weekly = times(job("maintain-weekly"), "UTC", begin, end)
    assert (len(weekly), {one.isoweekday() for one in weekly}) == (104, {7})
    monthly = times(job("backup-monthly"), "UTC", begin, end)
    assert Counter(one.day for one in monthly) == {1: 24}


@pytest.mark.parametrize("name", ["backup-daily", "maintain-daily", "maintain-weekly", "maintain-monthly"])
def test_summer_time_drops_no_job_and_only_an_hour_that_comes_twice_runs_one_twice(name: str) -> None:
    begin, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)
    zone = ZoneInfo("Europe/Athens")
    found = times(job(name), "Europe/Athens", begin, end)
    days = Counter(one.astimezone(zone).date() for one in found)
    assert abs(len(days) - len(times(job(name), "UTC", begin, end))) <= 1
    twice = [day for day, count in days.items() if count == 2]
    assert max(days.values()) <= 2
    assert all((day.month, day.isoweekday()) == (10, 7) for day in twice)


def test_what_was_missed_is_done_at_once_and_what_was_never_done_waits(tmp_path: Path) -> None:
    daily, zone, now = job("backup-daily"), ZoneInfo("UTC"), datetime(2026, 11, 20, 12, tzinfo=UTC)
    assert not was_missed(tmp_path, daily, zone, now)
    for done_at, missed in (
        (datetime(2026, 11, 20, 1, 0, tzinfo=UTC), False),
        (datetime(2026, 11, 20, 0, 59, tzinfo=UTC), True),
        (datetime(2026, 11, 1, 1, 0, tzinfo=UTC), True),
        (datetime(2026, 11, 21, tzinfo=UTC), False),  # a clock that was set back
    ):
        with open_monitor(tmp_path) as monitor:
            monitor.note_job(daily.name, instant(done_at))
        assert was_missed(tmp_path, daily, zone, now) is missed


def test_jobs_can_be_left_out_by_name() -> None:
    assert "seal" not in {one.name for one in jobs(Schedule(without=("seal",)))}


SETTINGS = Settings(
    schedule=Schedule(timezone="Europe/Athens"),
    sources={"old": Source(path="/data/old system", timezone="Europe/Athens")},
)


def test_each_line_for_cron_has_five_fields_and_one_of_our_commands(tmp_path: Path) -> None:
    lines = [line for line in crontab(tmp_path, SETTINGS, "cli").splitlines() if not line.startswith("#")]
    assert len(lines) == len(JOBS)
    for line, one in zip(lines, JOBS, strict=True):
        fields = line.split(" ", 5)
        assert fields[:5] == one.cron().split(" ")
        assert fields[5] == f"cli --home {tmp_path} {' '.join(one.arguments)}"


def test_every_job_is_a_command_that_there_is(tmp_path: Path) -> None:
    for one in JOBS:
        assert run(*one.arguments, "--help").exit_code == 0, one


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed here")
def test_systemd_takes_every_unit(tmp_path: Path) -> None:
    made = systemd(tmp_path, SETTINGS, sys.executable)
    for name, content in made.items():
        (tmp_path / name).write_text(content)
    names = [str(tmp_path / name) for name in made]
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *names], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_unit_follows_each_source_watches_it_and_each_job_has_a_timer(tmp_path: Path) -> None:
    made = systemd(tmp_path, SETTINGS, "cli")
    assert {name for name in made if name.endswith(".timer")} == {f"daybook-{one.name}.timer" for one in JOBS}
    assert "watch '/data/old system' --timezone Europe/Athens" in made["daybook-watch-old.service"]
    assert "OnCalendar=Sun *-*-* 03:30:00 Europe/Athens" in made["daybook-maintain-weekly.timer"]
    assert "OnCalendar=*-*-* *:0/15:00 Europe/Athens" in made["daybook-health.timer"]
    assert "OnCalendar=*-*-01 04:00:00 Europe/Athens" in made["daybook-maintain-monthly.timer"]


def test_it_runs_once_does_what_was_missed_follows_and_stops_quickly(tmp_path: Path) -> None:
    change(tmp_path, "1")
    with open_monitor(tmp_path) as monitor:
        monitor.note_job("backup-daily", instant(datetime(2020, 1, 1, tzinfo=UTC)))
    process = start("--home", tmp_path, "run")
    try:
        until = time.monotonic() + 60
        while not (list(tmp_path.glob("backups/daily/2*")) and (tmp_path / "config.db").exists()):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < until
            time.sleep(0.1)
        second = run("run", home=tmp_path)
        assert second.exit_code == 2
        assert f"process {process.pid} (cli run)" in second.stderr
    finally:
        began = time.monotonic()
        os.kill(process.pid, signal.SIGTERM)
    code, out, _ = ended(process)
    assert code == 0
    assert "backup-daily was missed and is done now" in out
    assert time.monotonic() - began < 10  # 5 on a machine that is not busy
    assert not subprocess.run(["pgrep", "-f", f"--home {tmp_path}"], capture_output=True, check=False).stdout
