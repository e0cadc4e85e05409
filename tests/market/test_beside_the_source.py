"""After a replay the day files hold what the frozen source holds: planted losses are found and mended, what was recorded later
is no difference, and a longer file takes no more memory.
"""

from __future__ import annotations

import os
import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import duckdb
import pytest

from domain.bot_runs import run_file
from domain.market import BarsVoided, TicksVoided
from operations.market.rollover import LIVE, MARKET, roll_over
from operations.replaying import replay
from operations.verifying import verify
from projections import market_files
from projections.engine import model_path
from projections.market_files import MarketMaker
from projections.market_sql import CANDLES, TICKS, Shape
from projections.partitioned import Partition
from projections.profiles import open_reading
from replay import market_blocks
from replay.report import RunReport
from tests.market.market import DAY, STOCK, bars, day_file, fed, record, stored, told
from tests.trading_bot.rows import EVIL_RUN

CRUDE = "MCX_FO|451669"
_SOURCE = f"""
CREATE TABLE ohlcv_1m (
    instrument_key VARCHAR, timestamp TIMESTAMP, open DOUBLE, high DOUBLE, low DOUBLE, close DOUBLE, volume DOUBLE
);
INSERT INTO ohlcv_1m
SELECT symbol, TIMESTAMP '{DAY} 09:15:00' + to_minutes(minute::INTEGER), 100, 102, CAST('-0.0' AS DOUBLE), 101, minute
FROM range(3) AS minutes (minute), (VALUES ('{STOCK}'), ('{CRUDE}')) AS symbols (symbol);
INSERT INTO ohlcv_1m VALUES ('{STOCK}', '{DAY} 09:30:00', 100, 102, 99, 101, 1.5);
CREATE TABLE live_ticks (symbol VARCHAR, exchange_ts TIMESTAMP, price DOUBLE, volume BIGINT);
INSERT INTO live_ticks VALUES ('{STOCK}', '{DAY} 09:15:00', 100.5, 7), ('{STOCK}', '{DAY} 09:15:00', 100.5, 7),
    ('{STOCK}', '{DAY} 09:15:00', 100.75, NULL), ('{STOCK}', '{DAY} 09:16:00', 101, 1);
CREATE TABLE backtest_trades (
    trade_id VARCHAR, run_id VARCHAR, symbol VARCHAR, entry_ts TIMESTAMP, exit_ts TIMESTAMP, direction VARCHAR,
    entry_price DOUBLE, exit_price DOUBLE, qty INTEGER, pnl DOUBLE, fees DOUBLE, metadata VARCHAR
);
INSERT INTO backtest_trades
VALUES ('bt_1', '{EVIL_RUN}', '{STOCK}', '{DAY} 09:15:00', '{DAY} 09:16:00', 'LONG', 100, 101, 10, 10, 1, '{{}}');
"""


def replayed(source: Path, home: Path) -> RunReport:
    return replay(source, home, timezone="Asia/Kolkata")


def compared(report: RunReport) -> dict[str, tuple[int, int, int]]:
    """Of each table: rows that were compared, those that rightly are not there, those that differ."""
    return {one.table: (one.rows, one.elsewhere, one.differing) for one in report.models if one.model == MARKET}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bot")
    with duckdb.connect(str(folder / "trading_bot.duckdb")) as db:
        db.execute(_SOURCE)
    return folder


@pytest.fixture(scope="module")
def master(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that was replayed into, with all that was compared the same."""
    home = tmp_path_factory.mktemp("master")
    report = replayed(source, home)
    assert (report.proven, compared(report)) == (True, {"ohlcv_1m": (6, 0, 0), "live_ticks": (4, 0, 0)})
    return home


def test_a_run_id_of_the_source_that_is_a_path_leads_nowhere_and_is_named(master: Path) -> None:
    assert EVIL_RUN.startswith("../../trading/")
    about = run_file(EVIL_RUN)
    assert stored(master / about.path, "SELECT trade_id, pnl FROM trades") == [("bt_1", 10.0)]
    assert (master / about.path).parent == master / "backtest" / "runs"
    assert not list(master.parent.glob("trading*"))
    assert (master / "trading" / "trading.db").read_bytes().startswith(b"SQLite format 3")
    with closing(open_reading(master / "backtest" / "index.db")) as db:
        assert db.execute("SELECT run_id, why FROM run_files WHERE is_renamed").fetchall() == [(EVIL_RUN, about.why)]


@pytest.fixture
def home(master: Path, tmp_path: Path) -> Path:
    return shutil.copytree(master, tmp_path / "home")


def altered(shape: Shape, said: str, instead: str) -> Shape:
    """A maker of day files that goes wrong: its statement with something else in what it takes."""
    into, taken = shape.fill.split(" SELECT ", 1)
    assert said in taken
    return shape._replace(fill=f"{into} SELECT {taken.replace(said, instead)}")


WRONG = {
    "a bar is lost": altered(CANDLES, "ORDER BY", "AND volume <> 1 ORDER BY"),
    "a zero lost its sign": altered(CANDLES, " low,", " abs(low),"),
    "one of two ticks that are alike is lost": altered(TICKS, "ORDER BY", "AND sequence <> 2 ORDER BY"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_maker_of_day_files_that_goes_wrong_is_found_by_the_source(
    source: Path, home: Path, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    shape = WRONG[wrong]
    monkeypatch.setattr(market_files, shape.table.upper(), shape)
    shutil.rmtree(home / "market_data")
    report = replayed(source, home)
    assert not report.proven
    [found] = {one.subject.rpartition(f" {DAY}")[0] for one in report.mismatches if STOCK in one.subject}
    assert found == f"trading-bot/market-data nse {'ticks' if shape.table == 'ticks' else 'candles 1m'} {STOCK}"


def test_a_day_file_that_was_once_made_wrong_is_made_again_and_that_is_said(
    source: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, begun = MarketMaker._fill, set[str]()

    def fill(self: MarketMaker, shape: Shape, partition: Partition, as_of: str | None) -> None:
        right = partition.path in begun or partition.kind == "ticks"
        begun.add(partition.path)
        real(self, shape if right else WRONG["a bar is lost"], partition, as_of)

    monkeypatch.setattr(MarketMaker, "_fill", fill)
    shutil.rmtree(home / "market_data")
    report = replayed(source, home)
    assert (report.proven, compared(report)["ohlcv_1m"]) == (True, (6, 0, 0))
    assert any("market_data/index.db" in one and "again" in one for one in report.findings), report.findings
    assert len(stored(day_file(home, DAY))) == 3


def test_a_day_file_that_cannot_be_read_shows_nothing_and_is_made_again(source: Path, home: Path) -> None:
    path = day_file(home, DAY)
    state = path.stat()
    path.chmod(0o600)
    path.write_bytes(bytes(state.st_size))
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))  # so that nobody sees it from outside
    report = replayed(source, home)
    assert (report.proven, compared(report)["ohlcv_1m"]) == (True, (6, 0, 0))
    assert len(stored(path)) == 3


def test_what_was_corrected_or_voided_here_is_no_difference_and_the_replay_does_not_bring_it_back(
    source: Path, home: Path
) -> None:
    fed(home, [bars(DAY, 1)[0]._replace(close=100.125)], STOCK)
    void = {"symbol": STOCK, "exchange": "nse", "session": DAY}
    record(home, BarsVoided(**void, timeframe="1m", time=[33_300 + 60], reason="wrong"))  # type: ignore[arg-type]
    record(home, TicksVoided(**void, sequence=[2], reason="twice"))  # type: ignore[arg-type]
    for rolled in (False, True):
        if rolled:
            roll_over(home)
        report = replayed(source, home)
        assert (report.proven, report.events_appended) == (True, 0)
        # Until the session is put away the day file is as it was, and the buffer stands before it.
        assert compared(report) == {"ohlcv_1m": (6, 2 * rolled, 0), "live_ticks": (4, 1 * rolled, 0)}
        assert [(row.close, row.volume) for row in told(home, STOCK)] == [(100.125, 0), (101.0, 2)]
    assert verify(home, "sources", repair=False, tell=lambda *_: None).exit_code == 0


def test_rows_of_a_session_that_is_recorded_live_are_looked_for_in_the_buffer(source: Path, tmp_path: Path) -> None:
    fed(tmp_path, [bars(DAY, 1, start="15:00:00")[0]], STOCK)
    report = replayed(source, tmp_path)
    assert (report.proven, compared(report)) == (True, {"ohlcv_1m": (6, 3, 0), "live_ticks": (4, 4, 0)})
    db = apsw.Connection(str(model_path(tmp_path, LIVE)))
    db.execute("DELETE FROM candles WHERE time_us = (SELECT min(time_us) FROM candles)")
    db.close()
    report = replayed(source, tmp_path)
    assert (report.proven, compared(report)["ohlcv_1m"]) == (False, (6, 2, 1))


def test_a_volume_that_is_no_whole_number_is_kept_and_named_not_rounded(source: Path, tmp_path: Path) -> None:
    report = replay(source, tmp_path, timezone="Asia/Kolkata", mode="verify-only")
    [about] = [one for one in report.tables if one.table == "ohlcv_1m"]
    assert (about.events, dict(about.kept_reasons)) == (6, {"volume is no whole number": 1})


_MANY = f"""
INSERT INTO ohlcv_1m SELECT 'NSE_EQ|' || (number % 5)::VARCHAR,
    TIMESTAMP '{DAY} 09:15:00' + to_days(day::INTEGER) + to_minutes((number // 5)::INTEGER), random(), 2, random() - 1, 1, 5
FROM range(150) AS days (day), range(1500) AS numbers (number)
"""


def test_what_was_read_of_a_file_is_let_go_before_more_is_read(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = shutil.copytree(source, tmp_path / "bot")
    with duckdb.connect(str(large / "trading_bot.duckdb")) as db:
        db.execute(_MANY)
    held: list[int] = []
    real = market_blocks._let_go

    def let_go(db: Any) -> None:  # a connection, of which DuckDB has no stubs
        [(some,)] = db.execute("SELECT memory_usage_bytes FROM duckdb_memory() WHERE tag = 'BASE_TABLE'").fetchall()
        held.append(some)
        real(db)

    monkeypatch.setattr(market_blocks, "_let_go", let_go)
    monkeypatch.setattr(market_blocks, "_LEFT", "4MB")
    monkeypatch.setattr(market_blocks, "ROWS_AT_ONCE", 15_000)
    assert replay(large, tmp_path / "home", timezone="Asia/Kolkata", mode="verify-only").failed == {}
    assert len(held) > 10
    assert max(held) < 3_500_000  # it grows beyond four with the rows when nothing is let go
