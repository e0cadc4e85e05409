"""`cli run`: one process that follows, watches, and starts the jobs on their times, each as a process of its own.

A job is one of our own commands, which can be killed anywhere; so stopping is quick and safe, a job that fails takes nothing
with it, and its memory is given back when it ends.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Lock
from zoneinfo import ZoneInfo

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.schedulers.base import BaseScheduler

from operations.locking import held
from operations.scheduling.due import do_once, was_missed
from operations.scheduling.jobs import Job, jobs
from operations.settings import Settings
from operations.settings import read as read_settings

LOCK = "run.lock"
BUSY_CODE, TRIES, WAIT_S = 2, 5, 10.0
"""A home that another command is writing to ends a job with 2; it is tried again."""

CLOCK_SET_S = 60.0
"""A clock that moves this much more than time has passed was set, or the machine slept."""

RESTART_S = 5.0
STOP_S = 4.0

PROGRAM = (sys.executable, str(Path(__file__).resolve().parents[2] / "cli.py"))
"""This program, wherever it lies: cli.py stands beside the packages in a checkout and in an installation."""

Say = Callable[[str], None]


class Supervisor:
    """Starts processes, restarts those that should stay, and ends all of them."""

    def __init__(self, home: Path, program: Sequence[str], say: Say, stop: Event) -> None:
        self._home, self._program, self._say, self._stop = home, list(program), say, stop
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._lock = Lock()

    def job(self, job: Job) -> bool:
        """Run a job to its end; returns whether it succeeded. Exit code 1 means that it found something, and said so."""
        for attempt in range(TRIES):
            begin = time.monotonic()
            code = self._run(job.name, job.arguments)
            if self._stop.is_set():
                return False
            if code != BUSY_CODE or attempt == TRIES - 1:
                self._say(f"{job.name}: {_ended(code)} after {time.monotonic() - begin:.1f} s")
                return code == 0
            self._stop.wait(WAIT_S)
        return False

    def stay(self, name: str, arguments: Sequence[str]) -> None:
        """Keep a process running until all stops."""
        while not self._stop.is_set():
            code = self._run(name, arguments)
            if self._stop.is_set():
                return
            self._say(f"{name} {_ended(code)}; it is started again")
            self._stop.wait(RESTART_S)

    def _run(self, name: str, arguments: Sequence[str]) -> int:
        command = [*self._program, "--home", str(self._home), *arguments]
        with self._lock:
            if self._stop.is_set():
                return 0
            # A group of its own: Ctrl-C is for this process, which ends the others in its own way.
            process = subprocess.Popen(  # noqa: S603  our own program
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True
            )
            self._running[name] = process
        try:
            return process.wait()
        finally:
            with self._lock:
                self._running.pop(name, None)

    def end(self) -> None:
        """Ask all processes to end, then make them."""
        with self._lock:
            left = list(self._running.values())
        for process in left:
            process.send_signal(signal.SIGTERM)
        until = time.monotonic() + STOP_S
        for process in left:
            try:
                process.wait(max(0.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()


def _ended(code: int) -> str:
    return {0: "done", 1: "done, it found something"}.get(code, f"FAILED with {code}")


def run(home: Path, *, say: Say, stop: Event, program: Sequence[str] = PROGRAM, now: datetime | None = None) -> None:
    """Follow, watch and run the jobs until `stop` is set. Raises HomeBusy when another process runs this home."""
    settings = read_settings(home)
    with held(home / LOCK, "run", f"{home} is looked after"):
        supervisor = Supervisor(home, program, say, stop)
        scheduler = _scheduler(home, settings, supervisor, now or datetime.now(UTC), say)
        scheduler.start()
        try:
            ahead = time.time() - time.monotonic()
            while not stop.wait(1.0):
                before, ahead = ahead, time.time() - time.monotonic()
                clock_moved(scheduler, settings, ahead - before, say)
        finally:
            stop.set()
            supervisor.end()
            scheduler.shutdown(wait=True)


def _scheduler(home: Path, settings: Settings, supervisor: Supervisor, now: datetime, say: Say) -> BackgroundScheduler:
    zone = ZoneInfo(settings.schedule.timezone)
    stays: dict[str, tuple[str, ...]] = {"follow": ("catch-up", "--follow")}
    for name, source in settings.watched.items():
        stays[f"watch {name}"] = ("watch", source.path, *source.options())
    # One job at a time: they would only wait for each other's right to write. What stays has threads of its own.
    executors = {"default": ThreadPoolExecutor(1), "stays": ThreadPoolExecutor(len(stays))}
    scheduler = BackgroundScheduler(timezone=zone, executors=executors)
    for name, arguments in stays.items():
        scheduler.add_job(supervisor.stay, args=(name, arguments), executor="stays", id=name)
        say(f"{name}: {' '.join(arguments)}")
    for job in jobs(settings.schedule):
        add = {"args": (home, supervisor, job, zone), "coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        scheduler.add_job(_do, job.trigger(zone), id=job.name, **add)
        if job.catches_up and was_missed(home, job, zone, now):
            say(f"{job.name} was missed and is done now")
            scheduler.add_job(_do, id=f"{job.name}, missed", **add)
    return scheduler


def _do(home: Path, supervisor: Supervisor, job: Job, zone: ZoneInfo) -> None:
    do_once(home, job, zone, datetime.now(UTC), lambda: supervisor.job(job))


def clock_moved(scheduler: BaseScheduler, settings: Settings, seconds: float, say: Say) -> None:
    """Keep the jobs to their times when the clock moves by more than time has passed.

    A scheduler waits for moments that it reckoned before: when the clock is set back, it would wait that much longer; when it
    is set forward, or the machine slept, it would not notice that a moment has come.
    """
    if seconds < -CLOCK_SET_S:
        say(f"the clock was set back by {-seconds:,.0f} s; the times of the jobs are reckoned again")
        zone = ZoneInfo(settings.schedule.timezone)
        for job in jobs(settings.schedule):
            scheduler.reschedule_job(job.name, trigger=job.trigger(zone))
    elif seconds > CLOCK_SET_S:
        say(f"the clock went forward by {seconds:,.0f} s; what was missed is done now")
        scheduler.wakeup()
