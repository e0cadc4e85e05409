"""Deriving one table in a database of its own, from the events that are put in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, NamedTuple, Self

import apsw

from domain.moments import Instant
from ledger.concerning import Value
from ledger.log import Log, Stored
from migrations.runner import read_model_script
from projections.bulk import quoted
from projections.narrowing import ModelTable
from projections.plan import Batch, Plan

Row = tuple[Any, ...]  # the cells of any table

CACHE_KIB = -16_000


class Change(NamedTuple):
    """A row that was put in, changed or taken out."""

    table: ModelTable
    key: Mapping[str, Value]


class Deriving:
    """A table as some events make it; put in only what had happened. as_of: the rows of blocks that had not happened by then
    are not shown; since: nor those that had happened by that moment.
    """

    def __init__(self, table: ModelTable, log: Log, *, as_of: Instant | None = None, since: Instant = "") -> None:
        self.columns, self.key = table.columns, table.key
        self._table, self._log = table, log
        self._plan = Plan(table.writer, as_of=as_of, since=since)
        self.topics = self._plan.topics
        self.db = apsw.Connection("")  # SQLite may move it to disk
        self.db.pragma("journal_mode", "off")
        self.db.pragma("cache_size", CACHE_KIB)
        self.db.execute(read_model_script(table.model))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Drop it."""
        self.db.close()

    def put(self, events: Sequence[Stored]) -> None:
        """Let these events happen, in the order of the log."""
        shown = [one for one in events if one.topic in self.topics]
        if not shown:
            return
        states = [(one.position, one.topic, one.state, one.hash) for one in shown]
        streams = {one.position: one.stream for one in shown}
        batch = Batch(states=states, hashes=[], last=shown[-1].position, complete=False, streams=streams)
        with self.db:
            self._plan.apply(self.db, batch, self._log)

    def rows(self, key: Mapping[str, Value] | None = None) -> Iterator[Row]:
        """The rows in which these columns hold these values, in the order of the key."""
        return select(self.db, self._table, key)

    def changes(self, events: Sequence[Stored], tables: Sequence[ModelTable]) -> list[Change]:
        """Let these events happen; which rows of these tables they put in, changed or took out."""
        by_name = {table.name: table for table in tables}
        session = apsw.Session(self.db, "main")
        try:
            for name in by_name:
                session.attach(name)
            self.put(events)
            found = []
            for change in apsw.Changeset.iter(session.changeset()):
                cells: Row | None = change.new if change.op == "INSERT" else change.old
                assert cells is not None
                table = by_name[change.name]
                found.append(Change(table, {name: cells[table.columns.index(name)] for name in table.key}))
            return found
        finally:
            session.close()


def select(db: apsw.Connection, table: ModelTable, key: Mapping[str, Value] | None) -> Iterator[Row]:
    """Rows of a table of a read model, in the order of its key."""
    where = " AND ".join(f'"{column}" = ?' for column in key or {}) or "TRUE"
    order = quoted(table.key)
    query = f'SELECT {quoted(table.columns)} FROM "{table.name}" WHERE {where} ORDER BY {order}'
    return iter(db.execute(query, tuple((key or {}).values())))
