"""What can happen to files: overwritten pages, altered rows, read without any help of the product."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path


def overwrite(path: Path, *, at: int, length: int) -> None:
    """Put noise over a stretch of a file."""
    noise = hashlib.shake_128(path.name.encode()).digest(length)
    with path.open("r+b") as file:
        file.seek(at)
        file.write(noise)


def execute(path: Path, sql: str) -> list[tuple[object, ...]]:
    """Run SQL in a database file and keep what it did."""
    with closing(sqlite3.connect(path)) as db, db:
        return db.execute(sql).fetchall()


def forge(ledger: Path, sql: str) -> None:
    """Change the log behind its triggers' back, and put the triggers back."""
    with closing(sqlite3.connect(ledger)) as db, db:
        triggers = db.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            db.execute(f'DROP TRIGGER "{name}"')
        db.execute(sql)
        for _, made in triggers:
            db.execute(made)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder with its bytes; a reader's index of a -wal is no content."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(("-shm", "-wal")))
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}
