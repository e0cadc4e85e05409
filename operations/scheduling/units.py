"""`cli schedule`: what cron or systemd would be told to do the same."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

from operations.scheduling.jobs import jobs
from operations.settings import Settings
from operations.settings import read as read_settings

SERVICE = """\
[Unit]
Description=Daybook: {about}
{after}
[Service]
Type={kind}
ExecStart={command}
{more}"""
TIMER = """\
[Unit]
Description=Daybook: when {about}

[Timer]
OnCalendar={calendar}{zone}
Persistent={persistent}

[Install]
WantedBy=timers.target
"""


def crontab(home: Path, settings: Settings, program: str) -> str:
    """Lines for crontab. The zone is that of the machine: cron knows no other, so it stands in a comment."""
    lines = [f"# The times are meant in {settings.schedule.timezone}; cron takes them in the zone of the machine."]
    lines += [f"{job.cron()} {_command(program, home, job.arguments)}" for job in jobs(settings.schedule)]
    return "\n".join(lines) + "\n"


def systemd(home: Path, settings: Settings, program: str) -> dict[str, str]:
    """Name and content of each unit: a service that follows, and a service with a timer for each job."""
    units = {"daybook-follow.service": _service(home, program, ("catch-up", "--follow"), stays=True)}
    for name, source in settings.watched.items():
        arguments = ("watch", source.path, *source.options())
        units[f"daybook-watch-{name}.service"] = _service(home, program, arguments, stays=True)
    for job in jobs(settings.schedule):
        units[f"daybook-{job.name}.service"] = _service(home, program, job.arguments, stays=False)
        units[f"daybook-{job.name}.timer"] = TIMER.format(
            about=" ".join(job.arguments), calendar=job.calendar(), zone=f" {settings.schedule.timezone}",
            persistent="true" if job.catches_up else "false",
        )  # fmt: skip
    return units


def _service(home: Path, program: str, arguments: tuple[str, ...], *, stays: bool) -> str:
    more = "Restart=on-failure\nRestartSec=5\n\n[Install]\nWantedBy=default.target\n" if stays else ""
    return SERVICE.format(
        about=" ".join(arguments), after="", kind="simple" if stays else "oneshot",
        # A percent sign begins a specifier of systemd.
        command=_command(program, home, arguments).replace("%", "%%"), more=more,
    )  # fmt: skip


def _command(program: str, home: Path, arguments: tuple[str, ...]) -> str:
    return shlex.join([program, "--home", str(home.absolute()), *arguments])


def made(home: Path, how: str) -> dict[str, str]:
    """Name and content of each file: one crontab, or the units of systemd. Raises HomeError for wrong settings."""
    settings, program = read_settings(home), shutil.which("cli") or "cli"
    return {"crontab": crontab(home, settings, program)} if how == "cron" else systemd(home, settings, program)
