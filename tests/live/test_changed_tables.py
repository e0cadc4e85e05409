"""Which tables of a file changed is told by its pages: all that did, and no other."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replay.changes import compare_tables


def five_tables(path: Path, page_size: int) -> None:
    with closing(apsw.Connection(str(path))) as db:
        db.execute(f"PRAGMA page_size = {page_size}").fetchall()
        with db:
            for table in "abcde":
                how = "WITHOUT ROWID" if table == "e" else ""
                db.execute(f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, text) {how}")
                rows = [(number, f"{table}{number}" * (800 if number == 7 else 1)) for number in range(300)]
                db.executemany(f"INSERT INTO {table} VALUES (?, ?)", rows)


@pytest.mark.parametrize("page_size", [512, 4096])
def test_pages_tell_which_tables_changed_and_no_other(tmp_path: Path, page_size: int) -> None:
    five_tables(tmp_path / "old.db", page_size)

    @given(changes=st.lists(st.tuples(st.sampled_from("abcde"), st.integers(0, 400)), max_size=4))
    @settings(max_examples=15)
    def compared(changes: list[tuple[str, int]]) -> None:
        shutil.copy(tmp_path / "old.db", tmp_path / "new.db")
        with closing(apsw.Connection(str(tmp_path / "new.db"))) as db, db:
            for table, number in changes:
                db.execute(f"INSERT OR REPLACE INTO {table} VALUES (?, 'changed')", (number,))
        found = compare_tables(tmp_path / "old.db", tmp_path / "new.db")
        touched = {table for table, _ in changes}
        assert found.others == touched
        assert found.same == set("abcde") - touched

    compared()
