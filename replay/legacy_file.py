"""One legacy file written again: its schema word for word and in its order, then rows as they were, whatever they hold."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import apsw

from domain.legacy import LegacySchemaRead
from replay.reading import Table, chunks, quote, tables
from replay.verbatim import NotUtf8, exact

PAGE = 1_000
# What must be known before a file has its first page.
_BEFORE = ("encoding", "page_size", "auto_vacuum")
_VIRTUAL = re.compile(
    r'CREATE VIRTUAL TABLE\s+("(?:[^"]|"")*"|\[[^]]*\]|`[^`]*`|\'(?:[^\']|\'\')*\'|[^\s(]+)', re.IGNORECASE
)
_SCHEMA_ROW = "INSERT INTO sqlite_schema (type, name, tbl_name, rootpage, sql) VALUES ('table', ?1, ?1, 0, ?2)"
_SET_SQL = "UPDATE sqlite_schema SET sql = ? WHERE type = 'table' AND name = ?"
_SQL_OF = "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?"
_DEMANDED = (
    "SELECT name, dflt_value FROM pragma_table_xinfo(?) WHERE \"notnull\" AND NOT (pk = 1 AND upper(type) = 'INTEGER')"
)
_GENERATED = "SELECT name FROM pragma_table_xinfo(?) WHERE hidden IN (2, 3)"
# Quoted names, texts and comments are left as they are; so is whatever stands in a pair of brackets of its own.
_TOKENS = re.compile(
    r'"(?:[^"]|"")*"|\'(?:[^\']|\'\')*\'|\[[^]]*\]|`[^`]*`|--[^\n]*|/\*.*?\*/|[()]|\bNOT\s+NULL\b', re.IGNORECASE | re.DOTALL
)  # fmt: skip


class Row(NamedTuple):
    """A row to be written: cells in the order of the table's columns; its row number where that is known."""

    cells: Sequence[Any]
    number: int | None = None


def make_file(path: Path, schema: LegacySchemaRead) -> dict[str, str]:
    """Make a file with a schema and no rows; the statements that SQLite will not take come back, each with its reason."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    db = _opened(path)
    try:
        for name in _BEFORE:
            if name in schema.pragmas:
                db.execute(f"PRAGMA {name} = {apsw.format_sql_value(schema.pragmas[name])}").fetchall()
        # The tables that SQLite keeps for itself, such as those of ANALYZE, can be made like any other in this mode only.
        db.execute("PRAGMA writable_schema = ON").fetchall()
        with db:
            refused = {one: why for one in schema.statements if (why := _make(db, one))}
        # Setting it writes the first page, also of a file without tables.
        db.execute(f"PRAGMA user_version = {int(schema.pragmas.get('user_version', 0))}").fetchall()
    finally:
        db.close()
    return refused


def _opened(path: Path) -> apsw.Connection:
    """A file that nobody else can see yet: if this process dies it is thrown away, so nothing need be safe meanwhile."""
    db = apsw.Connection(str(path))
    db.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0)
    db.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 0)
    db.execute("PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF").fetchall()
    db.execute("PRAGMA ignore_check_constraints = ON").fetchall()
    return db


def _make(db: apsw.Connection, statement: str) -> str:
    virtual = _VIRTUAL.match(statement)
    try:
        if virtual:
            # Its module may not be here, and its shadow tables have statements of their own.
            db.execute(_SCHEMA_ROW, (_bare(virtual[1]), statement))
        elif "sqlite_sequence" not in statement or not db.table_exists("main", "sqlite_sequence"):
            db.execute(statement)
    except apsw.Error as error:
        return str(error)
    return ""


class LegacyFile:
    """A file that was made and is being filled."""

    def __init__(self, path: Path) -> None:
        self._db = _opened(path)
        self.tables = {table.name: table for table in tables(self._db)}

    def demanded(self, table: str) -> dict[str, bool]:
        """The columns that may not be NULL, each with whether it has a default."""
        return {str(name): default is not None for name, default in self._db.execute(_DEMANDED, (table,))}

    def statement(self, table: str) -> str:
        """The CREATE statement of a table."""
        return _statement(self._db, table)

    def empty(self, table: str) -> None:
        """Drop what SQLite itself has put into a table."""
        self._db.execute(f"DELETE FROM {quote(table)}")

    def write(self, table: Table, rows: Iterable[Row]) -> Tally:
        """Write rows as they were; where two have the same key the later one counts."""
        generated = {str(row[0]) for row in self._db.execute(_GENERATED, (table.name,))}
        inserter = _Inserter(self._db, table, generated)
        tally = Tally()
        source = iter(rows)
        while page := list(islice(source, PAGE)):
            with self._db:
                if not self._written_at_once(inserter, page):
                    for row in page:
                        self._write(inserter, row, tally)
            tally.rows += len(page)
            for row in page:
                tally.take(row.cells)
        if inserter.loosened:
            _set_schema(self._db, table.name, inserter.loosened)
        return tally

    def _written_at_once(self, inserter: _Inserter, page: Sequence[Row]) -> bool:
        """Whether no row of a page needs a look of its own."""
        done = False
        with suppress(apsw.ConstraintError), self._db:
            done = inserter.insert_plain(page)
        return done

    def _write(self, inserter: _Inserter, row: Row, tally: Tally) -> None:
        try:
            inserter.insert(row)
        except apsw.ConstraintError as error:
            if getattr(error, "extendedresult", 0) == apsw.SQLITE_CONSTRAINT_NOTNULL and not inserter.loosened:
                inserter.loosen()
                self._write(inserter, row, tally)
            else:
                tally.replaced += inserter.replace(row)

    def add(self, table: Table, cells: Mapping[str, Any]) -> str:
        """Write one new row, columns that are left out by their defaults; the reason when the table refuses it, else ''."""
        names = [name for name in cells if name in table.columns]
        marks = ", ".join("?" * len(names))
        query = f"INSERT INTO {quote(table.name)} ({', '.join(map(quote, names))}) VALUES ({marks})"
        self._db.execute("PRAGMA ignore_check_constraints = OFF").fetchall()
        try:
            self._db.execute(query, [cells[name] for name in names])
        except apsw.Error as error:
            return str(error).removesuffix(" constraint failed")
        finally:
            self._db.execute("PRAGMA ignore_check_constraints = ON").fetchall()
        return ""

    def read_back(self, table: Table) -> Tally:
        """What the table holds now."""
        tally = Tally()
        for page in chunks(self._db, [quote(name) for name in table.columns], f"FROM {quote(table.name)} NOT INDEXED"):
            for cells in page:
                tally.rows += 1
                tally.take(cells)
        return tally

    def close(self) -> None:
        """Close the file; it stands alone."""
        self._db.close()


class Tally:
    """Rows and the sum of their digests, which does not depend on their order; rows that gave way to a later one."""

    def __init__(self) -> None:
        self.rows = self.digest = self.replaced = 0

    def take(self, cells: Sequence[Any]) -> None:
        """Count one row in."""
        content = hashlib.blake2b(exact(tuple(cells)), digest_size=16).digest()
        self.digest = (self.digest + int.from_bytes(content)) % 2**128

    def equals(self, other: Tally) -> bool:
        """Whether both are the same rows."""
        return (self.rows, self.digest) == (other.rows, other.digest)


class _Inserter:
    """Inserts rows into one table. loosened: the statement of the table while its NOT NULLs are off, to be put back."""

    def __init__(self, db: apsw.Connection, table: Table, generated: set[str]) -> None:
        self._db, self._table, self.loosened = db, table, ""
        self._places = [place for place, name in enumerate(table.columns) if name not in generated]
        self._names = [quote(table.columns[place]) for place in self._places]
        self._own_number = [] if table.row_number is None else [table.row_number]

    def insert_plain(self, page: Sequence[Row]) -> bool:
        """Insert a page of rows that neither know their numbers nor hold broken text; False when one does."""
        if any(row.number is not None for row in page) or any(
            type(cell) is NotUtf8 for row in page for cell in row.cells
        ):
            return False
        marks = ", ".join("?" * len(self._names))
        query = f"INSERT INTO {quote(self._table.name)} ({', '.join(self._names)}) VALUES ({marks})"
        whole = len(self._places) == len(self._table.columns)
        self._db.executemany(query, (row.cells if whole else [row.cells[at] for at in self._places] for row in page))
        return True

    def insert(self, row: Row, verb: str = "INSERT") -> None:
        """Insert one row, whatever it holds."""
        cells = [row.cells[place] for place in self._places]
        names, broken = self._names, [type(cell) is NotUtf8 for cell in cells]
        if row.number is not None:
            names, broken, cells = [*self._own_number, *names], [False, *broken], [row.number, *cells]
        marks = ", ".join("CAST(? AS TEXT)" if one else "?" for one in broken)
        bare = [cell.content if one else cell for one, cell in zip(broken, cells, strict=True)]
        self._db.execute(f"{verb} INTO {quote(self._table.name)} ({', '.join(names)}) VALUES ({marks})", bare)

    def replace(self, row: Row) -> int:
        """Write it in the place of the rows that it does not go together with; returns how many rows are fewer for that.

        A row that the table refuses by itself is one of them: its rules were others when it was read.
        """
        before = self._count()
        with suppress(apsw.ConstraintError):
            self.insert(row, "INSERT OR REPLACE")
        return before + 1 - self._count()

    def _count(self) -> int:
        return int(next(iter(self._db.execute(f"SELECT count(*) FROM {quote(self._table.name)} NOT INDEXED")))[0])

    def loosen(self) -> None:
        """Take away the NOT NULLs: a legacy file can hold what its own schema forbids."""
        original = _statement(self._db, self._table.name)
        _set_schema(self._db, self._table.name, without_not_null(original))
        self.loosened = original


def _statement(db: apsw.Connection, table: str) -> str:
    return str(next(iter(db.execute(_SQL_OF, (table,))))[0])


def _set_schema(db: apsw.Connection, table: str, statement: str) -> None:
    db.execute("PRAGMA writable_schema = ON").fetchall()
    db.execute(_SET_SQL, (statement, table))
    db.execute("PRAGMA writable_schema = RESET").fetchall()


def without_not_null(statement: str) -> str:
    """A CREATE TABLE statement whose columns may be NULL."""
    depth, parts, end = 0, [], 0
    for found in _TOKENS.finditer(statement):
        depth += {"(": 1, ")": -1}.get(found[0], 0)
        if depth == 1 and found[0][:3].upper() == "NOT":
            parts += [statement[end : found.start()], "NULL"]
            end = found.end()
    return "".join([*parts, statement[end:]])


def _bare(name: str) -> str:
    return name[1:-1].replace(name[0] * 2, name[0]) if name[0] in "\"'`[" else name
