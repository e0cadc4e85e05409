"""A consistent copy of a ledger, taken while others read or write it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from ledger.failures import translated
from ledger.log import Log
from ledger.opening import uri


def back_up(log: Log, target: Path, *, alone: bool = False) -> None:
    """Copy the whole ledger into a new file by SQLite's online backup.

    alone: the copy is a single file that stays one while it is read; opened as a ledger for writing it becomes one again.
    """
    with (
        translated(target),
        closing(sqlite3.connect(uri(log.path, write=False), uri=True)) as source,
        closing(_private(target)) as copy,
    ):
        source.backup(copy)
        if alone:
            # The mode changes when the answer has been fetched, and only then it is known that there was room for that.
            copy.execute("PRAGMA journal_mode = DELETE").fetchall()


def _private(target: Path) -> sqlite3.Connection:
    """A new database that only its owner reads, as the ledger itself is."""
    target.touch(mode=0o600)
    return sqlite3.connect(target)
