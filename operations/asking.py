"""`cli audit sql`: any question in SQL over the ledger and every read model, with nothing but reading allowed."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Collection, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from domain.errors import HomeError, LedgerError
from ledger.log import open_log
from operations.home import LEDGER
from projections.catalog import projectors, systems_in

TIME_LIMIT_S = 10.0
ROWS_MAX = 1_000
QUERIES = Path(__file__).resolve().parent.parent / "docs" / "queries"
_STEPS = 10_000
# The line of a ready-made question that names the system which it is about; without it, it is about all.
_ABOUT = re.compile(r"^-- System: (\S+)$", re.MULTILINE)
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
    _check(home)
    with closing(_opened(home, query)) as db:
        deadline = time.monotonic() + seconds
        db.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS)
        try:
            cursor = db.execute(query)
            rows = cursor.fetchmany(rows_max + 1)
        except (sqlite3.Error, sqlite3.Warning) as error:
            raise _explained(error, seconds, home) from error
        if cursor.description is None:
            raise LedgerError("that is no question", hint="Begin with SELECT.")
        cut = f"cut after {rows_max:,} rows" if len(rows) > rows_max else None
        return Answer([column[0] for column in cursor.description], rows[:rows_max], cut)


def named(home: Path, name: str) -> str:
    """A ready-made question of docs/queries; raises LedgerError that lists those for this home when there is none of that name,
    or when it is about a system that the home has nothing of.
    """
    known = {path.stem: path.read_text(encoding="utf-8") for path in sorted(QUERIES.glob("*.sql"))}
    here = systems_of_home(home)
    fit = [one for one, text in known.items() if _is_about(text, here)]
    hint = f"There are: {', '.join(fit)}."
    if name not in known:
        raise LedgerError(f"there is no question {name!r}", hint=hint)
    if name not in fit:
        asked = _ABOUT.search(known[name])
        raise LedgerError(
            f"{name} is a question about {asked[1] if asked else '?'}, of which this home has nothing", hint=hint
        )
    return known[name]


def _is_about(query: str, systems: Collection[str]) -> bool:
    about = _ABOUT.search(query)
    return about is None or about[1] in systems


def systems_of_home(home: Path) -> frozenset[str]:
    """The systems that a home has something of; raises HomeError when there is no ledger."""
    _check(home)
    with open_log(home) as log:
        return systems_in(log)


def _check(home: Path) -> None:
    if not (home / LEDGER).exists():
        raise HomeError(f"there is no ledger in {home}", hint="Name the home with --home.")


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


def _explained(error: Exception, seconds: float, home: Path) -> LedgerError:
    text = str(error)
    if "interrupted" in text:
        return LedgerError(
            f"the query took longer than {seconds:g} s", hint="Narrow it, or give it more with --seconds."
        )
    if any(word in text for word in ("not authorized", "prohibited", "authorization denied")):
        return LedgerError("only reading is allowed here", hint="Ask with SELECT; facts are entered as events.")
    models = [f"{one.schema}.…" for one in projectors() if (home / one.file).exists()]
    return LedgerError(f"SQL: {text}", hint=f"Tables: {', '.join(['events', 'stored_events', *models])}.")
