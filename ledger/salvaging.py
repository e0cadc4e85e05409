"""What can still be read of a damaged ledger: for people to look at and enter again, not to be taken as true."""

from __future__ import annotations

import base64
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from ledger.chain import next_hash

_COLUMNS = ("position", "stream", "version", "topic", "state", "recorded_at", "source", "hash")
_ONE = (
    "SELECT rowid, originator_id, originator_version, topic, CAST(state AS BLOB), recorded_at, CAST(source AS BLOB), hash "
    "FROM stored_events WHERE rowid = ?"
)
_LAST = (
    "SELECT max(rowid) FROM stored_events",
    "SELECT max(rowid) FROM stored_events INDEXED BY sqlite_autoindex_stored_events_1",
)


def salvaged(path: Path, *, after: int) -> Iterator[dict[str, Any]]:  # any value that a damaged file holds, as JSON can
    """Each event behind a position, as far as it can be read, one by one.

    fits: whether the event agrees with its own hash and the one stored before it, so that it was probably not touched
    itself; unreadable: what SQLite says about one that cannot be read. Bytes that are no text come as base64.
    """
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
        db.text_factory = bytes
        previous = _hash_at(db, after)
        for position in range(after + 1, _last(db) + 1):
            try:
                row = db.execute(_ONE, (position,)).fetchone()
            except sqlite3.Error as error:
                yield {"position": position, "unreadable": str(error)}
                previous = None
                continue
            if row is None:
                yield {"position": position, "unreadable": "it is not there"}
                previous = None
                continue
            cells = dict(zip(_COLUMNS, row, strict=True))
            yield {**{name: _shown(cell) for name, cell in cells.items()}, "fits": _fits(previous, cells)}
            previous = row[-1] if isinstance(row[-1], bytes) else None


def _last(db: sqlite3.Connection) -> int:
    """The last position, from the table or, where its last page is damaged, from an index."""
    for query in _LAST:
        try:
            return int(db.execute(query).fetchone()[0] or 0)
        except sqlite3.Error:
            continue
    return 0


def _hash_at(db: sqlite3.Connection, position: int) -> bytes | None:
    if position == 0:
        return bytes(32)
    try:
        row = db.execute("SELECT hash FROM stored_events WHERE rowid = ?", (position,)).fetchone()
    except sqlite3.Error:
        return None
    return row[0] if row and isinstance(row[0], bytes) else None


def _fits(previous: bytes | None, cells: dict[str, Any]) -> bool:
    if previous is None:
        return False
    order = ("position", "stream", "version", "topic", "recorded_at", "state", "source")
    return bool(next_hash(previous, *(cells[name] for name in order)) == cells["hash"])


def _shown(cell: Any) -> Any:  # any SQL value in, what JSON can hold out
    if not isinstance(cell, bytes):
        return cell
    try:
        return cell.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(cell).decode()}
