"""What is known of the files of a partitioned read model, when the table that says it was left half made or is damaged."""

from __future__ import annotations

import shutil
from pathlib import Path

import apsw
import pytest

from domain.errors import StoreError
from projections.places import FILE, known_places, was_made, writing


def cut_while_being_made(folder: Path) -> Path:
    """A folder in which the power went while the table was being made: pages were written, and the journal is not removed."""
    begun, left = folder / "begun", folder / "left"
    begun.mkdir()
    left.mkdir()
    db = apsw.Connection(str(begun / FILE))
    db.execute("CREATE TABLE first (x)")
    db.execute("BEGIN; CREATE TABLE second (x)")
    db.execute("INSERT INTO second VALUES (zeroblob(100000))")
    db.cache_flush()
    for path in (begun / FILE, begun / f"{FILE}-journal"):
        shutil.copyfile(path, left / path.name)
    db.execute("ROLLBACK")
    db.close()
    return left


def test_a_table_that_a_power_cut_left_half_made_knows_nothing_and_the_next_writer_ends_it(tmp_path: Path) -> None:
    left = cut_while_being_made(tmp_path)
    with pytest.raises(apsw.ReadOnlyError):  # whoever may only read cannot undo what was begun
        apsw.Connection(str(left / FILE), flags=apsw.SQLITE_OPEN_READONLY).execute("SELECT name FROM sqlite_schema")
    assert was_made(left, "nse/ticks/2026-11-20.duckdb") is False
    assert known_places(left) == {}
    with writing(left, "2.0.0") as places:
        assert places.all() == {}
    assert known_places(left) == {}


def test_a_damaged_table_is_named_to_whoever_asks_for_one_file(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"damaged" * 99)
    assert known_places(tmp_path) == {}
    with pytest.raises(StoreError, match=r"files\.db is damaged"):
        was_made(tmp_path, "nse/ticks/2026-11-20.duckdb")
