"""monitor.db: what was measured before, for growth, and which alerts stand. It is disposable, and no part of the ledger."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from domain.moments import Instant, instant
from migrations import script
from operations.monitoring.measuring import Figure

FILE = "monitor.db"
KEPT_DAYS = 400
"""A little more than the year over which growth is projected."""

_KEEP = "INSERT OR REPLACE INTO measurements (measured_at, name, label, value) VALUES (?, ?, ?, ?)"
_TRIM = "DELETE FROM measurements WHERE measured_at < ?"
_SINCE = (
    "SELECT measured_at, value FROM measurements WHERE name = ? AND label = ? AND measured_at >= ? "
    "ORDER BY measured_at LIMIT 1"
)
_ALERTS = "SELECT name, label, level, message, since, told_at FROM alerts ORDER BY name, label"


class Standing(NamedTuple):
    """An alert that stands. since: when its condition began; told_at: when somebody was last told."""

    name: str
    label: str
    level: str
    message: str
    since: Instant
    told_at: Instant


class Monitor:
    """An open monitor.db."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def keep(self, figures: Sequence[Figure], now: datetime) -> None:
        """Note what was measured, and forget what is too old to matter."""
        moment = instant(now)
        with self._db:
            self._db.executemany(_KEEP, [(moment, *figure) for figure in figures])
            self._db.execute(_TRIM, (instant(now - timedelta(days=KEPT_DAYS)),))

    def earliest(self, name: str, label: str, *, since: datetime) -> tuple[datetime, float] | None:
        """The oldest value of a figure that was measured at `since` or later."""
        row = self._db.execute(_SINCE, (name, label, instant(since))).fetchone()
        return (datetime.fromisoformat(row[0]), row[1]) if row else None

    def alerts(self) -> list[Standing]:
        """The alerts that stand."""
        return [Standing(*row) for row in self._db.execute(_ALERTS)]

    def replace_alerts(self, alerts: Sequence[Standing]) -> None:
        """Note which alerts stand from now on."""
        with self._db:
            self._db.execute("DELETE FROM alerts")
            self._db.executemany("INSERT INTO alerts VALUES (?, ?, ?, ?, ?, ?)", alerts)

    def note_job(self, name: str, done_at: Instant) -> None:
        """Note that a job was done, which began then."""
        with self._db:
            self._db.execute("INSERT OR REPLACE INTO jobs VALUES (?, ?)", (name, done_at))

    def job_done_at(self, name: str) -> Instant | None:
        """When the job that was done last began; None when it never was."""
        row = self._db.execute("SELECT done_at FROM jobs WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None


@contextmanager
def open_monitor(home: Path) -> Iterator[Monitor]:
    """Open or make monitor.db; one that cannot be used is begun anew."""
    path = home / FILE
    try:
        db = _connected(path)
    except sqlite3.DatabaseError:
        path.unlink(missing_ok=True)
        db = _connected(path)
    try:
        yield Monitor(db)
    finally:
        db.close()


def _connected(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path)
    try:
        db.execute("PRAGMA busy_timeout = 30000")
        if not db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'measurements'").fetchone():
            db.executescript(script("monitor", "0001_monitor.sql"))
    except BaseException:
        db.close()
        raise
    return db
