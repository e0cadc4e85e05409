"""Legacy folders with anything in them: drawn by Hypothesis, written with apsw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import apsw
from hypothesis import strategies as st

from migrations import script
from tests.replay.oracle import quoted

SCHEMAS = {
    "config.db": "config_v12",
    "ledger.db": "ledger_v4",
    "state.db": "state_v4",
    "calculations.db": "calculations_v3",
    "snapshots.db": "snapshots_v2",
    "dividends.db": "dividends_v2",
    "satellites.db": "satellites_v1",
    "planner.db": "planner_v0",
    "recommendations.db": "recommendations_v2",
    "rates.db": "rates_v1",
    "cache.db": "cache_v2",
    "history/AAPL_US.db": "history_v1",
    "history/US0378331005.db": "history_v1",
}
KEYS = {
    "trades": "order_id", "cash_flows": "transaction_id", "dividend_history": "cash_flow_id", "settings": "key",
    "daily_prices": "date", "monthly_prices": "year_month", "buckets": "id", "calculated_metrics": "metric",
}  # fmt: skip


class BrokenText(NamedTuple):
    """TEXT whose bytes are not UTF-8."""

    content: bytes


class Table(NamedTuple):
    """A table to be written: its CREATE statement, its columns, and rows of cells."""

    file: str
    name: str
    create: str
    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]


# Things that look like what Daybook makes of keys, dates that do not exist, and what other cells are compared with.
LOOKALIKES = (
    "", "1", "a", "A", "a~2", "int-1", "float-1.0", "str-a", "~2", ":", "%3A", "\x00", "0.1", "inf", "NaN", "EUR", "BUY",
    "sell ",     "2025-02-30", "2025-W01-1", "20250102", "2025-01", "2025-13", "2025-01-02T10:00:00.123456789+02:00",
    "0001-01-01T00:00:00",
    '{"blob": "AA=="}', "min_stock_score", "__EMPTY__",
)  # fmt: skip
INTEGERS = st.sampled_from((0, 1, 2, -1, 2**53 + 1, 2**63 - 1, -(2**63))) | st.integers(-(2**63), 2**63 - 1)
REALS = st.sampled_from((0.0, -0.0, 0.1, 1.0, float("inf"), float("-inf"), float("nan"), 1e308, 5e-324)) | st.floats()
BROKEN = st.builds(BrokenText, st.sampled_from((b"\xff", b"a\xc3", b"\xed\xa0\x80", b"\xc0\x80", b"2025-01-0\xff")))
ANYTHING = st.one_of(
    st.none(), INTEGERS, REALS, st.sampled_from(LOOKALIKES), st.text(max_size=5), st.binary(max_size=5), BROKEN
)
# Keys that are told apart only by their class, or by what Daybook appends to the key of a twin.
CLASHES = st.sampled_from((None, 1, "1", 1.5, "int-1", "float-1.5", b"1", "a", "A", "a~2", "a:~2", "row-1"))
STAMPS = st.sampled_from(
    ("2025-03-30T03:30:00", "2025-12-24T15:22:47.222516", "2025-12-28 16:47:00", "2026-01-03T20:07:00Z", "2025-01-02")
)
_NAMES = st.sampled_from(("a", "b", "A.US", "AAPL.US", "x:y", "core", "EUR", "USD"))
_DAYS = st.integers(1, 28).map(lambda day: f"2025-01-{day:02}")
_MONTHS = st.integers(1, 12).map(lambda month: f"2025-{month:02}")
WEIRD_NAMES = (
    "rowid",
    "_rowid_",
    "oid",
    'a "b"',
    "",
    " ",
    "select",
    "é\n",
    "[x]",
    "first",
    "vanished",
    "assumed",
    "copy",
    "x'",
)


@cache
def made(schema: str) -> tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...]:
    """The tables of a legacy schema: name, CREATE statement, columns with their declared types."""
    with closing(apsw.Connection(":memory:")) as db:
        folder, _, name = schema.rpartition("/")
        db.execute(script("legacy", folder or "arduino_trader", f"{name}.sql"))
        listed = db.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND sql IS NOT NULL").fetchall()
        query = "SELECT name, type FROM pragma_table_info(?) ORDER BY cid"
        found = [(str(name), str(sql), tuple(db.execute(query, (name,)))) for name, sql in listed]
    return tuple(one for one in found if not one[0].startswith("sqlite_"))


def plausible(column: str, kind: str) -> st.SearchStrategy[Any]:
    """Values that the legacy program could have written into a column."""
    if column.endswith("date"):
        return _DAYS
    if column == "year_month":
        return _MONTHS
    if column == "side":
        return st.sampled_from(("BUY", "SELL"))
    if column.endswith(("_at", "updated", "_synced", "_start", "_end", "timestamp", "_ts")):
        return STAMPS
    return {"REAL": st.floats(0, 1e6) | st.sampled_from((0.0, -0.0, 1.0)), "INTEGER": st.integers(0, 5)}.get(
        kind, _NAMES
    )


def typed_rows(columns: Sequence[tuple[str, str]], *, wild: bool) -> st.SearchStrategy[list[tuple[Any, ...]]]:
    """Some rows that are what they should be; with `wild`, any cell of some rows may hold anything."""
    sane = st.tuples(*(plausible(*column) for column in columns))
    if not wild:
        return st.lists(sane, min_size=1, max_size=6)
    changes = st.dictionaries(st.integers(0, len(columns) - 1), ANYTHING, max_size=3)
    changed = st.builds(lambda row, new: tuple(new.get(at, cell) for at, cell in enumerate(row)), sane, changes)
    return st.lists(sane | changed | wild_rows(len(columns)), max_size=6)


def wild_rows(width: int) -> st.SearchStrategy[tuple[Any, ...]]:
    """Rows of anything, and rows that look alike."""
    return st.tuples(*[ANYTHING] * width) | st.tuples(*[CLASHES] * width)


@st.composite
def known_tables(draw: st.DrawFn, files: Mapping[str, str] = SCHEMAS, *, wild: bool = True) -> Table:
    """A table that Daybook has a mapping for; with `wild`, perhaps without types or keys, with columns more or less."""
    file = draw(st.sampled_from(sorted(files)))
    named = [table for table in made(files[file]) if table[0] != "schema_version" or file == "config.db"]
    name, create, columns = draw(st.sampled_from(named))
    if wild and draw(st.booleans()):
        gone = (
            draw(st.sets(st.sampled_from(columns), max_size=min(2, len(columns) - 1))) if draw(st.booleans()) else set()
        )
        more = draw(st.lists(st.sampled_from(WEIRD_NAMES), unique=True, max_size=3))
        there = [*(column for column in columns if column not in gone), *((name, "BLOB") for name in more)]
        columns = tuple(draw(st.permutations(there)))
        create = _loose(draw, name, [column for column, _ in columns])
    return Table(file, name, create, tuple(c for c, _ in columns), draw(typed_rows(columns, wild=wild)))


@st.composite
def unknown_tables(draw: st.DrawFn) -> Table:
    """A table that nobody has heard of, with any name, columns, key and values."""
    file = draw(st.sampled_from(("config.db", "history/AAPL_US.db", "trader.db", "notes.db")))
    name = draw(st.sampled_from(("own", "t:%", "weird \"t'\n", "securities2", "seen")))
    columns = draw(st.lists(st.sampled_from((*WEIRD_NAMES, "n", "m")), min_size=1, max_size=5, unique=True))
    rows = draw(st.lists(wild_rows(len(columns)), max_size=6))
    return Table(file, name, _loose(draw, name, columns), tuple(columns), rows)


def _loose(draw: st.DrawFn, name: str, columns: Sequence[str]) -> str:
    """A CREATE statement without types: any value stays as it is. The key may be missing, and so may the rowid."""
    listed = ", ".join(map(quoted, columns))
    keyed = draw(st.sampled_from(("", "", "PRIMARY KEY", "UNIQUE")))
    usual = KEYS.get(name, "")
    key = [usual] if usual in columns else draw(st.permutations(columns))[: draw(st.integers(1, 2))]
    constraint = f", {keyed} ({', '.join(map(quoted, key))})" if keyed else ""
    without = " WITHOUT ROWID" if keyed == "PRIMARY KEY" and draw(st.booleans()) else ""
    return f"CREATE TABLE {quoted(name)} ({listed}{constraint}){without}"


@st.composite
def folders(draw: st.DrawFn, *, wild: bool = True) -> list[Table]:
    """The tables of one legacy folder, each name once per file."""
    sane = known_tables(wild=False)
    tables = sane | known_tables() | unknown_tables() if wild else sane
    return draw(st.lists(tables, min_size=1, max_size=4, unique_by=lambda table: (table.file, table.name.lower())))


def write(folder: Path, tables: Sequence[Table]) -> None:
    """Write the tables into their files; rows that their table refuses are left out."""
    folder.mkdir(exist_ok=True)
    (folder / "config.db").touch()  # so that the folder is always recognised
    for table in tables:
        path = folder / table.file
        path.parent.mkdir(exist_ok=True)
        with closing(apsw.Connection(str(path))) as db:
            db.pragma("synchronous", "OFF")
            with db:
                db.execute(table.create)
                insert(db, table.name, table.columns, table.rows)


def insert(db: apsw.Connection, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Insert rows of any values; those that their table refuses are left out."""
    names = ", ".join(map(quoted, columns))
    for row in rows:
        marks = ", ".join("CAST(? AS TEXT)" if isinstance(cell, BrokenText) else "?" for cell in row)
        cells = [cell.content if isinstance(cell, BrokenText) else cell for cell in row]
        with suppress(apsw.ConstraintError, apsw.MismatchError):
            db.execute(f"INSERT INTO {quoted(table)} ({names}) VALUES ({marks})", cells)
