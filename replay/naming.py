"""Which stream a legacy row belongs to: by its natural key, or, when it is only kept, by its place in its table."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import apsw

from domain.moments import unix_day
from domain.streams import is_plain, stream
from replay.mapping import KeepRow, Knowledge, TableMapping
from replay.reading import Table, quote

_LOOKS_LIKE_A_CLASS = re.compile(r"(row|str|int|float|bytes|NotUtf8|NoneType)-")


class RowNames:
    """Names the rows of one table; a row is its cells, then its row number, then its number among its twins."""

    def __init__(self, *, file: str, table: Table, mapping: TableMapping | None, knowledge: Knowledge) -> None:
        self._file, self._table, self._mapping, self._knowledge = file, table, mapping, knowledge
        columns = table.columns
        self._width = len(columns)
        self.key = [columns.index(column) for column in mapping.key] if mapping else []
        self._twins = [columns.index(column) for column in mapping.twins if column in columns] if mapping else []
        self._one_column = mapping is not None and len(self.key) == 1 and mapping.key_name is None
        targets = enumerate(map(mapping.target, columns)) if mapping and mapping.days else ()
        self._days = {index for index, field in targets if mapping and field in mapping.days}
        self._primary = [columns.index(column) for column in table.key]
        # A table can hide its row numbers behind columns of all three names; then only all its cells tell its rows apart,
        # also when it has a key, which may be NULL.
        self._has_place = bool(table.row_number)

    @property
    def order(self) -> str:
        """SQL that puts the rows into an order that is always the same."""
        return self._table.row_number or ", ".join(map(quote, (*self._table.key, *self._table.columns)))

    def twin_number(self, db: apsw.Connection) -> str:
        """SQL that numbers the rows that would share a stream; 1 where the schema rules that out."""
        mapping, columns = self._mapping, self._table.columns
        if mapping is None:
            same = list(map(quote, columns))
            return "1" if self._has_place else _numbered(same, self.order)
        key = [quote(column) for column in mapping.key]
        if not key:
            return _numbered([quote(columns[index]) for index in self._twins], self.order)
        missing = " OR ".join(f"{column} IS NULL" for column in key)
        if frozenset(mapping.key) in self._table.unique and self._has_place:
            some = f"SELECT 1 FROM {quote(self._table.name)} NOT INDEXED WHERE {missing} LIMIT 1"
            if not self._twins or not list(db.execute(some)):
                return "1"
        twins = [f"CASE WHEN {missing} THEN {quote(columns[index])} END" for index in self._twins]
        return _numbered(key + twins, self.order)

    def stream(self, row: Sequence[Any]) -> str | None:
        """The stream of a row, None when its key is missing or is not fit to be one."""
        mapping = self._mapping
        if mapping is None:
            return None
        twin = row[self._width + 1]
        if self._one_column and twin == 1 and is_plain(row[self.key[0]]):
            return f"{mapping.kind}:{row[self.key[0]]}"
        key = [self._cell(row, index) for index in self.key] if self._days else [row[index] for index in self.key]
        if (not key or None in key) and self._twins:
            name = stream(mapping.kind, "", *(_key_text(self._cell(row, index)) for index in self._twins))
        elif all(type(part) in (str, int) for part in key):
            if twin > 1 and not mapping.twins:
                return None
            named = self._newest_name(mapping, key)
            if named is None:
                return None
            name = stream(mapping.kind, *named)
        else:
            return None
        # A colon cannot stand in a key, so no other row's key looks like this.
        return name if twin == 1 else f"{name}:~{twin}"

    def _cell(self, row: Sequence[Any], index: int) -> Any:  # any cell
        """The cell, a date as text also where the table holds its midnight in unix seconds."""
        cell = row[index]
        if type(cell) is int and index in self._days:
            with suppress(ValueError):
                return unix_day(cell)
        return cell

    def _newest_name(self, mapping: TableMapping, key: Sequence[Any]) -> list[str] | None:
        parts = list(map(str, key))
        if mapping.key_name is None:
            return parts
        try:
            return [mapping.key_name(parts[0], self._knowledge), *parts[1:]]
        except KeepRow:
            return None

    def why_none(self, row: Sequence[Any]) -> str:
        """Why a row has no stream; raises KeepRow where the rule for its key says why."""
        mapping = self._mapping
        assert mapping is not None
        columns = " and ".join(mapping.key)
        if row[self._width + 1] > 1:
            return f"another row has the same {columns}"
        if mapping.key_name and isinstance(row[self.key[0]], str | int):
            mapping.key_name(str(row[self.key[0]]), self._knowledge)
        return f"{columns} is missing or is neither text nor a whole number"

    def kept(self, row: Sequence[Any]) -> str:
        """The stream of a row that is only kept: by its primary key, else by its row number, else by all it holds."""
        key = [row[index] for index in self._primary]
        if key and None not in key:
            parts = list(map(_key_text, key))
        elif self._table.row_number:
            parts = [f"row-{row[self._width]}"]
        else:
            parts = [*map(_key_text, row[: self._width]), f"row-{row[self._width + 1]}"]
        return stream("kept", self._file, self._table.name, *parts)


def _numbered(same: Sequence[str], order: str) -> str:
    return f"row_number() OVER (PARTITION BY {', '.join(same)} ORDER BY {order})"


def _key_text(value: object) -> str:
    """A cell as part of a name; text that looks like another class's cell is marked as text."""
    if isinstance(value, str):
        return f"str-{value}" if _LOOKS_LIKE_A_CLASS.match(value) else value
    return f"{type(value).__name__}-{value!r}"
