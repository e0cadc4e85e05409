"""`cli audit as-of` and `diff`: rows as they were, by valid time and by what the ledger knew then, and what changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

from msgspec import Struct

from domain.errors import LedgerError
from domain.moments import end_of
from ledger.collector import no_collector
from ledger.concerning import concerning
from ledger.log import Log, Stored, open_log
from ledger.querying import stream_of
from operations.blaming import blamed_on_the_ledger
from operations.market_tables import check_named
from operations.pasts import Moment, Pasts, together
from operations.tables import Key, ModelTable, Row, Table, find_table, find_tables, happened, keys_of, nobody
from projections.valid_time import valid_time

ROWS_MAX = 1_000
_PAGE = 500


class Rows(NamedTuple):
    """Rows of a table as they were. is_cut: there are more."""

    place: str
    columns: Sequence[str]
    rows: list[Row]
    is_cut: bool


class Difference(Struct, kw_only=True):
    """A row that differs. change: added, removed or changed; cells: column to its value before and after."""

    place: str
    key: dict[str, Any]
    change: str
    cells: dict[str, tuple[Any, Any]]


def moment(log: Log, at: str, known_at: str | None, *, head: int | None = None) -> Moment:
    """The moment that the user means; raises LedgerError for what is no time, or has no zone. head: what is known today, for
    whoever asks for two moments: what is recorded between two looks is no difference between them.
    """
    head = log.head().position if head is None else head
    through = head if known_at is None else min(head, log.recorded_position(end_of(known_at)))
    return Moment(end_of(at), through)


def as_of(home: Path, at: str, known_at: str | None, name: str, values: Sequence[str], *, rows_max: int) -> Rows:
    """Rows of a table as they were at a time; all of them, or those of a key or of its first columns."""
    with open_log(home) as log, blamed_on_the_ledger(home):
        when, table = moment(log, at, known_at), find_table(name)
        key = _the_key(log, home, table, values)
        with Pasts(log, [table], key, [when]) as past:
            rows = list(islice(past.rows(0, table), rows_max + 1))
        return Rows(table.name, table.columns, rows[:rows_max], len(rows) > rows_max)


def _the_key(log: Log, home: Path, table: Table, values: Sequence[str]) -> Key:
    """The key that the values are, of those that the table has the one that events name."""
    if not values:
        check_named(table, {})
        return {}
    keys = keys_of(table, values)
    through = log.head().position
    for key in keys:
        sought = table.sought(key)
        # Where the first columns of a key do not tell the events, only rows can.
        if not any(one.fields for one in sought) or concerning(log, sought, through=through).named:
            return key
    raise nobody(table, home, log, keys[0])


def stream_as_of(home: Path, at: str, known_at: str | None, stream: str) -> list[Stored]:
    """The events of a stream that had happened and were known, by valid time; the last of them is what held."""
    with open_log(home) as log:
        when = moment(log, at, known_at)
        known = (one for one in stream_of(log, stream) if one.position <= when.through)
        found = [one for page in _paged(known) for one in happened(page, when.as_of)]
        return sorted(found, key=_valid_order)


def diff(
    home: Path,
    first: str,
    second: str,
    name: str,
    values: Sequence[str],
    *,
    known_at: Sequence[str | None],
    rows_max: int,
) -> tuple[list[Difference], bool]:
    """What changed in a table, or in all tables of a read model, from the first time to the second; and whether more did.

    known_at: what the ledger knew at each of the two times, None for all that it knows today.
    """
    with open_log(home) as log, blamed_on_the_ledger(home):
        head = log.head().position
        before, after = (moment(log, at, known, head=head) for at, known in zip((first, second), known_at, strict=True))
        if before.as_of > after.as_of:
            raise LedgerError(f"{first} is later than {second}", hint="Name the earlier time first.")
        with no_collector():
            found = list(islice(_differences(log, home, name, values, before, after), rows_max + 1))
        return found[:rows_max], len(found) > rows_max


def _differences(
    log: Log, home: Path, name: str, values: Sequence[str], before: Moment, after: Moment
) -> Iterator[Difference]:
    found = find_tables(name)
    if values and len(found) > 1:
        raise LedgerError(f"{name} is a read model, which has no key", hint=f"Name a table, such as {found[0].name}.")
    for tables in together(found):
        key = _the_key(log, home, tables[0], values)
        with Pasts(log, tables, key, [before, after]) as pasts:
            for table in tables:
                yield from between(table, *(_numbered(table, pasts.rows(number, table)) for number in range(2)))


_Item = tuple[Any, Row]  # what a row is ordered by, and the row


def _numbered(table: Table, rows: Iterator[Row]) -> Iterator[_Item]:
    """Each row with its key, in the order of the keys; rows of a view that share one are numbered."""
    if isinstance(table, ModelTable):
        places = [table.columns.index(column) for column in table.keys[0]]
        if any(table.declared.types[column] == "ANY" for column in table.keys[0]):
            # Numbers before texts, as SQLite puts them.
            yield from ((tuple((type(row[place]) is str, row[place]) for place in places), row) for row in rows)
        else:
            key_of = itemgetter(*places)
            yield from ((key_of(row), row) for row in rows)
        return
    named = sorted(((_name(table, row), row) for row in rows), key=lambda item: item[0])
    for _, same in groupby(named, key=lambda item: item[0]):
        yield from (((*name, number), row) for number, (name, row) in enumerate(same))


def _name(table: Table, row: Row) -> tuple[str, ...]:
    for columns in table.keys:
        cells = [row[table.columns.index(column)] for column in columns]
        if None not in cells:
            return tuple(map(str, cells))
    return ("",)


def between(table: Table, old: Iterator[_Item], new: Iterator[_Item]) -> Iterator[Difference]:
    """What differs between two tables, both in the order of their keys."""
    left, right = next(old, None), next(new, None)
    while left or right:
        if right is None or (left is not None and left[0] < right[0]):
            assert left is not None
            yield _difference(table, left[1], None)
            left = next(old, None)
        elif left is None or right[0] < left[0]:
            yield _difference(table, None, right[1])
            right = next(new, None)
        else:
            if left[1] != right[1]:
                yield _difference(table, left[1], right[1])
            left, right = next(old, None), next(new, None)


def _difference(table: Table, old: Row | None, new: Row | None) -> Difference:
    row = new or old or ()
    columns = next((key for key in table.keys if all(row[table.columns.index(name)] is not None for name in key)), ())
    nothing = (None,) * len(table.columns)
    cells = {
        column: (before, after)
        for column, before, after in zip(table.columns, old or nothing, new or nothing, strict=True)
        if before != after or type(before) is not type(after)
    }
    change = "changed" if old and new else "added" if new else "removed"
    return Difference(
        place=table.name, key={name: row[table.columns.index(name)] for name in columns}, change=change, cells=cells
    )


def _valid_order(event: Stored) -> tuple[str, int]:
    return valid_time(event.state, event.recorded_at), event.position


def _paged(events: Iterator[Stored]) -> Iterator[list[Stored]]:
    while page := list(islice(events, _PAGE)):
        yield page
