"""A zone that was not theirs: the report says that bars lie outside of their sessions, and a corrected zone leaves nothing."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import apsw
import duckdb

from operations.replaying import replay
from tests.trading_bot.legacy import monolith_b, write_monolith
from tests.trading_bot.rows import RUN, bars

NAMES = ("instrument_key", "timestamp", "open", "high", "low", "close", "volume")


def test_bars_that_were_read_in_another_zone_are_noticed(tmp_path: Path) -> None:
    rows = [{name: bar[name] for name in NAMES} for bar in bars(ZoneInfo("UTC"), 2, dirt=False)]
    path = write_monolith(tmp_path / "trading_bot.duckdb", "b", {"ohlcv_1m": rows})
    found = {
        zone: replay(path, tmp_path / "home", timezone=zone, mode="verify-only").findings
        for zone in ("Asia/Kolkata", "UTC")
    }
    (said,) = found["Asia/Kolkata"]
    assert said.startswith(f"trading_bot.duckdb ohlcv_1m: {len(rows)} of {len(rows)} rows lie outside of the session")
    assert "the zone of this run is Asia/Kolkata" in said
    assert found["UTC"] == []


TIMED = {
    "signals/signals.db": ("signals", "confluence_insights", "regime_insights", "regime_snapshots"),
    "backtest/index.db": ("backtest_runs", "backtest_trades", "backtest_equity_curves"),
    "trading/trading.db": ("trades", "positions"),
}


def test_rows_whose_key_is_their_moment_move_when_their_zone_is_corrected(tmp_path: Path) -> None:
    tables = {
        name: rows
        for name, rows in monolith_b(per_session=0, dirt=False).items()
        if not name.startswith(("live", "ohlcv"))
    }
    path = write_monolith(tmp_path / "trading_bot.duckdb", "b", tables)
    for zone in ("America/New_York", "Asia/Kolkata"):
        replay(path, tmp_path / "corrected", timezone=zone)
    replay(path, tmp_path / "at_once", timezone="Asia/Kolkata")
    corrected, at_once = (shown(tmp_path / home) for home in ("corrected", "at_once"))
    assert len(at_once["confluence_insights"]) == len(tables["confluence_insights"])
    assert len(at_once["equity"]) == len(tables["backtest_equity_curves"])
    assert corrected == at_once


def shown(home: Path) -> dict[str, list[Any]]:
    """The rows of all tables with moments in their keys, and of the file of a run."""
    found: dict[str, list[Any]] = {}
    for file, names in TIMED.items():
        with closing(apsw.Connection(str(home / file))) as db:
            for name in names:
                columns = [row[1] for row in db.execute(f"PRAGMA table_info({name})") if row[1] != "updated_at"]
                found[name] = sorted(db.execute(f"SELECT {', '.join(columns)} FROM {name}"), key=str)
    with closing(duckdb.connect(str(home / f"backtest/runs/{RUN}.duckdb"), read_only=True)) as db:
        found["equity"] = db.execute("SELECT timestamp, equity FROM equity ORDER BY timestamp").fetchall()
    return found
