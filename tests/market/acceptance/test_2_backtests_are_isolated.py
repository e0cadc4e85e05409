"""Acceptance line 2: a backtest touches no live store. Planted: one that tries to, by every way that it is given."""

from __future__ import annotations

import hashlib
from pathlib import Path

import apsw
import duckdb
import pytest

from domain.errors import HomeBusy, LedgerError
from ledger.lock import holder_of
from operations.market.rollover import LIVE, MARKET
from operations.market.workspace import FOLDER, LOCK, Workspace
from tests.market.deeds import RUN
from tests.market.market import DAY, EVER, NEXT, NIFTY, bars, fed
from tests.mortals import Mortals

STORES = ("trading-bot/trading", "trading-bot/signals", "trading-bot/config", LIVE, MARKET)


def contents(home: Path) -> dict[str, str]:
    """The bytes of every file of the home but those by which readers tell each other that they read."""
    return {
        str(path.relative_to(home)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(home.rglob("*"))
        if path.is_file() and not path.name.endswith("-shm") and path.stat().st_size
    }


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
    with Workspace(home, "run_1") as work, pytest.raises(HomeBusy, match="has a workspace already"):
        Workspace(home, "run_1").__enter__()
    assert not work.folder.exists()
    with Workspace(home, "run_2", keep=True) as work:
        work.own().execute("CREATE TABLE trades AS SELECT 1 AS trade_id")
    assert [path.name for path in work.folder.iterdir()] == ["run.duckdb"]
    with pytest.raises(LedgerError, match="has a workspace already, which was kept"):
        Workspace(home, "run_2").__enter__()
    assert work.folder.exists()


def live(home: Path) -> dict[str, str]:
    """The bytes of all stores but those of workspaces."""
    return {name: digest for name, digest in contents(home).items() if not name.startswith(FOLDER)}


def test_a_backtest_that_is_killed_halfway_changed_no_byte_and_its_workspace_can_be_taken_again(
    home: Path, mortals: Mortals
) -> None:
    before = contents(home)
    with mortals.standing("", "tests.market.deeds:backtest", home) as number:
        assert live(home) == before
        with pytest.raises(HomeBusy, match=rf"has a workspace already, that of process {number} \(backtest {RUN}\)"):
            Workspace(home, RUN).__enter__()
    assert live(home) == before
    assert holder_of(home / FOLDER / RUN / LOCK) is None
    fed(home, bars(NEXT, 1, start="15:00:00"))  # nobody who writes is kept waiting
    with Workspace(home, RUN) as work:
        assert [path.name for path in work.folder.iterdir()] == [LOCK]
        assert len(work.market.candles(NIFTY, "1m", *EVER)) == 11
    assert not work.folder.exists()


@pytest.mark.parametrize("run_id", ["", "..", "../x", "a/b", "a b", ".hidden", "x" * 101, "a\n"])
def test_an_id_that_is_none_is_no_path(tmp_path: Path, run_id: str) -> None:
    with pytest.raises(LedgerError, match="is not the id of a run"):
        Workspace(tmp_path, run_id)
