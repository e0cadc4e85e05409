"""A legacy program that goes on while its folder is read: its files come and go between two looks at them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from replay import copying, freezing, sources
from replay.freezing import freeze
from replay.sources import Found, Use, look
from tests.meanwhile import meanwhile
from tests.replay.test_bad_sources import held

ROWS = [(1,), (2,)]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A legacy file in a folder of its own."""
    path = tmp_path / "legacy" / "a.db"
    path.parent.mkdir()
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("CREATE TABLE t (id)")
        db.executemany("INSERT INTO t VALUES (?)", ROWS)
    return path


def names(path: Path) -> list[str]:
    return sorted(one.name for one in path.parent.iterdir())


def frozen_rows(path: Path, into: Path) -> list[Any]:
    frozen, failed = freeze([Found(path.name, path, Use.READ)], into)
    assert failed == []
    with closing(sqlite3.connect(frozen[0].path)) as db:
        return db.execute("SELECT id FROM t").fetchall()


@pytest.mark.parametrize("call", [1, 2, 3])
def test_a_journal_that_is_gone_when_it_is_looked_at_is_a_change_and_no_fault(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    journal = source.with_name("a.db-journal")
    journal.touch()
    calls: list[list[Path]] = []

    def listed(path: Path) -> list[Path]:
        calls.append(sidecars(path))
        if len(calls) == call:
            journal.unlink()
        return calls[-1]

    sidecars = copying.sidecars
    monkeypatch.setattr(copying, "sidecars", listed)
    assert frozen_rows(source, tmp_path / "frozen") == ROWS


def test_an_index_of_a_wal_that_is_gone_when_its_locks_are_asked_for_is_held_by_nobody(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.with_name("a.db-shm").touch()

    def asked(path: Path, *span: int) -> bool:
        if path.name.endswith("-shm"):
            path.unlink()
        return is_locked(path, *span)

    is_locked = freezing.is_locked
    monkeypatch.setattr(freezing, "is_locked", asked)
    assert frozen_rows(source, tmp_path / "frozen") == ROWS


def test_a_program_that_ends_just_before_its_file_is_backed_up_leaves_the_folder_as_it_is(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with held(source, "PRAGMA journal_mode = WAL", "INSERT INTO t VALUES (3)") as program:

        def asked(path: Path, *span: int) -> bool:
            found = is_locked(path, *span)
            if found:
                program.communicate()
                assert names(source) == ["a.db"]
            return found

        is_locked: Callable[..., bool] = freezing.is_locked
        monkeypatch.setattr(freezing, "is_locked", asked)
        assert frozen_rows(source, tmp_path / "frozen") == [*ROWS, (3,)]
    assert names(source) == ["a.db"]


def test_a_file_that_is_gone_when_it_is_opened_is_not_there(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    passing = source.with_name("state.json.tmp")
    passing.touch()
    source.with_name("b.db").symlink_to("nowhere")

    meanwhile(monkeypatch, sources, "_judge", passing.unlink, before=True)
    assert [(one.name, one.use) for one in look(source.parent)] == [("a.db", Use.READ), ("b.db", Use.UNREADABLE)]
