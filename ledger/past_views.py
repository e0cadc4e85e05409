"""The classic tables as some events make them: the ledger's own views over a small log beside it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from functools import cache
from types import TracebackType
from typing import Final, NamedTuple, Self

from ledger import views
from ledger.concerning import SAME_STREAM, Sought, Value
from ledger.failures import translated
from ledger.log import Log, Stored
from ledger.opening import uri
from migrations import script
from migrations.runner import scripts

Row = tuple[views.Value, ...]

_TRADES = ("trade-executed.v1", "trade-corrected.v1", "trade-voided.v1")
_CASH_FLOWS = ("cash-flow-booked.v1", "cash-flow-corrected.v1", "cash-flow-voided.v1")
_DIVIDENDS = ("dividend-paid.v1", "dividend-corrected.v1", "dividend-voided.v1")
_REINVESTMENTS = ("reinvestment-tracked.v1",)


class View(NamedTuple):
    """A classic table. keys: the columns that name a row; where they do not, the next ones. topics: what it shows."""

    keys: tuple[tuple[str, ...], ...]
    topics: tuple[tuple[str, ...], ...]


VIEWS: Final[Mapping[str, View]] = {
    "trades": View((("order_id",), ("id",)), (_TRADES,)),
    "cash_flows": View((("transaction_id",), ("id",)), (_CASH_FLOWS,)),
    "dividend_history": View((("id", "symbol"), ("id",)), (_DIVIDENDS,)),
    "drip_tracking": View((("symbol",),), (_REINVESTMENTS, _DIVIDENDS)),
}
WHOLE_NUMBERS: Final = frozenset({"id"})

# All but the triggers, which let a log grow at its end only.
_SCHEMA = (
    "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND type <> 'trigger' AND name NOT LIKE 'sqlite^_%' ESCAPE '^'"
)
_INSERT = (
    "INSERT INTO stored_events (rowid, originator_id, originator_version, topic, state, recorded_at, source, hash) "
    "VALUES (?, ?, ?, ?, ?, ?, NULL, ?)"
)


def sought(view: str, key: Mapping[str, Value]) -> list[Sought]:
    """The events that can concern the rows of a view in which these columns hold these values."""
    # A row is what the events of one stream say, and any of them may name it.
    return [Sought(topics, key, (SAME_STREAM,) if key else ()) for topics in VIEWS[view].topics]


class PastView:
    """A classic table as some events make it."""

    def __init__(self, log: Log, view: str) -> None:
        self.view = view
        self.topics = frozenset(topic for topics in VIEWS[view].topics for topic in topics)
        self._db = sqlite3.connect("")  # SQLite may move it to disk
        with translated(log.path), closing(sqlite3.connect(uri(log.path, write=False), uri=True)) as ledger:
            for (statement,) in ledger.execute(_SCHEMA).fetchall():
                self._db.execute(statement)
        self.columns = views.columns(self._db.cursor(), view)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Drop it."""
        self._db.close()

    def put(self, events: Sequence[Stored]) -> None:
        """Let these events happen."""
        self._db.executemany(_INSERT, [(*one[:6], one.hash) for one in events if one.topic in self.topics])

    def rows(self, key: Mapping[str, Value] | None = None) -> Iterator[Row]:
        """The rows in which these columns hold these values."""
        wanted = [(self.columns.index(column), value) for column, value in (key or {}).items()]
        for row in views.rows(self._db.cursor(), self.view):
            if all(row[place] == value for place, value in wanted):
                yield row


@cache
def columns_of(view: str) -> tuple[str, ...]:
    """The columns of a classic table."""
    with closing(sqlite3.connect(":memory:")) as db:
        for name in scripts("ledger"):
            db.executescript(script("ledger", name))
        return views.columns(db.cursor(), view)
