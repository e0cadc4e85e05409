"""Inserting or replacing many rows at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain, islice

import apsw

from domain.prices import Column

# Rows of one statement. Binding and stepping cost more than the insert itself; 64 rows a statement halve the whole.
GROUP_ROWS = 64

Row = tuple[int | float | str | bytes | None, ...]
BlockColumn = Column | list[str]
"""A column of a block as events hold it; keys are always text."""


def quoted(names: Iterable[str]) -> str:
    """Column names for a statement."""
    return ", ".join(f'"{name}"' for name in names)


class Upsert:
    """Insert rows into one table, or replace those whose key is there."""

    def __init__(self, table: str, columns: tuple[str, ...], key: tuple[str, ...]) -> None:
        self.columns = columns
        others = [name for name in columns if name not in key]
        updates = ", ".join(f'"{name}" = excluded."{name}"' for name in others)
        self.head = f'INSERT INTO "{table}" ({quoted(columns)})'
        self.conflict = f"ON CONFLICT ({quoted(key)}) DO " + (f"UPDATE SET {updates}" if updates else "NOTHING")
        self._statements: dict[tuple[int, tuple[int, ...]], str] = {}

    def rows(self, db: apsw.Connection, rows: Sequence[Row]) -> None:
        """Write finished rows, in order."""
        grouped = len(rows) - len(rows) % GROUP_ROWS
        if grouped:
            flat = chain.from_iterable(islice(rows, grouped))
            width = len(self.columns) * GROUP_ROWS
            groups = zip(*[flat] * width, strict=True)
            db.executemany(self._statement(GROUP_ROWS, ()), groups)
        if grouped < len(rows):
            db.executemany(self._statement(1, ()), rows[grouped:])

    def block(self, db: apsw.Connection, columns: Sequence[BlockColumn]) -> None:
        """Write the rows of a block: a column is a list with one value per row, or the value of all rows."""
        varying = [column for column in columns if isinstance(column, list)]
        where = tuple(place for place, column in enumerate(columns) if not isinstance(column, list))
        constants = tuple(column for column in columns if not isinstance(column, list))
        flat = list(chain.from_iterable(zip(*varying, strict=True)))
        width = len(varying)
        step = width * GROUP_ROWS
        grouped = len(flat) - len(flat) % step
        if grouped:
            groups = ((*constants, *flat[start : start + step]) for start in range(0, grouped, step))
            db.executemany(self._statement(GROUP_ROWS, where), groups)
        if grouped < len(flat):
            rest = ((*constants, *flat[start : start + width]) for start in range(grouped, len(flat), width))
            db.executemany(self._statement(1, where), rest)

    def _statement(self, count: int, constants: tuple[int, ...]) -> str:
        """The statement for `count` rows, in which the columns at these places have one value that is bound once."""
        statement = self._statements.get((count, constants))
        if statement is None:
            rows, number = [], len(constants) + 1
            for _ in range(count):
                places = []
                for column in range(len(self.columns)):
                    if column in constants:
                        places.append(f"?{constants.index(column) + 1}")
                    else:
                        places.append(f"?{number}")
                        number += 1
                rows.append(f"({', '.join(places)})")
            statement = f"{self.head} VALUES {', '.join(rows)} {self.conflict}"
            self._statements[count, constants] = statement
        return statement
