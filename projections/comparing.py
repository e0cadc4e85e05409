"""Comparing two read model files: digests of their tables, and the values that differ."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple

import apsw
import msgspec

from domain.secrets import Mask
from projections import checkpoint
from projections.bulk import Row, quoted
from projections.profiles import open_reading
from projections.trouble import DAMAGED

DIFFERENCES_MAX = 100
_BY_NAME = Mask()

_TABLES = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name"
_COLUMNS = "SELECT name, pk FROM pragma_table_info(?) ORDER BY cid"
_CHUNK_ROWS = 1_000
# Rows without a partner that are remembered while the partner may still come, further down in the other file.
_WAITING_MAX = 20_000

# MessagePack keeps apart what `==` does not: 1 and 1.0, 0.0 and -0.0, text and bytes.
_encode = msgspec.msgpack.Encoder().encode


class Difference(NamedTuple):
    """One value, or one row when `column` is None, that is not what the log says it should be."""

    table: str
    key: Row
    column: str | None
    expected: object
    found: object

    def __str__(self) -> str:
        where = f"{self.table} {', '.join(map(str, self.key))}".rstrip()
        if self.column is not None:
            # By its name: what was found may be a secret that only this file held, and is gone when the sentence is read.
            shown = _BY_NAME.content(self)
            return f"{where}: {self.column} is {shown.found!r}, expected {shown.expected!r}"
        if self.found is None:
            return f"{where}: the row is missing"
        return f"{where}: {self.found}" if self.expected is None and not self.key else f"{where}: the row is too many"


class Shape(NamedTuple):
    """The columns of a table, and at which places its key stands."""

    columns: tuple[str, ...]
    key: tuple[int, ...]


def tables(db: apsw.Connection) -> list[str]:
    """The tables that hold rows of events, by name."""
    return [name for (name,) in db.execute(_TABLES) if name != checkpoint.TABLE]


def shape_of(db: apsw.Connection, table: str) -> Shape:
    """The table's columns and key; without a declared key all columns are the key."""
    found = db.execute(_COLUMNS, (table,)).fetchall()
    key = sorted((pk, place) for place, (_, pk) in enumerate(found) if pk)
    return Shape(tuple(str(name) for name, _ in found), tuple(place for _, place in key) or tuple(range(len(found))))


def table_digests(path: Path) -> dict[str, tuple[int, str]]:
    """Per table the number of rows and the SHA-256 over all of them, in the order of their keys, every value exact."""
    db = open_reading(path)
    try:
        return {table: _digest(db, table) for table in tables(db)}
    finally:
        db.close()


def _digest(db: apsw.Connection, table: str) -> tuple[int, str]:
    shape = shape_of(db, table)
    try:
        return _digest_of(_chunks(db, table, shape, raw=False))
    except UnicodeDecodeError:
        return _digest_of(_chunks(db, table, shape, raw=True))


def _digest_of(chunks: Iterator[list[Row]]) -> tuple[int, str]:
    count, digest = 0, hashlib.sha256()
    for rows in chunks:
        count += len(rows)
        digest.update(b"".join(map(_encode, rows)))
    return count, digest.hexdigest()


def _chunks(db: apsw.Connection, table: str, shape: Shape, *, raw: bool) -> Iterator[list[Row]]:
    """The rows in the order of their keys. raw: each value as its type and, for text, its bytes, valid UTF-8 or not.

    NOT INDEXED: an index has copies of the values, and it is the table that counts.
    """
    order = quoted(shape.columns[place] for place in shape.key)
    values = ", ".join(_raw_value(name) for name in shape.columns) if raw else quoted(shape.columns)
    cursor = db.execute(f'SELECT {values} FROM "{table}" NOT INDEXED ORDER BY {order}')
    while rows := list(islice(cursor, _CHUNK_ROWS)):
        yield rows


def _raw_value(name: str) -> str:
    return f'CASE typeof("{name}") WHEN \'text\' THEN CAST("{name}" AS BLOB) ELSE "{name}" END, typeof("{name}")'


def differences(expected: Path, found: Path, table: str, limit: int = DIFFERENCES_MAX) -> list[Difference]:
    """What differs in one table, at most `limit` values; damage in the found file is a difference like any other."""
    expected_db, found_db = open_reading(expected), open_reading(found)
    try:
        return _table_differences(expected_db, found_db, table, limit)
    finally:
        expected_db.close()
        found_db.close()


def _table_differences(expected: apsw.Connection, found: apsw.Connection, table: str, limit: int) -> list[Difference]:
    shape = shape_of(expected, table)
    try:
        if (found_columns := shape_of(found, table).columns) != shape.columns:
            return [Difference(table, (), None, None, f"the columns are {found_columns}, expected {shape.columns}")]
        try:
            return _walk(expected, found, table, shape, limit, raw=False)
        except UnicodeDecodeError:
            return _walk(expected, found, table, shape, limit, raw=True)
    except (*DAMAGED, apsw.SQLError, apsw.IOError) as error:
        return [Difference(table, (), None, None, f"the table cannot be read: {error}")]


def _walk(
    expected: apsw.Connection, found: apsw.Connection, table: str, shape: Shape, limit: int, *, raw: bool
) -> list[Difference]:
    """Walk both files side by side, chunk against chunk; only rows of chunks that differ are looked at one by one."""
    matching = _Matching(table, shape, raw=raw)
    lefts, rights = _chunks(expected, table, shape, raw=raw), _chunks(found, table, shape, raw=raw)
    while True:
        left, right = next(lefts, []), next(rights, [])
        if not left and not right:
            break
        if _encode(left) != _encode(right):
            matching.add(left, right)
        if len(matching.differences) >= limit or matching.is_overflowing():
            break
    return [*matching.differences, *matching.unmatched()][:limit]


class _Matching:
    """Rows that have not met their partner with the same key yet; the order of the rows does not matter.

    In raw mode each column of a row is two values: its bytes and its type.
    """

    def __init__(self, table: str, shape: Shape, *, raw: bool) -> None:
        self.differences: list[Difference] = []
        self._table, self._shape, self._raw = table, shape, raw
        self._lefts: dict[bytes, Row] = {}
        self._rights: dict[bytes, Row] = {}

    def add(self, left: list[Row], right: list[Row]) -> None:
        for row in left:
            self._meet(row, self._lefts, self._rights, is_expected=True)
        for row in right:
            self._meet(row, self._rights, self._lefts, is_expected=False)

    def _meet(self, row: Row, own: dict[bytes, Row], others: dict[bytes, Row], *, is_expected: bool) -> None:
        key = _encode(self._key(row))
        partner = others.pop(key, None)
        if partner is None:
            own[key] = row
        elif _encode(partner) != _encode(row):
            pair = (row, partner) if is_expected else (partner, row)
            self.differences.extend(self._values(*pair))

    def is_overflowing(self) -> bool:
        return max(len(self._lefts), len(self._rights)) > _WAITING_MAX

    def unmatched(self) -> Iterator[Difference]:
        """Rows that only one file has. While the search was cut short, some may have their partner further down."""
        missing = (
            Difference(self._table, self._shown_key(row), None, self._shown(row), None) for row in self._lefts.values()
        )
        extra = (
            Difference(self._table, self._shown_key(row), None, None, self._shown(row)) for row in self._rights.values()
        )
        return chain(missing, extra)

    def _values(self, expected: Row, found: Row) -> Iterator[Difference]:
        width = 2 if self._raw else 1
        for place, column in enumerate(self._shape.columns):
            cell = slice(place * width, place * width + width)
            if _encode(expected[cell]) != _encode(found[cell]):
                shown = self._shown(expected)[place], self._shown(found)[place]
                yield Difference(self._table, self._shown_key(expected), column, *shown)

    def _key(self, row: Row) -> Row:
        width = 2 if self._raw else 1
        return tuple(value for place in self._shape.key for value in row[place * width : place * width + width])

    def _shown(self, row: Row) -> Row:
        if not self._raw:
            return row
        cells = zip(row[::2], row[1::2], strict=True)
        return tuple(_text(value) if kind == "text" and isinstance(value, bytes) else value for value, kind in cells)

    def _shown_key(self, row: Row) -> Row:
        shown = self._shown(row)
        return tuple(shown[place] for place in self._shape.key)


def _text(value: bytes) -> str:
    return value.decode("utf-8", "backslashreplace")


def file_differences(expected: Path, found: Path, limit: int = DIFFERENCES_MAX) -> list[Difference]:
    """What differs in all tables of two read models, at most `limit` values."""
    found_db = open_reading(found)
    try:
        return differences_in(expected, found_db, limit)
    finally:
        found_db.close()


def differences_in(expected: Path, found_db: apsw.Connection, limit: int = DIFFERENCES_MAX) -> list[Difference]:
    """The same, of a read model that is open: in a transaction it is as it was when that began."""
    expected_db = open_reading(expected)
    result: list[Difference] = []
    try:
        names = tables(expected_db)
        try:
            others = [name for name in tables(found_db) if name not in names]
        except (*DAMAGED, apsw.SQLError, apsw.IOError, UnicodeDecodeError) as error:
            return [Difference("sqlite_schema", (), None, None, f"the file cannot be read: {error}")]
        result += [Difference(name, (), None, None, "the table does not belong here") for name in others]
        for table in names:
            if len(result) < limit:
                result += _table_differences(expected_db, found_db, table, limit - len(result))
    finally:
        expected_db.close()
    return result[:limit]
