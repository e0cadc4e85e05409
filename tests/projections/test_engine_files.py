"""What the engine finds in place of a read model, and models as of a moment."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest

from domain.prices import DailyPricesRecorded
from domain.universe import SettingRemoved
from projections import catalog
from projections.engine import catch_up
from projections.verifying import verify_model
from tests.projections.logs import SETTINGS, content, log_of, setting

CONFIG = catalog.find("config")


def _deleted(path: Path) -> None:
    """Deleted while -wal and -shm of a crash stay behind."""
    path.unlink()
    path.with_name(path.name + "-wal").write_bytes(b"not a log" * 1000)


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _text(path: Path) -> None:
    path.write_text("this is no database\n" * 5000)


def _cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:20_000])


def _another_program(path: Path) -> None:
    path.unlink()
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE settings (key, value)")
    db.close()


def _no_checkpoint(path: Path) -> None:
    _run(path, "DELETE FROM checkpoint")


def _older_version(path: Path) -> None:
    _run(path, "UPDATE checkpoint SET projector_version = 0")


def _another_model(path: Path) -> None:
    _run(path, "UPDATE checkpoint SET projector = 'universe'")


def _table_gone(path: Path) -> None:
    _run(path, "DROP TABLE allocation_targets")


def _other_schema(path: Path) -> None:
    _run(path, "UPDATE checkpoint SET schema_digest = 'older'")


def _other_ledger(path: Path) -> None:
    _run(path, "UPDATE checkpoint SET hash = zeroblob(32)")


def _beyond(path: Path) -> None:
    _run(path, "UPDATE checkpoint SET position = 100")


def _as_of_a_moment(path: Path) -> None:
    _run(path, "UPDATE checkpoint SET as_of = '2020-01-01T00:00:00.000000Z'")


def _run(path: Path, statement: str) -> None:
    db = apsw.Connection(str(path))
    db.execute(statement)
    db.close()


STATES: list[tuple[Callable[[Path], None], str]] = [
    (_deleted, "missing"),
    (_empty, "not a read model, or is damaged"),
    (_text, "not a read model, or is damaged"),
    (_cut_short, "damaged"),
    (_another_program, "not a read model"),
    (_no_checkpoint, "not a read model"),
    (_older_version, "version"),
    (_another_model, "is the read model universe"),
    (_table_gone, "tables have changed"),
    (_other_schema, "tables have changed"),
    (_other_ledger, "another ledger"),
    (_beyond, "beyond"),
    (_as_of_a_moment, "as of a moment"),
]


@pytest.mark.parametrize(("spoil", "reason"), STATES)
def test_a_file_that_cannot_be_continued_is_rebuilt_by_itself(
    spoil: Callable[[Path], None], reason: str, tmp_path: Path
) -> None:
    path, log = tmp_path / "config.db", log_of(*SETTINGS)
    catch_up(CONFIG, log_of(*SETTINGS[:3]), path)
    spoil(path)
    caught_up = catch_up(CONFIG, log, path)
    assert caught_up.rebuilt is not None
    assert reason in caught_up.rebuilt
    catch_up(CONFIG, log, tmp_path / "fresh.db")
    assert content(path) == content(tmp_path / "fresh.db")
    assert catch_up(CONFIG, log, path).rebuilt is None


def test_what_a_crash_left_in_the_wal_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "config.db"
    catch_up(CONFIG, log_of(*SETTINGS[:3]), path)
    reader = apsw.Connection(str(path))  # its presence keeps the -wal
    reader.execute("SELECT count(*) FROM settings").fetchall()
    catch_up(CONFIG, log_of(*SETTINGS), path)
    crashed = tmp_path / "crashed"
    crashed.mkdir()
    for suffix in ("", "-wal"):
        (crashed / f"config.db{suffix}").write_bytes((tmp_path / f"config.db{suffix}").read_bytes())
    reader.close()
    assert catch_up(CONFIG, log_of(*SETTINGS), crashed / "config.db").rebuilt is None
    assert content(crashed / "config.db") == content(path)


def test_as_of_shows_what_had_happened_and_recorded_time_stands_in(tmp_path: Path) -> None:
    log = log_of(  # recorded in the first seconds of 2026
        setting(1, "old", occurred_at="2020-01-01T00:00:00.000000Z"),
        setting(1, "new", occurred_at="2025-01-01T00:00:00.000000Z"),
        setting(2),
        SettingRemoved(key="key 1", occurred_at="2025-06-01"),
    )

    def values(as_of: str) -> list[tuple[Any, ...]]:
        path = tmp_path / "config.db"
        catch_up(CONFIG, log, path, as_of=as_of)
        return apsw.Connection(str(path)).execute("SELECT key, value FROM settings ORDER BY 1").fetchall()

    assert values("2019-12-31T23:59:59.999999Z") == []
    assert values("2020-01-01T00:00:00.000000Z") == [("key 1", "old")]
    assert values("2025-01-02T00:00:00.000000Z") == [("key 1", "new")]
    assert values("2025-12-31T23:59:59.999999Z") == []
    assert values("2026-12-31T23:59:59.999999Z") == [("key 2", "on")]


def test_as_of_cuts_through_a_block_of_prices(tmp_path: Path) -> None:
    days = ["2025-01-01", "2025-01-02", "2025-01-03"]
    block = DailyPricesRecorded(
        symbol="A", count=3, occurred_at=days[0], date=days, close_price=[1.0, 2.0, 3.0], source="x", volume=[1, 2, 3]
    )
    path, history = tmp_path / "history.db", catalog.find("history")
    catch_up(history, log_of(block), path, as_of="2025-01-02T23:59:59.999999Z")
    rows = apsw.Connection(str(path)).execute("SELECT date, close_price, volume FROM daily_prices").fetchall()
    assert rows == [("2025-01-01", 1.0, 1), ("2025-01-02", 2.0, 2)]
    assert verify_model(history, log_of(block), tmp_path).is_proven
