"""The schedule: the times of the jobs over two years, summer time, what was missed, one process at a time, units."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from apscheduler.schedulers.background import BackgroundScheduler
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.moments import instant
from migrations import script
from operations.monitoring.keeping import open_monitor
from operations.scheduling.due import do_once, newest_due, was_missed
from operations.scheduling.jobs import JOBS, Job, jobs
from operations.scheduling.running import clock_moved
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


SUMMER_TIME = {
    "Europe/Athens": "maintain-weekly",  # at 3:30, of an hour that is left out in March and comes twice in October
    "Europe/London": "backup-daily",  # at 1:00, the same
    "America/New_York": "backup-daily",  # at 1:00, which comes twice in November
    "Australia/Lord_Howe": "maintain-daily",  # half an hour
}


@pytest.mark.parametrize("zone", SUMMER_TIME)
@pytest.mark.parametrize("name", ["backup-daily", "maintain-daily", "maintain-weekly", "maintain-monthly", "seal"])
def test_summer_time_drops_no_job_and_runs_none_twice(zone: str, name: str) -> None:
    begin, end = (datetime(year, 1, 1, tzinfo=ZoneInfo(zone)).astimezone(UTC) for year in (2026, 2028))
    found = times(job(name), zone, begin, end)
    # The day as the clock on the wall shows it; in UTC, where nothing is left out, there are as many.
    days = [one.astimezone(UTC).astimezone(ZoneInfo(zone)).date() for one in found]
    utc = times(job(name), "UTC", datetime(2026, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC))
    assert days == [one.date() for one in utc]


def test_the_zones_of_that_test_have_a_time_that_is_left_out_or_comes_twice() -> None:
    for zone, name in SUMMER_TIME.items():
        found, twice, moment = set(), set(), datetime(2026, 1, 1, tzinfo=UTC)
        wanted = (int(job(name).hour), int(job(name).minute))
        while moment < datetime(2027, 1, 1, tzinfo=UTC):
            wall = moment.astimezone(ZoneInfo(zone))
            if (wall.hour, wall.minute) == wanted:
                (twice if wall.date() in found else found).add(wall.date())
            moment += timedelta(minutes=30)
        assert twice or len(found) == 364, zone


def first_after(one: Job, zone: ZoneInfo, after: datetime) -> datetime:
    """The next time of a job of each day, found by looking at the clock on the wall minute by minute."""
    seen: dict[date, datetime] = {}
    days: set[date] = set()
    begin = after.replace(minute=0, second=0, microsecond=0) - timedelta(days=2)
    for minutes in range(0, 5 * 1_440, 30):  # the jobs of each day, like the offsets, are at half hours
        wall = (begin + timedelta(minutes=minutes)).astimezone(zone)
        days.add(wall.date())
        if (wall.hour, wall.minute) == (int(one.hour), int(one.minute)):
            seen.setdefault(wall.date(), begin + timedelta(minutes=minutes))
    for day in sorted(days)[1:-1]:
        # Where it was left out, it is a day after the one before.
        seen.setdefault(day, seen.get(day - timedelta(days=1), begin) + timedelta(days=1))
    return min(moment for moment in seen.values() if moment > after)


CHANGES = [
    ("Europe/Athens", (3, 29)), ("Europe/Athens", (10, 25)), ("Europe/London", (3, 29)), ("Europe/London", (10, 25)),
    ("America/New_York", (3, 8)), ("America/New_York", (11, 1)), ("Australia/Lord_Howe", (4, 4)),
    ("Australia/Lord_Howe", (10, 3)),
]  # fmt: skip


@pytest.mark.parametrize("name", ["backup-daily", "maintain-daily", "seal"])
@given(change=st.sampled_from(CHANGES), minutes=st.integers(-1_000, 1_500))
@settings(max_examples=40, deadline=None)
def test_the_next_time_is_what_the_clock_on_the_wall_says(
    name: str, change: tuple[str, tuple[int, int]], minutes: int
) -> None:
    zone, day = change
    after = datetime(2026, *day, tzinfo=UTC) + timedelta(minutes=minutes, seconds=minutes % 3)
    one, there = job(name), ZoneInfo(zone)
    assert one.next_time(there, after).astimezone(UTC) == first_after(one, there, after)


def test_what_is_done_every_hour_is_done_in_each_hour_that_passes() -> None:
    begin, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    found = {one.astimezone(UTC) for one in times(job("backup-hourly"), "Europe/Athens", begin, end)}
    assert len(found) == 365 * 24


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


class Runs:
    """A scheduler with a clock of its own, which waits for moments that it reckoned, as the real one does."""

    def __init__(self, home: Path, one: Job, zone: str, now: datetime) -> None:
        self.home, self.job, self.zone, self.now = home, one, ZoneInfo(zone), now
        self.runs: list[datetime] = []
        self.reckon()

    def reckon(self) -> None:
        self.next = self.job.trigger(self.zone).get_next_fire_time(None, self.now.astimezone(self.zone))

    def set_back(self, by: timedelta) -> None:
        self.now -= by
        self.reckon()

    def live(self, duration: timedelta, step: timedelta = timedelta(minutes=7)) -> None:
        until = self.now + duration
        while self.now < until:
            self.now += step
            if self.next is not None and self.next.astimezone(UTC) <= self.now:
                do_once(self.home, self.job, self.zone, self.now, lambda: not self.runs.append(self.now))
                self.reckon()

    def dues(self) -> list[datetime | None]:
        return [newest_due(self.job, self.zone, one) for one in self.runs]


@pytest.mark.parametrize(
    ("name", "back"),
    [
        *(("backup-daily", timedelta(**by)) for by in ({"minutes": 59}, {"hours": 1}, {"days": 1}, {"days": 9})),
        ("backup-hourly", timedelta(minutes=59)),
        ("backup-hourly", timedelta(days=1)),
    ],
)
def test_after_a_clock_was_set_back_no_time_is_done_twice_and_each_new_one_once(
    tmp_path: Path, name: str, back: timedelta
) -> None:
    begin = datetime(2026, 10, 20, 12, 3, tzinfo=UTC)  # the hour that comes twice is among the days
    runs = Runs(tmp_path, job(name), "Europe/London", begin)
    days = timedelta(days=10) if name == "backup-daily" else timedelta(days=6)
    runs.live(days)
    runs.set_back(back)
    runs.live(back + timedelta(days=2))
    wanted = times(job(name), "Europe/London", begin, runs.now)
    assert runs.dues() == [one.astimezone(UTC) for one in wanted]


def test_a_clock_that_was_a_year_ahead_keeps_no_job_from_its_times(tmp_path: Path) -> None:
    runs = Runs(tmp_path, job("backup-daily"), "UTC", datetime(2027, 11, 20, 12, tzinfo=UTC))
    runs.live(timedelta(days=3))
    runs.set_back(timedelta(days=365))
    runs.live(timedelta(days=3))
    assert len(set(runs.dues())) == len(runs.runs) == 6


def test_what_comes_every_minute_is_done_again_after_a_clock_was_set_back(tmp_path: Path) -> None:
    runs = Runs(tmp_path, job("ship"), "UTC", datetime(2026, 11, 20, 12, tzinfo=UTC))
    runs.live(timedelta(minutes=10), timedelta(minutes=1))
    runs.set_back(timedelta(days=1))
    runs.live(timedelta(minutes=10), timedelta(minutes=1))
    assert len(runs.runs) >= 18


def test_a_job_that_failed_is_missed_and_done_for_the_same_time_later(tmp_path: Path) -> None:
    daily, zone, now = job("backup-daily"), ZoneInfo("UTC"), datetime(2026, 11, 20, 1, 0, 1, tzinfo=UTC)
    assert do_once(tmp_path, daily, zone, now - timedelta(days=1), lambda: True)
    assert do_once(tmp_path, daily, zone, now, lambda: False)
    assert was_missed(tmp_path, daily, zone, now + timedelta(hours=3))
    assert do_once(tmp_path, daily, zone, now + timedelta(hours=3), lambda: True)
    assert not do_once(tmp_path, daily, zone, now + timedelta(hours=4), lambda: True)
    assert not was_missed(tmp_path, daily, zone, now + timedelta(hours=5))


def test_a_clock_that_is_set_while_the_scheduler_waits_makes_it_reckon_again() -> None:
    scheduler, said = BackgroundScheduler(timezone=ZoneInfo("UTC")), list[str]()
    scheduler.start(paused=True)
    try:
        for one in JOBS:
            scheduler.add_job(print, one.trigger(ZoneInfo("UTC")), id=one.name)
            scheduler.modify_job(one.name, next_run_time=datetime.now(UTC) + timedelta(days=40))
        clock_moved(scheduler, Settings(), 3.0, said.append)
        assert said == []
        clock_moved(scheduler, Settings(), -86_400.0, said.append)
        waits = {one.id: one.next_run_time - datetime.now(UTC) for one in scheduler.get_jobs()}
        assert waits["ship"] <= timedelta(minutes=1)
        assert waits["backup-daily"] <= timedelta(days=1)
        clock_moved(scheduler, Settings(), 7_200.0, said.append)
        assert [one.split(" by ")[0] for one in said] == ["the clock was set back", "the clock went forward"]
    finally:
        scheduler.shutdown()


def test_the_notes_of_an_older_version_are_understood(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "monitor.db")) as db:
        db.executescript(script("monitor", "0001_monitor.sql"))
        db.execute("INSERT INTO jobs (name, done_at) VALUES ('backup-daily', '2026-11-20T01:00:02.000000Z')")
        db.commit()
    daily, noon = job("backup-daily"), datetime(2026, 11, 20, 12, tzinfo=UTC)
    assert not was_missed(tmp_path, daily, ZoneInfo("UTC"), noon)
    assert was_missed(tmp_path, daily, ZoneInfo("UTC"), noon + timedelta(days=1))


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
        until = time.monotonic() + 180
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
    assert time.monotonic() - began < 40  # 5 on a machine that is not busy
    # Without the `--` it takes what it shall look for to be an option, and finds nothing in any case.
    assert not subprocess.run(["pgrep", "-f", "--", f"--home {tmp_path}"], capture_output=True, check=False).stdout
