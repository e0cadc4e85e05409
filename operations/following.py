"""Following one row through the events that can concern it: after which of them it changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ledger.concerning import Concerned, pages
from ledger.log import Log, Stored
from operations.tables import Key, Past, Row, Table, rows_in
from projections.deriving import Deriving

_RATE = "SELECT currency, date, rate, position FROM known_rates WHERE currency = ? AND date = ?"


class Change(NamedTuple):
    """An event after which the row was another; None where there was none."""

    event: Stored
    before: Row | None
    after: Row | None


class Followed(NamedTuple):
    """The way of a row. silent: events that name it and changed nothing. at: the row as it was at the position asked for.

    rows: how many rows the key names now. rate: currency, date, rate and position of the quote that converts the row.
    """

    changes: list[Change]
    silent: list[Stored]
    row: Row | None
    at: Row | None
    rows: int
    rate: Row | None


def follow(log: Log, table: Table, key: Key, concerned: Concerned, *, at: int) -> Followed:
    """Let the events happen one after the other and see when the row changes.

    One by one, since of several at once some may undo what others did.
    """
    (found,) = follow_all(log, [(table, key)], concerned, at=at)
    return found


def follow_all(log: Log, rows: Sequence[tuple[Table, Key]], concerned: Concerned, *, at: int) -> list[Followed]:
    """The same for several rows at once, which the same events concern and the same code writes."""
    ways = [_Way(table, key) for table, key in rows]
    with rows[0][0].past(log, None) as past:
        for page in pages(log, concerned.positions):
            for event in page:
                past.put([event])
                for way in ways:
                    way.go_on(past, event, is_named=event.position in concerned.named, is_before=event.position <= at)
        return [way.end(past) for way in ways]


class _Way:
    """One row on its way."""

    def __init__(self, table: Table, key: Key) -> None:
        self._table, self._key = table, key
        self._changes: list[Change] = []
        self._silent: list[Stored] = []
        self._row: Row | None = None
        self._at: Row | None = None

    def go_on(self, past: Past, event: Stored, *, is_named: bool, is_before: bool) -> None:
        before, self._row = self._row, next(rows_in(past, self._table, self._key), None)
        if self._row != before:
            self._changes.append(Change(event, before, self._row))
        elif is_named:
            self._silent.append(event)
        if is_before:
            self._at = self._row

    def end(self, past: Past) -> Followed:
        rows = sum(1 for _ in rows_in(past, self._table, self._key))
        return Followed(self._changes, self._silent, self._row, self._at, rows, _rate(past, self._table, self._row))


def _rate(past: Past, table: Table, row: Row | None) -> Row | None:
    """The quote that a position without a rate of its own is converted with."""
    wanted = {"currency", "currency_rate", "last_updated", "computed"}
    if row is None or not isinstance(past, Deriving) or not wanted <= {*table.columns}:
        return None
    cells = dict(zip(table.columns, row, strict=True))
    if cells["currency_rate"] or not cells["currency"] or not cells["last_updated"]:
        return None
    return past.db.execute(_RATE, (cells["currency"], cells["last_updated"][:10])).fetchone()
