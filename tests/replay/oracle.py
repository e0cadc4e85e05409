"""What a legacy folder holds and what a ledger says it holds, each read in plain Python without the product's help.

A cell is canonical: its storage class and its exact bytes. So 1 is not 1.0, -0.0 is not 0.0, and text that is not UTF-8 is
what it is.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sqlite3
import struct
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw

Cell = tuple[str, bytes]
Row = frozenset[tuple[str, Cell]]  # column name and cell
Content = dict[tuple[str, str], Counter[Row]]  # by file and table; a table without rows is left out
Event = tuple[str, int, str, str, str | None]  # stream, version, topic, state, source

_EVENTS = "SELECT originator_id, originator_version, topic, state, source FROM stored_events ORDER BY rowid"
_CHAINED = (
    "SELECT rowid, originator_id, originator_version, topic, recorded_at, state, source, hash "
    "FROM stored_events ORDER BY rowid"
)


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def legacy_rows(folder: Path) -> Content:
    """All rows of all tables of a folder's databases, by file and table."""
    found: Content = {}
    for path in sorted(folder.rglob("*.db")):
        with closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)) as db:
            tables = db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0").fetchall()
            for (table,) in tables:
                rows = Counter(_rows_of(db, str(table)))
                if rows:
                    found[path.relative_to(folder).as_posix(), str(table)] = rows
    return found


def _rows_of(db: apsw.Connection, table: str) -> Iterator[Row]:
    names = [str(row[0]) for row in db.execute("SELECT name FROM pragma_table_xinfo(?) ORDER BY cid", (table,))]
    # Text is fetched as bytes, since it need not be UTF-8; the storage class stands beside it.
    cells = [
        f"typeof({quoted(n)}), iif(typeof({quoted(n)}) = 'text', CAST({quoted(n)} AS BLOB), {quoted(n)})" for n in names
    ]
    encoding = str(db.pragma("encoding"))
    for row in db.execute(f"SELECT {', '.join(cells)} FROM {quoted(table)}"):
        pairs = zip(row[::2], row[1::2], strict=True)
        held = [(str(kind), _in_utf8(value, encoding) if kind == "text" else _bytes(value)) for kind, value in pairs]
        yield frozenset(zip(names, held, strict=True))


def _in_utf8(text: Any, encoding: str) -> bytes:  # the bytes of a TEXT
    """The text in UTF-8; bytes that are no text in the file's own encoding stay as they are."""
    try:
        return bytes(text.decode(encoding).encode())
    except UnicodeDecodeError:
        return bytes(text)


def _bytes(value: Any) -> bytes:  # a cell of any class
    if isinstance(value, bytes):
        return value
    return struct.pack(">d", value) if isinstance(value, float) else str(value).encode() if value is not None else b""


def _of_json(value: Any) -> Cell:  # the JSON of one cell
    if isinstance(value, dict):
        ((kind, content),) = value.items()
        if kind == "real":
            return "real", struct.pack(">d", float(content))
        return kind, base64.b64decode(content)
    kinds = {type(None): "null", int: "integer", float: "real", str: "text"}
    return kinds[type(value)], _bytes(value)


def stored(home: Path) -> list[Event]:
    """Every event of a ledger without its place in time, in log order."""
    return _asked(home, _EVENTS)


def _asked(home: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(f"file:{home / 'ledger.db'}?mode=ro", uri=True)) as db:
        return db.execute(query).fetchall()


def recorded_rows(home: Path) -> Content:
    """The legacy rows that the log holds: of each stream and table, and of each key of a series, the newest one."""
    newest: dict[tuple[str, str], dict[str, Row]] = defaultdict(dict)
    for stream, _, _, state, text in stored(home):
        if text is None:
            continue
        source = json.loads(text)
        rows = newest[source["file"], source["table"]]
        if source.get("vanished"):
            del rows[stream]
        elif "row" in source:
            rows[stream] = frozenset((name, _of_json(cell)) for name, cell in source["row"].items())
        else:
            rows |= {f"{stream} {key}": row for key, row in _of_block(json.loads(state), source)}
    return {place: Counter(rows.values()) for place, rows in newest.items() if rows}


def _of_block(event: Mapping[str, Any], source: Mapping[str, Any]) -> Iterator[tuple[str, Row]]:
    extra = source.get("extra", {})
    fields = source.get("fields", {})
    columns = {name: extra.get(name, event.get(fields.get(name, name))) for name in source["columns"]}
    for index, key in enumerate(event["date" if "date" in event else "year_month"]):
        cells = {name: held[index] if isinstance(held, list) else held for name, held in columns.items()}
        yield key, frozenset((name, _of_json(cell)) for name, cell in cells.items())


def chain_holds(home: Path) -> bool:
    """Whether positions have no gap and every hash follows from the one before, computed as the design says."""
    before = bytes(32)
    for place, (position, *fields, kept) in enumerate(_asked(home, _CHAINED), start=1):
        before = hashlib.sha256(before + b"".join(map(_frame, (position, *fields)))).digest()
        if position != place or before != kept:
            return False
    return True


def _frame(value: str | int | None) -> bytes:
    if value is None:
        return b"-,"
    content = str(value).encode()
    return b"%d:%b," % (len(content), content)


def listing(folder: Path) -> dict[str, str]:
    """Every file and folder below a folder, and the hash of what a file holds."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        if path.is_file()
        else "folder"
        for path in sorted(folder.rglob("*"))
    }
