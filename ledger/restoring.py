"""Writing a ledger again from its own rows: the same positions, times and hashes, and nothing that does not fit its hash."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

from domain.errors import StoreError
from ledger.chain import Head, next_hash
from ledger.failures import translated
from ledger.log import Log, Stored
from ledger.opening import uri
from ledger.recorder import CONNECTION_PRAGMAS, FILE_PRAGMAS, head, insert_rows, set_pragmas
from migrations.runner import migrate_ledger

_PAGE = 1_000


def write_again(path: Path, events: Iterable[Stored]) -> Head:
    """Put events behind the end of a ledger, which is made when there is none; all or nothing.

    Each is hashed again and must follow the one before. Raises StoreError naming the first that does not. Nobody else may
    have the file open: it is a copy on its way to become a ledger.
    """
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    with translated(path), closing(sqlite3.connect(uri(path, write=True), uri=True, isolation_level=None)) as db:
        set_pragmas(db, FILE_PRAGMAS | CONNECTION_PRAGMAS)
        migrate_ledger(db)
        cursor = db.cursor()
        cursor.execute("BEGIN IMMEDIATE")
        try:
            insert_rows(cursor, _following(head(cursor), events))
            reached = head(cursor)
            cursor.execute("COMMIT")
        except BaseException:
            cursor.execute("ROLLBACK")
            raise
    return reached


def _following(last: Head, events: Iterable[Stored]) -> Iterator[Stored]:
    position, previous = last
    for event in events:
        position += 1
        if event.position != position:
            raise StoreError(f"event {event.position} stands where {position} should")
        previous = next_hash(
            previous, position, event.stream, event.version, event.topic, event.recorded_at, event.state, event.source
        )
        if event.hash != previous:
            raise StoreError(f"event {position} does not agree with its hash and the hash before it")
        yield event


def events_of(log: Log, *, after: int = 0, through: int) -> Iterator[Stored]:
    """The events of a log as they are stored, page by page."""
    while after < through and (page := log.read(after=after, through=through, limit=_PAGE)):
        yield from page
        after = page[-1].position
