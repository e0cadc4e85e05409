"""Frozen legacy files, read by column name through apsw, whatever their rows hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import apsw

from domain.errors import SourceError
from replay.verbatim import NotUtf8

CHUNK = 1_000
IMAGE = "daybook_image"
"""The table in which a reading image says what the original was like."""
IN_PLACE = "in place"
"""The kind under which it names the tables whose rows it does not hold."""

# A value that its column's own rules forbid can be read all the same; what becomes of its row is for the translation to say.
_ABOUT_VALUES = re.compile(r"^(NULL value in|CHECK constraint failed in|(non-)?[A-Z]+ value in) ")
# A column's default that is the moment of the INSERT.
_OWN_TIME = re.compile(r"\bcurrent_timestamp\b|\bdatetime\s*\(", re.IGNORECASE)
_FAULTS_MAX = 10_000
_FAULTS_SHOWN = 3


class Table(NamedTuple):
    """A table of a legacy file. key: its declared primary key; row_number: the name under which SQLite's rowid can be read,
    None for a WITHOUT ROWID table; unique: column sets that cannot hold the same values twice; types: as declared; stamped:
    columns that SQLite fills with its own time where a statement gives none.
    """

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    row_number: str | None
    unique: tuple[frozenset[str], ...]
    types: tuple[str, ...] = ()
    stamped: frozenset[str] = frozenset()

    def declared(self, column: str) -> str:
        """The declared type of a column in upper case, empty when it has none."""
        place = self.columns.index(column)
        return self.types[place].upper() if place < len(self.types) else ""


def quote(name: str) -> str:
    """The name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def open_frozen(path: Path) -> apsw.Connection:
    """Open a frozen copy: read-only and immutable, so that no -wal or -shm appears beside it."""
    uri = path.absolute().as_uri() + "?mode=ro&immutable=1"
    db = apsw.Connection(uri, flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)
    db.execute("PRAGMA cache_size = -64")
    db.execute("PRAGMA cell_size_check = ON")
    return db


def damage(db: apsw.Connection, *, indexes: bool) -> str | None:
    """What SQLite's own check finds wrong with the pages of a file, None when it is sound.

    indexes: compare them with their tables as well. In a large file that takes longer than the replay, which reads the rows
    of facts without any index; only series are read in the order of their key's.
    """
    checked = db.execute(f"PRAGMA {'integrity' if indexes else 'quick'}_check({_FAULTS_MAX})")
    found = [line for (said,) in checked for line in str(said).splitlines() if not _ABOUT_VALUES.search(line)]
    return None if found in ([], ["ok"]) else "; ".join(found[:_FAULTS_SHOWN])


def statements(db: apsw.Connection) -> list[str]:
    """The CREATE statements of a file, in the order in which they were given."""
    query = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid"
    if is_image(db):
        query = f"SELECT said FROM {IMAGE} WHERE kind IN ('statement', 'left out') AND said <> '' ORDER BY rowid"
    return [str(row[0]) for row in db.execute(query)]


def tables(db: apsw.Connection) -> list[Table]:
    """The ordinary tables of a file by name, SQLite's own included, virtual ones and views left out."""
    query = (
        "SELECT name, type FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'shadow') ORDER BY name"
    )
    names = [str(row[0]) for row in db.execute(query)]
    own = {"sqlite_schema", "sqlite_temp_schema"}
    if not is_image(db):
        return [_table(db, name) for name in names if name not in own]
    said = f"SELECT name, said FROM {IMAGE} WHERE kind = 'type'"
    types = {str(column): str(declared) for column, declared in db.execute(said)}
    found = [_table(db, name) for name in names if name != IMAGE and not name.startswith("sqlite_")]
    return [
        one._replace(types=tuple(types[f"{quote(one.name)}.{quote(column)}"] for column in one.columns))
        for one in found
    ]


def is_image(db: apsw.Connection) -> bool:
    """Whether a file is the reading image of another database."""
    return bool(list(db.execute("SELECT 1 FROM sqlite_schema WHERE name = ?", (IMAGE,))))


def without_rows(db: apsw.Connection) -> frozenset[str]:
    """The tables of a reading image whose rows are read in the original itself."""
    if not is_image(db):
        return frozenset()
    return frozenset(str(name) for (name,) in db.execute(f"SELECT name FROM {IMAGE} WHERE kind = ?", (IN_PLACE,)))


def rows_elsewhere(db: apsw.Connection, table: str) -> int | None:
    """How many rows the original has of a table of a reading image; None where the image does not say."""
    told = list(db.execute(f"SELECT said FROM {IMAGE} WHERE kind = ? AND name = ?", (IN_PLACE, table)))
    return int(told[0][0]) if told and told[0][0] else None


def _table(db: apsw.Connection, name: str) -> Table:
    query = "SELECT name, pk, type, dflt_value FROM pragma_table_xinfo(?) WHERE hidden <> 1 ORDER BY cid"
    about = list(db.execute(query, (name,)))
    columns = tuple(str(column) for column, *_ in about)
    key = tuple(str(column) for column, place, *_ in sorted(about, key=lambda row: int(row[1])) if place)
    types = tuple(str(kind or "") for _, _, kind, _ in about)
    stamped = frozenset(str(column) for column, _, _, default in about if _OWN_TIME.search(str(default or "")))
    without_rowid = list(db.execute("SELECT wr FROM pragma_table_list WHERE schema = 'main' AND name = ?", (name,)))
    taken = {column.lower() for column in columns}
    free = next((alias for alias in ("rowid", "_rowid_", "oid") if alias not in taken), None)
    return Table(name, columns, key, None if without_rowid[0][0] else free, _unique(db, name, key), types, stamped)


def _unique(db: apsw.Connection, name: str, key: tuple[str, ...]) -> tuple[frozenset[str], ...]:
    found = [frozenset(key)] if key else []
    indexes = db.execute('SELECT name FROM pragma_index_list(?) WHERE "unique" AND NOT partial', (name,))
    for (index,) in list(indexes):
        columns = [row[0] for row in db.execute("SELECT name FROM pragma_index_info(?)", (index,))]
        if None not in columns:
            found.append(frozenset(map(str, columns)))
    return tuple(found)


def count(db: apsw.Connection, table: str) -> int:
    """The number of rows of a table."""
    return int(next(iter(db.execute(f"SELECT count(*) FROM {quote(table)} NOT INDEXED")))[0])


def chunks(
    db: apsw.Connection, select: Sequence[str], tail: str, *, then: str = "", size: int = CHUNK
) -> Iterator[list[tuple[Any, ...]]]:
    """The rows of a query in lists of `size`; `select` are its result expressions, `tail` begins with FROM. With `then` the
    rows come in order of the last expression, empty ones at the end, equals in the order that `then` gives.

    TEXT that is not UTF-8 cannot be fetched as text. From the row where that happens the rest is read with each value's
    class and bytes side by side, which is slower and loses nothing. A file in UTF-16 is read so from the start: SQLite would
    make some other text of what is broken in it, and say nothing.
    """
    done = 0
    if db.pragma("encoding") != "UTF-8":
        yield from _faithful(db, select, tail, then, done, size)
        return
    try:
        cursor = iter(db.execute(f"SELECT {', '.join(select)} {tail}{_in_order(len(select), then)}"))
        while any(page := [list(islice(cursor, size))]):
            done += len(page[0])
            # Hundreds of tables are open at once; none of them may hold on to rows that were handed over.
            yield page.pop()
    except UnicodeDecodeError:
        yield from _faithful(db, select, tail, then, done, size)


def _in_order(place: int, then: str) -> str:
    return f" ORDER BY {place} NULLS LAST, {then}" if then else ""


def _faithful(
    db: apsw.Connection, select: Sequence[str], tail: str, then: str, skip: int, size: int
) -> Iterator[list[tuple[Any, ...]]]:
    pairs = [f"CASE typeof({column}) WHEN 'text' THEN 1 ELSE 0 END" for column in select]
    bare = [f"CASE typeof({column}) WHEN 'text' THEN CAST({column} AS BLOB) ELSE {column} END" for column in select]
    ordered = _in_order(2 * len(select), then)
    query = f"SELECT {', '.join(pairs + bare)} {tail}{ordered} LIMIT -1 OFFSET {skip}"
    page: list[tuple[Any, ...]] = []
    width, encoding = len(select), str(db.pragma("encoding"))
    for row in db.execute(query):
        cells = zip(row[:width], row[width:], strict=True)
        page.append(tuple(_text(value, encoding) if is_text else value for is_text, value in cells))
        if len(page) == size:
            yield page
            page = []
    if page:
        yield page


def _text(content: bytes, encoding: str) -> str | NotUtf8:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        return NotUtf8(content)


def guarded(file: str, table: str, read: Callable[[], Any]) -> Any:  # whatever `read` returns
    """Run a read of a frozen file; damage that appears only now is a SourceError that names file and table."""
    try:
        return read()
    except apsw.Error as error:
        raise SourceError(
            f"{file}: table {table} is damaged: {error}",
            hint="The ledger is unchanged. Restore this file from a back-up and replay again.",
        ) from error
