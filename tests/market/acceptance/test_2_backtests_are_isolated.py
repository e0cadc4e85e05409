"""Acceptance line 2: a backtest touches no live store. Planted: one that tries to, by every way that it is given."""

from __future__ import annotations

import hashlib
from pathlib import Path

import apsw
import duckdb
import pytest

from domain.errors import LedgerError
from operations.market.rollover import LIVE, MARKET, roll_over
from operations.market.workspace import Workspace
from operations.rebuilding import catch_up_all
from tests.market.market import DAY, EVER, NEXT, NIFTY, bars, fed

STORES = ("trading-bot/trading", "trading-bot/signals", "trading-bot/config", LIVE, MARKET)


def contents(home: Path) -> dict[str, str]:
    """The bytes of every file of the home but those by which readers tell each other that they read."""
    return {
        str(path.relative_to(home)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(home.rglob("*"))
        if path.is_file() and not path.name.endswith("-shm") and path.stat().st_size
    }


@pytest.fixture
def home(tmp_path: Path) -> Path:
    fed(tmp_path, bars(DAY))
    roll_over(tmp_path)
    fed(tmp_path, bars(NEXT))
    catch_up_all(tmp_path, tell=lambda *_: None)
    return tmp_path


def test_a_backtest_that_tries_to_write_every_store_changes_no_byte(home: Path) -> None:
    before = contents(home)
    with Workspace(home, "run_1") as work:
        assert len(work.market.candles(NIFTY, "1m", *EVER)) == 10
        for name in STORES:
            store = work.store(name)
            tables = [row[0] for row in store.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()]
            assert tables
            for table in tables:
                with pytest.raises((apsw.ReadOnlyError, apsw.SQLError)):
                    store.execute(f'DELETE FROM "{table}"')
        day = work.market._history.attached(work.market._history.files("nse", "1m", DAY, DAY))[0]
        with pytest.raises(duckdb.Error, match="read-only"):
            work.market._history.db.execute(f"DELETE FROM {day}.candles")
        work.own().execute("CREATE TABLE trades AS SELECT 1 AS trade_id")
        assert (work.folder / "run.duckdb").exists()
    assert contents(home) == before


def test_what_a_backtest_writes_lies_in_a_folder_of_its_own_that_goes_or_stays(home: Path) -> None:
    with Workspace(home, "run_1") as work, pytest.raises(LedgerError, match="has a workspace already"):
        Workspace(home, "run_1").__enter__()
    assert not work.folder.exists()
    with Workspace(home, "run_2", keep=True) as work:
        work.own().execute("CREATE TABLE trades AS SELECT 1 AS trade_id")
    assert work.folder.exists()


@pytest.mark.parametrize("run_id", ["", "..", "../x", "a/b", "a b", ".hidden", "x" * 101, "a\n"])
def test_an_id_that_is_none_is_no_path(tmp_path: Path, run_id: str) -> None:
    with pytest.raises(LedgerError, match="is not the id of a run"):
        Workspace(tmp_path, run_id)
