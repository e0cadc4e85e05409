"""Who may write: nobody, once the ledger was found damaged; and nobody, when its newest events do not fit their hashes."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from domain.errors import StoreError
from domain.moments import Instant
from ledger.checking import Finding, check_range
from ledger.durable import sync, write_whole
from ledger.failures import translated
from ledger.opening import uri

MARK: Final = "ledger.damaged.json"
TAIL: Final = 100
"""Events that are looked at before a writer begins: the last append of most days, at the cost of a millisecond."""


class Damage(Struct, frozen=True, kw_only=True):
    """What was found, and when. last_good: the newest position before the first event that is wrong. kept: a copy of the file
    as it was found.
    """

    found_at: Instant
    last_good: int
    reason: str
    kept: str


def marked(home: Path) -> Damage | None:
    """The damage that stops writers, if there is any."""
    try:
        return msgspec.json.decode((home / MARK).read_bytes(), type=Damage)
    except FileNotFoundError:
        return None
    except msgspec.MsgspecError:
        return Damage(found_at="", last_good=0, reason=f"{MARK} cannot be read", kept="")


def mark(home: Path, path: Path, *, found_at: Instant, last_good: int, reason: str) -> Damage:
    """Stop all writers, and keep the file as it is now beside it; done twice, the first keeps standing."""
    standing = marked(home)
    if standing is not None:
        return standing
    kept = home / f"{path.name}.damaged-{found_at.replace('-', '').replace(':', '')}"
    # The file is opened before SQLite opens it and closed after it: to close it ends the locks of the whole process.
    with path.open("rb") as source, _held(path):
        with kept.open("wb") as target:
            shutil.copyfileobj(source, target)
        sync(kept)
        with suppress(FileNotFoundError):
            sync(shutil.copyfile(path.with_name(f"{path.name}-wal"), kept.with_name(f"{kept.name}-wal")))
    sync(home)
    made = Damage(found_at=found_at, last_good=last_good, reason=reason, kept=kept.name)
    write_whole(home / MARK, msgspec.json.format(msgspec.json.encode(made), indent=1) + b"\n")
    return made


@contextmanager
def _held(path: Path) -> Iterator[None]:
    """As long as somebody reads, no writer that ends takes the -wal away, or begins it anew when it is in the file."""
    with closing(sqlite3.connect(uri(path.absolute(), write=False), uri=True)) as db:
        with suppress(sqlite3.Error):  # so damaged that nobody can write to it either
            db.execute("BEGIN")
            db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        yield


def unmark(home: Path) -> None:
    """Let writers begin again: the ledger was verified as a whole."""
    (home / MARK).unlink(missing_ok=True)


def check_writable(path: Path) -> None:
    """Raise StoreError when the ledger is marked as damaged, or its newest events do not fit their hashes."""
    damage = marked(path.parent)
    if damage is not None:
        raise StoreError(
            f"{path} was found damaged: {damage.reason}; nothing is written to it",
            hint="Look: cli health. Go back to the last good event: "
            f"cli restore --at {damage.last_good} --into {path.parent} --replace",
        )
    wrong = next(iter(tail_findings(path)), None)
    if wrong is not None:
        raise StoreError(
            f"{path}: {wrong.message}; nothing is appended to a log that is not sound", hint="Look: cli health"
        )


def tail_findings(path: Path, count: int = TAIL) -> list[Finding]:
    """What is wrong with the newest events."""
    name = uri(path.absolute(), write=False)
    with translated(path):
        with closing(sqlite3.connect(name, uri=True)) as db:
            (last,) = db.execute("SELECT coalesce(max(rowid), 0) FROM stored_events").fetchone()
        return list(check_range(name, max(1, last - count + 1), last, decoding=False)) if last else []
