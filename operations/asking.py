"""`cli audit sql`: any question in SQL over the ledger and every read model, with nothing but reading allowed."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from domain.errors import HomeError, LedgerError
from operations.home import LEDGER
from projections.catalog import projectors

TIME_LIMIT_S = 10.0
ROWS_MAX = 1_000
QUERIES = Path(__file__).resolve().parent.parent / "docs" / "queries"
_STEPS = 10_000
# SQLite attaches no more; where a home has more read models, those that the query names are there.
_ATTACHED_MAX = 10
_ALLOWED = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE})
_FORBIDDEN_FUNCTIONS = frozenset({"load_extension", "writefile", "edit", "fts3_tokenizer"})


class Answer(NamedTuple):
    """Columns and rows. cut: why there may be more, None when this is all."""

    columns: Sequence[str]
    rows: list[tuple[Any, ...]]
    cut: str | None


def ask(home: Path, query: str, *, seconds: float = TIME_LIMIT_S, rows_max: int = ROWS_MAX) -> Answer:
    """Run one query. Read models are attached under their names: portfolio.positions, trading_bot_config.users.

    Raises LedgerError for SQL that is wrong or that would do anything but read, and when the time is up.
    """
    if not (home / LEDGER).exists():
        raise HomeError(f"there is no ledger in {home}", hint="Name the home with --home.")
    with closing(_opened(home, query)) as db:
        deadline = time.monotonic() + seconds
        db.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS)
        try:
            cursor = db.execute(query)
            rows = cursor.fetchmany(rows_max + 1)
        except (sqlite3.Error, sqlite3.Warning) as error:
            raise _explained(error, seconds) from error
        if cursor.description is None:
            raise LedgerError("that is no question", hint="Begin with SELECT.")
        cut = f"cut after {rows_max:,} rows" if len(rows) > rows_max else None
        return Answer([column[0] for column in cursor.description], rows[:rows_max], cut)


def named(name: str) -> str:
    """A ready-made question of docs/queries; raises LedgerError that lists them when there is none of that name."""
    known = {path.stem: path for path in sorted(QUERIES.glob("*.sql"))}
    if name not in known:
        raise LedgerError(f"there is no question {name!r}", hint=f"There are: {', '.join(known)}.")
    return known[name].read_text(encoding="utf-8")


def _opened(home: Path, query: str) -> sqlite3.Connection:
    db = sqlite3.connect(f"{(home / LEDGER).absolute().as_uri()}?mode=ro", uri=True)
    # Bytes that are no text must not end a query.
    db.text_factory = lambda content: content.decode("utf-8", "backslashreplace")
    present = [one for one in projectors() if (home / one.file).exists()]
    attached = [one for one in present if one.schema in query] if len(present) > _ATTACHED_MAX else present
    for projector in attached[:_ATTACHED_MAX]:
        db.execute(f"ATTACH ? AS {projector.schema}", (f"{(home / projector.file).absolute().as_uri()}?mode=ro",))
    db.execute("PRAGMA query_only = ON")
    # SQLite declares these table functions when they are first used, which the authorizer would forbid.
    db.execute("SELECT 1 FROM json_each('[]'), json_tree('[]')").fetchall()
    db.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, len(attached))
    db.set_authorizer(_only_reading)
    return db


def _only_reading(action: int, _: str | None, second: str | None, *__: str | None) -> int:
    if action not in _ALLOWED or (action == sqlite3.SQLITE_FUNCTION and (second or "").lower() in _FORBIDDEN_FUNCTIONS):
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK


def _explained(error: Exception, seconds: float) -> LedgerError:
    text = str(error)
    if "interrupted" in text:
        return LedgerError(
            f"the query took longer than {seconds:g} s", hint="Narrow it, or give it more with --seconds."
        )
    if any(word in text for word in ("not authorized", "prohibited", "authorization denied")):
        return LedgerError("only reading is allowed here", hint="Ask with SELECT; facts are entered as events.")
    return LedgerError(f"SQL: {text}", hint="Tables: stored_events, events, trades, portfolio.positions and so on.")
