"""The jobs of a home and their times (legacy facts 4.4): one table, from which the scheduler, cron and systemd are told."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from apscheduler.triggers.base import BaseTrigger

from operations.settings import Schedule

_DAYS = {"0": "Sun"}
_MINUTE, _DAY = timedelta(minutes=1), timedelta(days=1)


class Job(NamedTuple):
    """A command of ours and when it runs, in the fields of cron; `*` is every, and 0 is Sunday.

    catches_up: whether it is done at once when its time was missed; a minute's job simply comes again.
    """

    name: str
    arguments: tuple[str, ...]
    minute: str
    hour: str = "*"
    day: str = "*"
    weekday: str = "*"
    catches_up: bool = True

    def cron(self) -> str:
        """The five fields of a crontab."""
        return f"{self.minute} {self.hour} {self.day} * {self.weekday}"

    @property
    def late_after(self) -> timedelta:
        """How long after it was last done it is overdue: its period, and some room for a machine that sleeps."""
        if self.day != "*":
            return timedelta(days=33)
        if self.weekday != "*":
            return timedelta(days=8)
        if self.hour != "*":
            return timedelta(hours=26)
        return timedelta(hours=1 if "*" in self.minute else 3)

    def calendar(self) -> str:
        """The same for OnCalendar of systemd."""
        weekday = "" if self.weekday == "*" else f"{_DAYS[self.weekday]} "
        day = "*" if self.day == "*" else f"{int(self.day):02}"
        minute = self.minute.replace("*/", "0/") if "/" in self.minute else self.minute
        minute = f"{int(minute):02}" if minute.isdigit() else minute
        hour = "*" if self.hour == "*" else f"{int(self.hour):02}"
        return f"{weekday}*-*-{day} {hour}:{minute}:00"

    def next_time(self, zone: ZoneInfo, after: datetime) -> datetime:
        """The first time of the job after a moment, by the clock on the wall there.

        A time that is left out when summer begins comes an hour later. Of one that comes twice when it ends, the first counts;
        but what is done every hour is done in both.
        """
        return (self._every_hour(zone, after) if self.hour == "*" else self._on_days(zone, after)).astimezone(zone)

    def _every_hour(self, zone: ZoneInfo, after: datetime) -> datetime:
        assert (self.day, self.weekday) == ("*", "*"), f"{self.name}: each hour of some days is not thought of"
        moment = after.astimezone(UTC).replace(second=0, microsecond=0) + _MINUTE
        while wait := self._minutes_from(moment.astimezone(zone).minute):
            moment += wait * _MINUTE
        return moment

    def _minutes_from(self, minute: int) -> int:
        every, _, step = self.minute.partition("/")
        return -minute % int(step or 1) if every == "*" else (int(every) - minute) % 60

    def _on_days(self, zone: ZoneInfo, after: datetime) -> datetime:
        # The day before: a time that was left out may have come on the next.
        day = after.astimezone(zone).date() - _DAY
        while True:
            if self.day in ("*", str(day.day)) and self.weekday in ("*", str(day.isoweekday() % 7)):
                on_the_wall = datetime.combine(day, time(int(self.hour), int(self.minute)), zone)
                if (at := on_the_wall.astimezone(UTC)) > after:
                    return at
            day += _DAY

    def trigger(self, zone: ZoneInfo) -> Times:
        """The same for the scheduler."""
        return Times(self, zone)


class Times(BaseTrigger):  # type: ignore[misc]  # the library ships no types
    """The times of a job. The library's own trigger leaves out what is due in the first hour of the day after summer began."""

    def __init__(self, job: Job, zone: ZoneInfo) -> None:
        self._job, self._zone = job, zone

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        """The next time after the one before, or from now on; after a clock was set back, from now on as well."""
        # In UTC: by the clock on the wall, two moments of an hour that comes twice cannot be compared.
        after = now.astimezone(UTC) - timedelta(microseconds=1)
        if previous_fire_time is not None:
            after = min(after, previous_fire_time.astimezone(UTC))
        return self._job.next_time(self._zone, after)


JOBS = (
    Job("ship", ("ship",), "*", catches_up=False),
    Job("health", ("health", "--alert"), "*/15", catches_up=False),
    Job("backup-hourly", ("backup", "hourly"), "5"),
    Job("backup-daily", ("backup", "daily"), "0", "1"),
    Job("backup-weekly", ("backup", "weekly"), "10", "1", weekday="0"),
    Job("backup-monthly", ("backup", "monthly"), "20", "1", day="1"),
    Job("maintain-daily", ("maintain", "daily"), "0", "2"),
    Job("maintain-weekly", ("maintain", "weekly"), "30", "3", weekday="0"),
    Job("maintain-monthly", ("maintain", "monthly"), "0", "4", day="1"),
    Job("seal", ("audit", "seal"), "30", "0"),
)


def jobs(settings: Schedule) -> list[Job]:
    """The jobs of a home."""
    return [job for job in JOBS if job.name not in settings.without]
