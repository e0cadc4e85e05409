"""Any legacy content becomes events, and the events give it back: every value, every storage class, every row."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

import pytest
from hypothesis import given, settings

from operations.replaying import replay
from tests.replay.folders import BrokenText, Table, folders, write
from tests.replay.oracle import chain_holds, legacy_rows, listing, recorded_rows, stored
from tests.searching import examples


@contextmanager
def places() -> Iterator[tuple[Path, Path]]:
    """A legacy folder and a home, for one example."""
    place = Path(mkdtemp())
    try:
        yield place / "legacy", place / "home"
    finally:
        shutil.rmtree(place)


@settings(max_examples=examples(25))
@given(tables=folders())
def test_whatever_a_legacy_folder_holds_the_log_alone_gives_it_back(tables: list[Table]) -> None:
    with places() as (legacy, home):
        write(legacy, tables)
        report = replay(legacy, home, catch_up=False)
        assert report.failed == {}
        assert recorded_rows(home) == legacy_rows(legacy)
        assert report.mismatches == []
        assert report.proven
        assert report.sums_hold
        assert report.rows == sum(rows.total() for rows in legacy_rows(legacy).values())
        assert chain_holds(home)


HIDDEN_ROW_NUMBERS = Table(
    "config.db", "own", "CREATE TABLE own (rowid, _rowid_, oid, PRIMARY KEY (rowid))", ("rowid", "_rowid_", "oid"),
    [(1, 2, 3), (None, 2, 3), (None, 2, 3)],
)  # fmt: skip
UTF_16 = Table(
    "config.db", "own", "PRAGMA encoding = 'UTF-16le'; CREATE TABLE own (a TEXT)", ("a",),
    [("é\x00x",), ("😀",), (BrokenText(b"\xd8\x00"),), (BrokenText(b"\x00\xd8\x00\x00"),), (BrokenText(b"abc"),)],
)  # fmt: skip
TWO_ZEROS = Table(
    "history/AAPL_US.db", "daily_prices", "CREATE TABLE daily_prices (date PRIMARY KEY, open_price, close_price, volume)",
    ("date", "open_price", "close_price", "volume"), [("2025-01-02", 0.0, 1.0, 0), ("2025-01-03", -0.0, 1, 0.0)],
)  # fmt: skip
PINNED = {"hidden row numbers": HIDDEN_ROW_NUMBERS, "UTF-16": UTF_16, "two zeros": TWO_ZEROS}


@pytest.mark.parametrize("table", PINNED.values(), ids=PINNED)
def test_what_is_hard_to_find_by_chance_is_given_back(tmp_path: Path, table: Table) -> None:
    write(tmp_path / "legacy", [table])
    assert replay(tmp_path / "legacy", tmp_path / "home", catch_up=False).proven
    assert recorded_rows(tmp_path / "home") == legacy_rows(tmp_path / "legacy")


@settings(max_examples=examples(12))
@given(tables=folders())
def test_a_second_replay_appends_nothing_and_the_legacy_folder_stays_as_it_was(tables: list[Table]) -> None:
    with places() as (legacy, home):
        write(legacy, tables)
        before = listing(legacy)
        replay(legacy, home, catch_up=False)
        events = stored(home)
        again = replay(legacy, home, catch_up=False)
        assert again.events_appended == 0
        assert stored(home) == events
        assert again.proven
        assert listing(legacy) == before


@settings(max_examples=examples(8))
@given(tables=folders(wild=False))
def test_what_the_legacy_program_writes_is_shown_by_the_read_models(tables: list[Table]) -> None:
    with places() as (legacy, home):
        write(legacy, tables)
        report = replay(legacy, home)
        assert report.mismatches == []
        assert report.models_compared
        assert report.proven
        assert not any(table.kept for table in report.tables if not table.table.startswith("sqlite_"))
