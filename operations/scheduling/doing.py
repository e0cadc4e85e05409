"""Jobs as of the present moment: each notes when it was done, whether `cli run`, cron, systemd or a person began it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from domain.errors import LedgerError
from domain.moments import instant
from operations.backup.making import Made, backup
from operations.backup.tiers import Tier
from operations.drilling import Drill, drill
from operations.monitoring.keeping import open_monitor
from operations.retention import Retention, retention
from operations.upkeep import Upkeep, maintain
from replay.run import Tell


def backup_now(home: Path, tier: str, *, to: Sequence[Path] = ()) -> list[Made]:
    """Make the copy of the present period."""
    now = datetime.now(UTC)
    made = backup(home, Tier(tier), now=now, to=to)
    _note(home, f"backup-{tier}", now)
    return made


def maintain_now(home: Path, how_often: str, *, tell: Tell) -> Upkeep:
    """The upkeep of the day, the week or the month; it is done when no step failed."""
    now = datetime.now(UTC)
    found = maintain(home, how_often, now=now, tell=tell)
    if not found.exit_code:
        _note(home, f"maintain-{how_often}", now)
    return found


def drill_now(home: Path, *, tell: Tell) -> Drill:
    """A drill; it is done when it proved something."""
    now = datetime.now(UTC)
    found = drill(home, now=now, tell=tell)
    if not found.exit_code:
        _note(home, "drill", now)
    return found


def retention_now(home: Path, *, dry_run: bool) -> Retention:
    """Let what has expired go."""
    now = datetime.now(UTC)
    found = retention(home, now=now, dry_run=dry_run)
    if not dry_run:
        _note(home, "retention", now)
    return found


def _note(home: Path, name: str, began: datetime) -> None:
    try:
        with open_monitor(home) as monitor:
            monitor.note_job(name, instant(began))
    except (LedgerError, sqlite3.Error, OSError):
        # The work is done and stays so. What could not be noted is shown as late, which is not good but not false either.
        return
