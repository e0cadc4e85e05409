"""Comparing: every value that is not what the log says is found and named, and damage is a finding, not a crash."""

from __future__ import annotations

import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import apsw
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.prices import DailyPricesRecorded, ExchangeRateQuoted
from ledger.log import Log
from projections import catalog
from projections.comparing import Difference, differences, table_digests
from projections.engine import catch_up
from projections.profiles import open_building
from projections.rebuilding import rebuild
from projections.verifying import verify_model
from tests.projections.logs import log_of
from tests.searching import examples

HISTORY = catalog.find("history")
DAYS = [f"2025-{number // 28 + 1:02}-{number % 28 + 1:02}" for number in range(150)]
BARS = DailyPricesRecorded(
    symbol="ÄIR.EU", count=150, occurred_at=DAYS[0], date=DAYS, close_price=[number / 7 for number in range(150)],
    volume=list(range(150)), source="yahoo", created_at="2025-01-01T00:00:00",
)  # fmt: skip
RATE = ExchangeRateQuoted(
    from_currency="USD", to_currency="EUR", rate=Decimal("1.05"), occurred_at="2025-01-01T00:00:00.000000Z"
)
LOG: Log = log_of(BARS, RATE)
SCHEMA = "CREATE TABLE t (k TEXT PRIMARY KEY, v ANY) STRICT"


def file_with(path: Path, rows: list[tuple[Any, Any]], schema: str = SCHEMA) -> Path:
    db = open_building(path, "standard")
    db.execute(schema)
    db.executemany("INSERT INTO t VALUES (?, ?)", rows)
    db.close()
    return path


def spoil(path: Path, statement: str, values: tuple[Any, ...] = ()) -> None:
    db = apsw.Connection(str(path))
    db.execute(statement, values)
    db.close()


@pytest.mark.parametrize(
    ("one", "other"), [(1, 1.0), (0.0, -0.0), ("1", 1), ("a", b"a"), (None, ""), (0.1, 0.1 + 2**-56), ("a", "a\0")]
)
def test_values_that_only_look_alike_differ(one: Any, other: Any, tmp_path: Path) -> None:
    left, right = file_with(tmp_path / "l.db", [("k", one)]), file_with(tmp_path / "r.db", [("k", other)])
    assert table_digests(left) != table_digests(right)
    (found,) = differences(left, right, "t", 10)
    assert (found.key, found.column) == (("k",), "v")
    assert repr((found.expected, found.found)) == repr((one, other))


def test_the_digest_does_not_depend_on_the_order_in_which_rows_were_written(tmp_path: Path) -> None:
    rows = [(str(number), number) for number in range(3_000)]
    left, right = file_with(tmp_path / "l.db", rows), file_with(tmp_path / "r.db", rows[::-1])
    assert table_digests(left) == table_digests(right)
    assert table_digests(left)["t"][0] == 3_000
    assert differences(left, right, "t", 10) == []


@given(data=st.data())
@settings(max_examples=examples(25), deadline=None)
def test_missing_extra_and_changed_rows_are_named(data: st.DataObject) -> None:
    keys = st.sampled_from([f"{number:04}" for number in range(2_500)])
    expected = {f"{number:04}": number for number in range(0, 2_500, 2)}
    found = dict(expected)
    for key, value in data.draw(st.lists(st.tuples(keys, st.none() | st.integers(-3, -1)), max_size=6)):
        if value is None:
            found.pop(key, None)
        else:
            found[key] = value
    with tempfile.TemporaryDirectory() as folder:
        left = file_with(Path(folder) / "l.db", list(expected.items()))
        right = file_with(Path(folder) / "r.db", list(found.items()))
        result = {(one.key[0], one.column) for one in differences(left, right, "t", 100)}
    wanted = {(key, None) for key in expected.keys() ^ found.keys()}
    wanted |= {(key, "v") for key in expected.keys() & found.keys() if expected[key] != found[key]}
    assert result == wanted


def test_more_differences_than_the_limit_are_cut_off(tmp_path: Path) -> None:
    left = file_with(tmp_path / "l.db", [(str(number), number) for number in range(5_000)])
    right = file_with(tmp_path / "r.db", [])
    assert len(differences(left, right, "t", 7)) == 7


def test_text_that_is_not_utf_8_is_a_difference(tmp_path: Path) -> None:
    left, right = file_with(tmp_path / "l.db", [("k", "aé")]), file_with(tmp_path / "r.db", [("k", "aé")])
    spoil(right, "UPDATE t SET v = CAST(x'61ff' AS TEXT)")
    assert differences(left, right, "t", 10) == [Difference("t", ("k",), "v", "aé", "a\\xff")]
    assert table_digests(left) != table_digests(right)


def test_a_table_that_is_missing_or_has_other_columns_is_a_difference(tmp_path: Path) -> None:
    left = file_with(tmp_path / "l.db", [("k", 1)])
    right = file_with(tmp_path / "r.db", [("k", 1)], "CREATE TABLE t (k TEXT PRIMARY KEY, w ANY) STRICT")
    assert "columns" in str(differences(left, right, "t", 10)[0])
    spoil(right, "DROP TABLE t")
    assert len(differences(left, right, "t", 10)) == 1


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("pristine") / "history.db"
    catch_up(HISTORY, LOG, path)
    return path.read_bytes()


CELLS = st.tuples(
    st.sampled_from(["open_price", "close_price", "volume", "source", "created_at"]),
    st.integers(0, len(DAYS) - 1),
    st.one_of(st.none(), st.floats(allow_nan=False), st.integers(-(2**63), 2**63 - 1), st.text(max_size=3)),
)


@given(cell=CELLS)
@settings(
    max_examples=examples(25),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_any_changed_value_is_found_and_named(pristine: bytes, cell: tuple[str, int, Any]) -> None:
    column, place, value = cell
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "history.db"
        path.write_bytes(pristine)
        db = apsw.Connection(str(path))
        read = f"SELECT {column}, typeof({column}) FROM daily_prices WHERE date = ?"
        before = db.execute(read, (DAYS[place],)).fetchall()
        try:
            db.execute(f"UPDATE daily_prices SET {column} = ? WHERE date = ?", (value, DAYS[place]))
        except apsw.ConstraintError:
            return  # a STRICT table does not take it
        after = db.execute(read, (DAYS[place],)).fetchall()
        db.close()
        verdict = verify_model(HISTORY, LOG, Path(folder))
        named = [(found.table, found.key, found.column) for found in verdict.differences]
        changed = repr(before) != repr(after)
        assert named == [("daily_prices", ("ÄIR.EU", DAYS[place]), column)] * changed


@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
@settings(
    max_examples=examples(40),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_any_flipped_bit_is_harmless_or_found_and_never_a_crash(pristine: bytes, place: float, bit: int) -> None:
    spoiled = bytearray(pristine)
    spoiled[int(place * len(spoiled))] ^= 1 << bit
    with tempfile.TemporaryDirectory() as folder:
        path, whole = Path(folder) / "history.db", Path(folder) / "whole.db"
        path.write_bytes(spoiled)
        whole.write_bytes(pristine)
        verdict = verify_model(HISTORY, LOG, Path(folder))
        if verdict.is_proven:
            assert table_digests(path) == table_digests(whole)
        rebuild(HISTORY, LOG, Path(folder))
        assert verify_model(HISTORY, LOG, Path(folder)).is_proven
