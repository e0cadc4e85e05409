"""Which time of a job is due, and whether it was done: each once, whatever the clock does meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from domain.moments import instant
from operations.monitoring.keeping import Monitor, open_monitor
from operations.scheduling.jobs import Job

_LOOK_BACK = [timedelta(minutes=2), timedelta(hours=3), timedelta(days=3), timedelta(days=10), timedelta(days=40)]
"""How far back the newest time is looked for: the steps of jobs of a minute, an hour, a day, a week, a month."""


def newest_due(job: Job, zone: ZoneInfo, now: datetime) -> datetime | None:
    """The newest time of the job that is not in the future; None when it has none in the last 40 days."""
    now = now.astimezone(UTC)
    for back in _LOOK_BACK:
        found, due = None, job.next_time(zone, now - back).astimezone(UTC)
        while due <= now:
            found, due = due, job.next_time(zone, due).astimezone(UTC)
        if found is not None:
            return found
    return None


def was_missed(home: Path, job: Job, zone: ZoneInfo, now: datetime) -> bool:
    """Whether the newest time of the job was not done. A job that was never done waits for its time."""
    due = newest_due(job, zone, now)
    with open_monitor(home) as monitor:
        return due is not None and monitor.job_done_at(job.name) is not None and not _is_done(monitor, job, zone, due)


def do_once(home: Path, job: Job, zone: ZoneInfo, now: datetime, work: Callable[[], bool]) -> bool:
    """Do the job for the time that is due, unless it was done for it already; returns whether it was tried.

    What fails is not noted as done: it is missed, and comes again. What simply comes again in a minute is always done: after a
    clock was set back there is as much to ship as before.
    """
    due = newest_due(job, zone, now)
    if job.catches_up and due is not None:
        with open_monitor(home) as monitor:
            if _is_done(monitor, job, zone, due):
                return False
    if work():
        with open_monitor(home) as monitor:
            monitor.note_job(job.name, instant(now), due_at=instant(due) if due and job.catches_up else None)
    return True


def _is_done(monitor: Monitor, job: Job, zone: ZoneInfo, due: datetime) -> bool:
    if monitor.was_job_done(job.name, instant(due)):
        return True
    # Before each time was noted, only the newest beginning was.
    begun = monitor.job_done_at(job.name)
    return begun is not None and newest_due(job, zone, datetime.fromisoformat(begun)) == due
