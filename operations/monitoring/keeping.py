"""monitor.db: what was measured before, for growth, and which alerts stand. It is disposable, and no part of the ledger."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from domain.errors import LedgerError
from domain.moments import Instant, instant
from migrations import script
from operations.monitoring.measuring import Figure

FILE = "monitor.db"
KEPT_DAYS = 400
"""A little more than the year over which growth is projected."""
JOBS_KEPT = 1_000
"""Times of each job that are known to be done: six weeks of an hourly one, longer than a clock is set back by mistake."""
_SCRIPTS = {"measurements": "0001_monitor.sql", "jobs_done": "0002_jobs_done.sql"}
_FIND_TABLE = "SELECT 1 FROM sqlite_schema WHERE name = ?"

_KEEP = "INSERT OR REPLACE INTO measurements (measured_at, name, label, value) VALUES (?, ?, ?, ?)"
_TRIM = "DELETE FROM measurements WHERE measured_at < ?"
_TRIM_JOBS = (
    "DELETE FROM jobs_done WHERE name = ? AND due_at <= "
    "(SELECT due_at FROM jobs_done WHERE name = ? ORDER BY due_at DESC LIMIT 1 OFFSET ?)"
)
_SINCE = (
    "SELECT measured_at, value FROM measurements WHERE name = ? AND label = ? AND measured_at >= ? "
    "ORDER BY measured_at LIMIT 1"
)
_LATEST = "SELECT label, max(measured_at), value FROM measurements WHERE name = ? GROUP BY label ORDER BY label"
_TOTALS = "SELECT label, sum(value) FROM measurements WHERE name = ? AND measured_at >= ? GROUP BY label ORDER BY label"
_JOBS = "SELECT name, done_at FROM jobs ORDER BY name"
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

    def latest(self, name: str) -> list[tuple[str, Instant, float]]:
        """The newest value of a figure for each label, and when it was measured."""
        return self._db.execute(_LATEST, (name,)).fetchall()

    def totals(self, name: str, *, since: datetime) -> list[tuple[str, float]]:
        """For each label what the values of a figure since then add up to."""
        return self._db.execute(_TOTALS, (name, instant(since))).fetchall()

    def jobs(self) -> list[tuple[str, Instant]]:
        """Every job that was ever done, and when it last began."""
        return self._db.execute(_JOBS).fetchall()

    def take_turn(self) -> None:
        """Keep others from noting anything until the next thing is noted here."""
        self._db.execute("BEGIN IMMEDIATE")

    def alerts(self) -> list[Standing]:
        """The alerts that stand."""
        return [Standing(*row) for row in self._db.execute(_ALERTS)]

    def replace_alerts(self, alerts: Sequence[Standing]) -> None:
        """Note which alerts stand from now on."""
        with self._db:
            self._db.execute("DELETE FROM alerts")
            self._db.executemany("INSERT INTO alerts VALUES (?, ?, ?, ?, ?, ?)", alerts)

    def note_job(self, name: str, done_at: Instant, *, due_at: Instant | None = None) -> None:
        """Note that a job was done, which began then; due_at: for which of its times, of which the newest are kept."""
        with self._db:
            self._db.execute("INSERT OR REPLACE INTO jobs (name, done_at) VALUES (?, ?)", (name, done_at))
            if due_at is not None:
                self._db.execute("INSERT OR IGNORE INTO jobs_done (name, due_at) VALUES (?, ?)", (name, due_at))
                self._db.execute(_TRIM_JOBS, (name, name, JOBS_KEPT))

    def was_job_done(self, name: str, due_at: Instant) -> bool:
        """Whether a job was done for this of its times."""
        return bool(
            self._db.execute("SELECT 1 FROM jobs_done WHERE name = ? AND due_at = ?", (name, due_at)).fetchone()
        )

    def job_done_at(self, name: str) -> Instant | None:
        """When the job that was done last began; None when it never was."""
        row = self._db.execute("SELECT done_at FROM jobs WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None


@contextmanager
def open_monitor(home: Path) -> Iterator[Monitor]:
    """Open or make monitor.db; one that is no database any more is begun anew.

    Raises LedgerError when another program has it for long, or the disk refuses: what it holds is as good as it was.
    """
    path = home / FILE
    try:
        with closing(_opened(path)) as db:
            yield Monitor(db)
    except sqlite3.OperationalError as error:
        raise LedgerError(
            f"{path} cannot be used: {error}", hint="Another program may have it, or the disk be full. Run this again."
        ) from error


def _opened(path: Path) -> sqlite3.Connection:
    try:
        return _connected(path)
    except sqlite3.DatabaseError as error:
        # A busy program or a full disk has a code of its own; the general one tells of a file that makes no sense.
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if isinstance(error, sqlite3.OperationalError) and code != sqlite3.SQLITE_ERROR:
            raise
        path.unlink(missing_ok=True)
        return _connected(path)


def _connected(path: Path) -> sqlite3.Connection:
    path.touch(mode=0o600)
    db = sqlite3.connect(path)
    try:
        db.execute("PRAGMA busy_timeout = 30000")
        for table, name in _SCRIPTS.items():
            _made(db, table, name)
    except BaseException:
        db.close()
        raise
    return db


def _made(db: sqlite3.Connection, table: str, name: str) -> None:
    """Run the script that makes a table, and perhaps others, unless it was run."""
    if db.execute(_FIND_TABLE, (table,)).fetchone():
        return
    try:
        db.executescript(f"BEGIN IMMEDIATE; {script('monitor', name)} COMMIT;")
    except sqlite3.OperationalError:
        db.rollback()
        # Two programs may open it for the first time at once; then the other one has made it.
        if not db.execute(_FIND_TABLE, (table,)).fetchone():
            raise
