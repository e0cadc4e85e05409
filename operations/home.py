"""The home: where a user's ledger, read models, frozen copies and reports lie."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

from domain.errors import HomeError

LEDGER = "ledger.db"
REPORTS = "reports"
BACKUPS = "backups"


def time_stamp(now: datetime | None = None) -> str:
    """The present moment as it stands in file names: 20261120T180000.123456Z, which sorts by time."""
    return (now or datetime.now(UTC)).strftime("%Y%m%dT%H%M%S.%fZ")


def check_apart(home: Path, source: Path) -> None:
    """Refuse a home that is the legacy folder, lies in it, or holds it: file names of old and new are the same."""
    folder = source if source.is_dir() else source.parent
    here, there = home.resolve(), folder.resolve()
    if here == there or there in here.parents:
        raise HomeError(
            f"the home {home} {'is' if here == there else 'lies in'} the legacy folder, which must stay as it is",
            hint="Name another folder with --home.",
        )


def check_writable(home: Path) -> None:
    """Refuse a home whose folder cannot be made or written to."""
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HomeError(f"{home}: cannot be made: {error.strerror}", hint="Name another folder with --home.") from error
    if not os.access(home, os.W_OK):
        raise HomeError(f"{home}: cannot be written to", hint="Check the permissions, or name another with --home.")


def frozen_folders(home: Path) -> list[Path]:
    """The frozen copies of earlier runs, oldest first."""
    folder = home / BACKUPS
    return sorted(p for p in folder.glob("replay-*") if p.is_dir()) if folder.is_dir() else []
