"""The jobs of a home and their times (legacy facts 4.4): one table, from which the scheduler, cron and systemd are told."""

from __future__ import annotations

from typing import NamedTuple
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger

from operations.settings import Schedule

_DAYS = {"0": "sun"}


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

    def calendar(self) -> str:
        """The same for OnCalendar of systemd."""
        weekday = "" if self.weekday == "*" else f"{_DAYS[self.weekday].capitalize()} "
        day = "*" if self.day == "*" else f"{int(self.day):02}"
        minute = self.minute.replace("*/", "0/") if "/" in self.minute else self.minute
        minute = f"{int(minute):02}" if minute.isdigit() else minute
        hour = "*" if self.hour == "*" else f"{int(self.hour):02}"
        return f"{weekday}*-*-{day} {hour}:{minute}:00"

    def trigger(self, zone: ZoneInfo) -> CronTrigger:
        """The same for the scheduler, which knows summer time. A time that is left out comes at the next that there is; one
        that comes twice runs the job twice, which does no harm: each of our commands may be run again.
        """
        weekday = _DAYS.get(self.weekday, self.weekday)
        return CronTrigger(minute=self.minute, hour=self.hour, day=self.day, day_of_week=weekday, timezone=zone)


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
