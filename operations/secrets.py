"""The secrets that a home holds: what is masked when something of it is shown."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw

from domain.errors import HomeError
from domain.secrets import HOLDERS, Mask, Names, values_in
from operations import settings
from operations.home import LEDGER
from projections.engine import model_path
from projections.profiles import open_reading

_HELD = "SELECT originator_id, state, source FROM stored_events WHERE originator_id >= ? AND originator_id < ?"
_NAMED = " OR ".join
# Where read models hold secrets: a name and a value each.
_IN_READ_MODELS = {
    "config": "SELECT key, value FROM settings",
    "trading-bot/config": "SELECT 'password_hash', password_hash FROM users",
}


def mask_of(home: Path, known: Iterable[str] = ()) -> Mask:
    """The mask for what is shown of a home: its secrets, past and present, and those already known."""
    names = names_of(home)
    held = (
        one for model, query in _IN_READ_MODELS.items() for one in _in_read_model(model_path(home, model), query, names)
    )
    return Mask([*known, *_in_ledger(home / LEDGER, names), *held], names)


def names_of(home: Path) -> Names:
    """What tells of a secret in a home: our words, and those of its settings."""
    try:
        return Names(settings.read(home).secrets.words)
    except (HomeError, OSError):
        # Every command that needs the settings refuses them itself; what is printed until then is masked all the same.
        return Names()


def _in_ledger(path: Path, names: Names) -> Iterator[str]:
    """The secrets in a ledger; none where it cannot be read, since then nothing of it is shown either."""
    if not path.exists():
        return
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            rows = [row for holder in HOLDERS for row in _held(db, holder.kind, names if holder.by_stream else None)]
    except sqlite3.Error:
        return
    for stream, state, source in rows:
        for content in (state, source):
            yield from values_in({"stream": stream, "content": content}, names)


def _held(db: sqlite3.Connection, kind: str, names: Names | None) -> list[tuple[Any, ...]]:
    """The events of streams of one kind; with `names` only of streams that these tell of, found in the index alone."""
    patterns = [f"%{word}%" for word in names.words] if names else []
    named = f" AND ({_NAMED(['originator_id LIKE ?'] * len(patterns))})" if patterns else ""
    return db.execute(_HELD + named, (f"{kind}:", f"{kind};", *patterns)).fetchall()


def _in_read_model(path: Path, query: str, names: Names) -> Iterator[str]:
    """The secrets in a read model, which may hold what the ledger does not: that is what `verify` finds and tells."""
    if not path.exists():
        return
    try:
        with closing(open_reading(path)) as db:
            rows = db.execute(query).fetchall()
    except apsw.Error:
        return
    for key, value in rows:
        yield from values_in({"key": key, "value": value}, names)
