"""A ledger with something wrong in it."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from ledger.verifying import Verified

COUNT = 12
TEXTS = ("originator_id", "topic", "state", "recorded_at", "source")
Tamper = Callable[[sqlite3.Connection], object]


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


def tampered(sample: Path, home: Path, tamper: Tamper) -> Path:
    """A copy, changed by somebody who knows how to take the triggers away and to put them back."""
    path = home / "ledger.db"
    shutil.copyfile(sample, path)
    with opened(path) as connection:
        triggers = connection.execute(
            "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' ORDER BY rowid"
        ).fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        tamper(connection)
        for _, sql in triggers:
            connection.execute(sql)
    return path


def same(path: Path, other: Path) -> bool:
    query = (
        "SELECT rowid, originator_id, originator_version, topic, state, recorded_at, source, hash FROM stored_events"
    )
    with opened(path) as one, opened(other) as two:
        one.text_factory = two.text_factory = bytes
        return one.execute(query).fetchall() == two.execute(query).fetchall()


def kinds(verified: Verified) -> set[tuple[int | None, str]]:
    return {(finding.position, finding.kind) for finding in verified.findings}
