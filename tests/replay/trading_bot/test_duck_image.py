"""The reading image of a DuckDB file: every value in the form that is said, and nothing in it that the file has not."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, date, datetime, time, timedelta, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import apsw
import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import SourceError
from replay import duck_image
from replay.duck_image import make_image
from replay.reading import open_frozen, quote, statements, tables

ZONES = st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30)), timezone(timedelta(hours=-11))])


class Typed(NamedTuple):
    """A DuckDB type, values of it, and the cell that a value must be: worked out here in Python alone."""

    declared: str
    values: st.SearchStrategy[Any]
    cell: Callable[[Any], Any]


def as_is(value: Any) -> Any:
    return value


def large(value: int) -> int | str:
    return value if -(2**63) <= value < 2**63 else str(value)


def real(value: float) -> float | str:
    return "nan" if math.isnan(value) else value


def single(value: float) -> float | str:
    return real(struct.unpack("f", struct.pack("f", value))[0])


def stamp(value: datetime) -> str:
    text = value.strftime("%Y-%m-%d %H:%M:%S").zfill(19)
    return text + (f".{value.microsecond:06}" if value.microsecond else "")


def zoned(value: datetime) -> str:
    return stamp(value.astimezone(UTC)) + "+00:00"


def short_time(value: time) -> str:
    return value.strftime("%H:%M:%S") + (f".{value.microsecond:06}".rstrip("0") if value.microsecond else "")


def integers(bits: int, *, signed: bool = True) -> st.SearchStrategy[int]:
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    return st.integers(low, high) | st.sampled_from([low, high])


moments = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29)) | st.datetimes(datetime(1900, 1, 1)).map(  # noqa: DTZ001
    lambda value: value.replace(microsecond=0)
)
text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
TYPES = [
    Typed("TINYINT", integers(8), as_is),
    Typed("UINTEGER", integers(32, signed=False), as_is),
    Typed("BIGINT", integers(64), as_is),
    Typed("UBIGINT", integers(64, signed=False), large),
    Typed("HUGEINT", integers(127), large),
    Typed("DECIMAL(18,3)", st.decimals(-(10**14), 10**14, places=3), lambda value: f"{value:.3f}"),
    Typed("DOUBLE", st.floats(), real),
    Typed("FLOAT", st.floats(width=32), single),
    Typed("BOOLEAN", st.booleans(), int),
    Typed("VARCHAR", text, as_is),
    Typed("ENUM('1e5', 'b')", st.sampled_from(["1e5", "b"]), as_is),
    Typed("UUID", st.uuids(), str),
    Typed("BLOB", st.binary(), as_is),
    Typed("TIMESTAMP", moments, stamp),
    Typed("TIMESTAMP WITH TIME ZONE", st.builds(lambda at, of: at.replace(tzinfo=of), moments, ZONES), zoned),
    Typed("DATE", st.dates(), date.isoformat),
    Typed("TIME", st.times(), short_time),
]


def made(folder: Path, *sql: str) -> Path:
    path = folder / "some.duckdb"
    with closing(duckdb.connect(str(path))) as db:
        for statement in sql:
            db.execute(statement)
    return path


def image_of(path: Path) -> apsw.Connection:
    image = path.with_name("some.image")
    make_image(path, image)
    return open_frozen(image)


def rows(db: apsw.Connection, table: str) -> list[tuple[Any, ...]]:
    return list(db.execute(f"SELECT * FROM {quote(table)} ORDER BY rowid"))


def exactly(row: tuple[Any, ...]) -> list[tuple[type, str]]:
    return [(type(cell), repr(cell)) for cell in row]


@settings(max_examples=5)
@given(st.lists(st.tuples(*(st.none() | typed.values for typed in TYPES)), max_size=4))
def test_every_value_has_the_form_that_is_said(found: list[tuple[Any, ...]]) -> None:
    columns = ", ".join(f"c{number} {typed.declared}" for number, typed in enumerate(TYPES))
    with TemporaryDirectory() as folder:
        path = made(Path(folder), f"CREATE TABLE t ({columns})")
        with closing(duckdb.connect(str(path))) as db:
            db.execute("SET TimeZone = 'Asia/Kolkata'")
            for row in found:
                db.execute(f"INSERT INTO t VALUES ({', '.join('?' * len(row))})", list(row))
        with closing(image_of(path)) as image:
            copied = rows(image, "t")
            (table,) = tables(image)
    assert table.types == tuple(typed.declared for typed in TYPES)
    expected = [
        tuple(None if value is None else typed.cell(value) for typed, value in zip(TYPES, row, strict=True))
        for row in found
    ]
    assert list(map(exactly, copied)) == list(map(exactly, expected))


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("'infinity'::TIMESTAMP", "infinity"),
        ("'-infinity'::TIMESTAMPTZ", "-infinity"),
        ("'infinity'::DATE", "infinity"),
        ("TIMESTAMP '20000-01-01'", "20000-01-01 00:00:00"),
        ("'2024-01-01 09:15:00.123456789'::TIMESTAMP_NS", "2024-01-01 09:15:00.123456789"),
        ("'2024-01-01 09:15:00'::TIMESTAMP_S", "2024-01-01 09:15:00"),
        ("'-0.0'::DOUBLE", -0.0),
        ("9223372036854775807", 2**63 - 1),
        ("[1, NULL, 3]", "[1,null,3]"),
        ("{'a': 1, 'b': ['x']}", '{"a":1,"b":["x"]}'),
        ("MAP {'k': 1.5::DOUBLE}", '{"k":1.5}'),
        ("""'{"b": 1, "a":  2}'::JSON""", '{"b": 1, "a":  2}'),
        ("'5'::JSON", "5"),
        ("INTERVAL '1 month 3 seconds'", "1 month 00:00:03"),
        ("NULL::INTEGER", None),
    ],
)
def test_a_value_that_is_no_everyday_one_has_its_form_too(value: str, cell: object, tmp_path: Path) -> None:
    with closing(image_of(made(tmp_path, f"CREATE TABLE t AS SELECT {value} AS v"))) as image:
        ((found,),) = rows(image, "t")
    assert exactly((found,)) == exactly((cell,))


def test_what_is_no_table_of_the_main_schema_is_named_and_not_in_the_image(tmp_path: Path) -> None:
    path = made(
        tmp_path, 'CREATE TABLE "odd ""name" (a INT PRIMARY KEY, b INT GENERATED ALWAYS AS (a + 1), UNIQUE (a))',
        'INSERT INTO "odd ""name" (a) VALUES (2), (1)', "CREATE TABLE empty (x INT)", "CREATE VIEW v AS SELECT 1 AS one",
        "CREATE SCHEMA other", "CREATE TABLE other.t (a INT)", "CREATE SEQUENCE s", "CREATE INDEX i ON empty (x)",
    )  # fmt: skip
    with closing(image_of(path)) as image:
        found = {table.name: table for table in tables(image)}
        assert {*found} == {'odd "name', "empty"}
        assert (found['odd "name'].columns, found['odd "name'].key) == (("a", "b"), ("a",))
        assert rows(image, 'odd "name') == [(2, 3), (1, 2)]
        assert rows(image, "empty") == []
        named = [name for (name,) in image.execute("SELECT name FROM daybook_image WHERE kind = 'left out'")]
        said = statements(image)
    assert named == ["index main.i", "sequence main.s", "table other.t", "view main.v"]
    with closing(duckdb.connect()) as again:
        for statement in sorted(said, key=lambda one: not one.startswith("CREATE SCHEMA")):
            if "other" not in statement:
                again.execute(statement)  # the original's own words, which make the same again


def test_rows_that_were_never_checkpointed_are_in_the_image(tmp_path: Path) -> None:
    copy = tmp_path / "copy.duckdb"
    with closing(duckdb.connect(str(tmp_path / "live.duckdb"))) as db:
        db.execute("CREATE TABLE t (a INT); CHECKPOINT; INSERT INTO t VALUES (1)")
        wal = tmp_path / "live.duckdb.wal"
        assert wal.stat().st_size
        # What a killed writer leaves: the copies are made while it still has not written back.
        copy.write_bytes((tmp_path / "live.duckdb").read_bytes())
        (tmp_path / "copy.duckdb.wal").write_bytes(wal.read_bytes())
    target = tmp_path / "frozen.duckdb"
    duck_image.copy_duckdb(copy, target, 0)
    assert not target.with_name("frozen.duckdb.wal").exists()
    assert (tmp_path / "copy.duckdb.wal").exists()
    with closing(image_of(target)) as image:
        assert rows(image, "t") == [(1,)]


@pytest.mark.parametrize("planted", ["UPDATE t SET a = 7 WHERE rowid = 2", "DELETE FROM t WHERE rowid = 3",
                                     "INSERT INTO t VALUES (4, 0.5)", "UPDATE t SET b = 0.0 WHERE b = 0"])  # fmt: skip
def test_an_image_that_is_not_what_the_file_holds_is_refused(
    planted: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = made(tmp_path, "CREATE TABLE t (a INT, b DOUBLE)", "INSERT INTO t VALUES (1, '-0.0'), (2, 'nan'), (3, 1.5)")
    fill = duck_image._fill

    def faulty(db: Any, target: apsw.Connection, table: Any, *, with_rows: bool) -> None:
        fill(db, target, table, with_rows=with_rows)
        target.execute(planted)

    monkeypatch.setattr(duck_image, "_fill", faulty)
    with pytest.raises(SourceError, match=r"reading image is not what it holds: row [1-4] of t"):
        image_of(path)
