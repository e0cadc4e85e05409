"""The reading image of a DuckDB file: an SQLite file with the same tables, columns and rows, proven to be so.

The engine reads SQLite cursors only; a DuckDB source is read through such an image, made from its frozen copy. Each value has
the form that `replay.duck_forms` says. What is no table of the main schema is not in the image; it is named in it.
"""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import apsw

from domain.errors import SourceError
from migrations import script
from replay.copying import copy_unchanging, holder
from replay.duck_forms import Form, form_of
from replay.reading import IN_PLACE, Table, quote

if TYPE_CHECKING:
    import duckdb

MAGIC = b"DUCK"
MAGIC_AT = 8
SUFFIX = ".image"
"""What the name of an image has behind that of the copy it was made of."""

_PAGE = 20_000
_WAIT_S = 0.05
_SETTINGS = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
_HEADS = (
    "SELECT table_name, sql FROM duckdb_tables() WHERE database_name = current_database() AND schema_name = 'main' "
    "AND NOT internal AND NOT temporary ORDER BY table_oid"
)
_COLUMNS = (
    "SELECT column_name, data_type FROM duckdb_columns() WHERE database_name = current_database() "
    "AND schema_name = 'main' AND table_name = ? ORDER BY column_index"
)
_KEYS = (
    "SELECT constraint_type, constraint_column_names FROM duckdb_constraints() WHERE database_name = current_database() "
    "AND schema_name = 'main' AND table_name = ? AND constraint_type IN ('PRIMARY KEY', 'UNIQUE') ORDER BY constraint_index"
)
_OTHERS = """
    SELECT 'table ' || schema_name || '.' || table_name, sql FROM duckdb_tables()
    WHERE database_name = current_database() AND schema_name <> 'main' AND NOT internal
    UNION ALL
    SELECT 'view ' || schema_name || '.' || view_name, sql FROM duckdb_views()
    WHERE database_name = current_database() AND NOT internal
    UNION ALL
    SELECT 'sequence ' || schema_name || '.' || sequence_name, sql FROM duckdb_sequences()
    WHERE database_name = current_database()
    UNION ALL
    SELECT 'index ' || schema_name || '.' || index_name, sql FROM duckdb_indexes()
    WHERE database_name = current_database() AND sql IS NOT NULL
    ORDER BY 1"""
_SAY = "INSERT INTO daybook_image (kind, name, said) VALUES (?, ?, ?)"


class _Table(NamedTuple):
    name: str
    sql: str
    columns: list[tuple[str, str]]
    keys: list[tuple[str, list[str]]]

    @property
    def as_read(self) -> Table:
        """As the engine sees the table."""
        unique = tuple(frozenset(parts) for _, parts in self.keys)
        primary = next((tuple(parts) for kind, parts in self.keys if kind == "PRIMARY KEY"), ())
        names, types = zip(*self.columns, strict=True)
        return Table(self.name, names, primary, "rowid", unique, types)

    @property
    def forms(self) -> list[Form]:
        return [form_of(declared, quote(column)) for column, declared in self.columns]


def is_duckdb(path: Path) -> bool:
    """Whether a file begins as DuckDB's do."""
    with path.open("rb") as file:
        return file.read(MAGIC_AT + len(MAGIC))[MAGIC_AT:] == MAGIC


def copy_duckdb(path: Path, target: Path, lock_wait_s: float) -> None:
    """Copy a DuckDB file, with what sits in its `.wal`, while nobody writes; the copy stands alone.

    Raises SourceError, naming the program, when another has the file open for writing for longer than `lock_wait_s`.
    """
    deadline = time.monotonic() + lock_wait_s
    while found := holder(path, fcntl.F_RDLCK, 0, 0):
        if time.monotonic() > deadline:
            raise SourceError(f"is open for writing in {found}, and DuckDB lets nobody else read it; stop that program")
        time.sleep(_WAIT_S)
    copy_unchanging(path, target)
    _fold_in(target)


def _fold_in(copy: Path) -> None:
    """Bring what sits in the `.wal` beside a copied file into the copy itself; raises SourceError when it cannot be."""
    import duckdb  # noqa: PLC0415

    wal = copy.with_name(f"{copy.name}.wal")
    if not wal.exists():
        return
    try:
        with closing(duckdb.connect(str(copy), config=dict(_SETTINGS))) as db:
            db.execute("CHECKPOINT")
    except duckdb.Error as error:
        raise SourceError(f"its .wal cannot be brought in: {said(error)}") from error
    wal.unlink(missing_ok=True)


def open_duckdb(path: Path) -> duckdb.DuckDBPyConnection:
    """Open a frozen file for reading; raises duckdb.Error. The package takes long to load, so only who needs it does."""
    import duckdb  # noqa: PLC0415

    db = duckdb.connect(str(path), read_only=True, config=dict(_SETTINGS))
    db.execute("SET GLOBAL TimeZone = 'UTC'")
    return db


def count_rows(path: Path, table: str) -> int:
    """The number of rows of a table of a frozen file; raises duckdb.Error."""
    with closing(open_duckdb(path)) as db:
        return int(db.execute(f"SELECT count(*) FROM {quote(table)}").fetchall()[0][0])


def make_image(copy: Path, image: Path, *, in_place: Callable[[Table], bool] = lambda _: False) -> None:
    """Make the image of a frozen file and prove it. in_place: whether a table is read in the file itself, so that only its
    columns are brought, and no row.

    Raises SourceError for a file that DuckDB cannot read, and for an image that is not what the file holds.
    """
    import duckdb  # noqa: PLC0415

    image.unlink(missing_ok=True)
    try:
        with closing(open_duckdb(copy)) as db, closing(apsw.Connection(str(image))) as target:
            target.execute("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF").fetchall()
            tables = _tables(db)
            elsewhere = {one.name for one in tables if in_place(one.as_read)}
            with target:
                target.execute(script("replay", "image.sql"))
                _describe(db, target, tables)
                for table in tables:
                    _fill(db, target, table, with_rows=table.name not in elsewhere)
            for table in tables:
                if table.name in elsewhere:
                    target.execute(_SAY, (IN_PLACE, table.name, str(_read_through(db, table))))
                else:
                    _prove(db, target, table)
    except duckdb.Error as error:
        image.unlink(missing_ok=True)
        raise SourceError(f"cannot be read: {said(error)}") from error


def said(error: duckdb.Error) -> str:
    """What DuckDB says of an error, in one line."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _tables(db: duckdb.DuckDBPyConnection) -> list[_Table]:
    found = []
    for name, sql in db.execute(_HEADS).fetchall():
        columns = [(str(column), str(declared)) for column, declared in db.execute(_COLUMNS, [name]).fetchall()]
        keys = [(str(kind), [*map(str, parts)]) for kind, parts in db.execute(_KEYS, [name]).fetchall()]
        found.append(_Table(str(name), str(sql), columns, keys))
    return found


def _describe(db: duckdb.DuckDBPyConnection, target: apsw.Connection, tables: Sequence[_Table]) -> None:
    for table in tables:
        target.execute(_SAY, ("statement", table.name, table.sql))
        for column, declared in table.columns:
            target.execute(_SAY, ("type", f"{quote(table.name)}.{quote(column)}", declared))
    for name, sql in db.execute(_OTHERS).fetchall():
        target.execute(_SAY, ("left out", str(name), str(sql or "")))


def _fill(db: duckdb.DuckDBPyConnection, target: apsw.Connection, table: _Table, *, with_rows: bool) -> None:
    """Bring a table over. A key that SQLite sees broken where DuckDB does not, such as by 0.0 and -0.0, is left out."""
    columns = [quote(column) for column, _ in table.columns]
    keys = [f"{kind} ({', '.join(map(quote, parts))})" for kind, parts in table.keys]
    made = script("replay", "image_table.sql")
    put = f"INSERT INTO {quote(table.name)} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
    try:
        with target:
            target.execute(made.format(name=quote(table.name), columns=", ".join([*columns, *keys])))
            if with_rows:
                target.executemany(put, _rows(db, table))
    except apsw.ConstraintError:
        with target:
            target.execute(made.format(name=quote(table.name), columns=", ".join(columns)))
            target.executemany(put, _rows(db, table))


def _pages(db: duckdb.DuckDBPyConnection, table: _Table, select: Sequence[str]) -> Iterator[list[tuple[Any, ...]]]:
    cursor = db.cursor()
    cursor.execute(f"SELECT {', '.join(select)} FROM {quote(table.name)} ORDER BY rowid")
    while page := cursor.fetchmany(_PAGE):
        yield page


def _rows(db: duckdb.DuckDBPyConnection, table: _Table) -> Iterator[Sequence[Any]]:
    forms = table.forms
    changes = [(place, form.cell) for place, form in enumerate(forms) if form.cell]
    for page in _pages(db, table, [form.read for form in forms]):
        if not changes:
            yield from page
            continue
        for row in page:
            cells = list(row)
            for place, cell in changes:
                cells[place] = cell(cells[place])
            yield cells


def _prove(db: duckdb.DuckDBPyConnection, target: apsw.Connection, table: _Table) -> None:
    """Read both a second time, the DuckDB file in other words, and compare value by value."""
    forms = table.forms
    columns = ", ".join(quote(column) for column, _ in table.columns)
    copied = iter(target.execute(f"SELECT {columns} FROM {quote(table.name)} NOT INDEXED ORDER BY rowid"))
    number = 0
    for page in _pages(db, table, [form.proof for form in forms]):
        for row in page:
            number += 1
            cells = next(copied, None)
            if cells is None:
                raise _unlike(table, number, "is missing")
            for form, cell, value, (column, _) in zip(forms, cells, row, table.columns, strict=True):
                if not form.same(cell, value):
                    raise _unlike(table, number, f"has {cell!r} for {value!r} in {column}")
    if next(copied, None) is not None:
        raise _unlike(table, number + 1, "is too many")


def _read_through(db: duckdb.DuckDBPyConnection, table: _Table) -> int:
    """Read every value once: whatever is damaged is found before anything is appended. Returns the number of rows."""
    every = ", ".join(quote(column) for column, _ in table.columns)
    rows, _ = db.execute(f"SELECT count(*), bit_xor(hash({every})) FROM {quote(table.name)}").fetchall()[0]
    return int(rows)


def _unlike(table: _Table, number: int, what: str) -> SourceError:
    return SourceError(f"its reading image is not what it holds: row {number:,} of {table.name} {what}")
