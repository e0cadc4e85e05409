"""Rows that several legacy files hold: which copy a read model shows.

The table `<table>_copies` has the columns of the table and a leading `copy`, '' for the row's proper home. It holds all
copies of every key of which there is a copy other than the proper one, and nothing else; the table itself shows the
elected one. What is elected depends on the copies alone, so order and batches do not matter: the newest wins, on a tie
the proper home, then the later event. The order of events among the copies is the order of their rowids: a copy that is
stated again gets a new, highest rowid. The table must therefore have rowids.
"""

from __future__ import annotations

from collections.abc import Sequence

import apsw

from projections.bulk import Row, Upsert, quoted

PROPER = ""


class Copies:
    """The election for one table; rows carry the table's columns and then their copy, None for the proper home."""

    def __init__(self, table: str, copies: str, *, columns: tuple[str, ...], key: tuple[str, ...], newest: str) -> None:
        own, matches = quoted(columns), " AND ".join(f'"{name}" = ?{n}' for n, name in enumerate(key, 1))
        self.columns = columns
        self.plain = Upsert(table, columns, key)
        self._key_places = tuple(columns.index(name) for name in key)
        self._any = f'SELECT 1 FROM "{copies}" LIMIT 1'
        self._has = f'SELECT {quoted(key)} FROM "{copies}" WHERE {matches} LIMIT 1'
        self._adopt = f'INSERT INTO "{copies}" (copy, {own}) SELECT \'\', {own} FROM "{table}" WHERE {matches}'
        values = ", ".join("?" * (len(columns) + 1))
        self._state = f'INSERT OR REPLACE INTO "{copies}" ({own}, copy) VALUES ({values})'
        self._elect = (
            f'{self.plain.head} SELECT {own} FROM "{copies}" WHERE {matches} '
            f"ORDER BY \"{newest}\" DESC, copy = '' DESC, rowid DESC LIMIT 1 {self.plain.conflict}"
        )
        self._remove = f'DELETE FROM "{copies}" WHERE {matches} AND copy = ?{len(key) + 1}'
        self._others = f"SELECT 1 FROM \"{copies}\" WHERE {matches} AND copy <> '' LIMIT 1"
        self._clear = f'DELETE FROM "{copies}" WHERE {matches}'
        self._drop = f'DELETE FROM "{table}" WHERE {matches}'

    def any(self, db: apsw.Connection) -> bool:
        """Whether any key has copies."""
        return db.execute(self._any).fetchone() is not None

    def state(self, db: apsw.Connection, rows: Sequence[Row]) -> None:
        """Insert or replace these copies, in the order of their events."""
        held = self.any(db)
        if not held and all(row[-1] is None for row in rows):
            self.plain.rows(db, [row[:-1] for row in rows])
            return
        keys = [self._key(row) for row in rows]
        fresh = {key for key, row in zip(keys, rows, strict=True) if row[-1] is not None}
        known: set[Row] = set(db.executemany(self._has, list(dict.fromkeys(keys)))) if held else set()
        contested = fresh | known
        plain = [row[:-1] for key, row in zip(keys, rows, strict=True) if key not in contested]
        self.plain.rows(db, plain)
        if not contested:
            return
        db.executemany(self._adopt, [key for key in dict.fromkeys(keys) if key in fresh - known])
        stated = [
            (*row[:-1], PROPER if row[-1] is None else row[-1])
            for key, row in zip(keys, rows, strict=True)
            if key in contested
        ]
        db.executemany(self._state, stated)
        db.executemany(self._elect, [key for key in dict.fromkeys(keys) if key in contested])

    def remove(self, db: apsw.Connection, key: Row, copy: str | None) -> None:
        """Remove one copy; what is left is elected again."""
        if db.execute(self._has, key).fetchone() is None:
            if copy is None:
                db.execute(self._drop, key)
            return
        db.execute(self._remove, (*key, PROPER if copy is None else copy))
        db.execute(self._drop, key)
        db.execute(self._elect, key)
        if db.execute(self._others, key).fetchone() is None:
            db.execute(self._clear, key)

    def forget(self, db: apsw.Connection, key: Row) -> None:
        """Remove the row with all its copies."""
        db.execute(self._clear, key)
        db.execute(self._drop, key)

    def _key(self, row: Row) -> Row:
        return tuple(row[place] for place in self._key_places)
