"""The ready-made questions about the trading bot answer what plain SQL finds in the legacy files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner

from cli import main
from domain.event import encode, topic_of
from domain.market import BarsRecorded, BarsVoided
from ledger.log import Entry, open_log
from tests.audit.exporting import home_of
from tests.trading_bot.rows import FILLS, RELIANCE

Cells = dict[str, Any]


@pytest.fixture(scope="module")
def legacy(bot: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Both monoliths, attached as a and b."""
    with closing(duckdb.connect()) as db:
        for name in "ab":
            db.execute(f"ATTACH '{bot.parent / 'bot' / name}.duckdb' AS {name} (READ_ONLY)")
        yield db


def answer(home: Path, name: str) -> list[Cells]:
    found = CliRunner().invoke(main, ["--home", str(home), "audit", "sql", "--named", name, "--json"])
    assert found.exit_code == 0, found.stderr
    rows: list[Cells] = json.loads(found.stdout)
    return rows


def test_trades_by_strategy(bot: Path, legacy: duckdb.DuckDBPyConnection) -> None:
    expected = legacy.execute(
        "SELECT coalesce(s.strategy_id, 'unknown'), t.symbol, count(*), sum(t.quantity * t.price), sum(t.fees) "
        "FROM b.trades t LEFT JOIN b.signals s USING (signal_id) WHERE t.status = 'FILLED' GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    found = answer(bot, "bot_trades_by_strategy")
    assert [tuple(row[name] for name in ("strategy", "symbol", "fills", "turnover")) for row in found] == [
        row[:4] for row in expected
    ]
    assert [row["fees"] for row in found] == pytest.approx([row[4] for row in expected], abs=0.01)
    assert [(row["buys"], row["sells"]) for row in found] == [(2, 2)]


def test_signals_by_outcome(bot: Path, legacy: duckdb.DuckDBPyConnection) -> None:
    expected = legacy.execute(
        "SELECT signal_type, count(*), count(*) FILTER (WHERE status = 'PENDING'), count(*) FILTER (WHERE signal_id IN ("
        "SELECT signal_id FROM b.trades WHERE status = 'FILLED')) FROM b.signals GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    names = ("signal_type", "signals", "pending", "filled")
    assert [tuple(row[name] for name in names) for row in answer(bot, "bot_signals_by_outcome")] == expected


def test_profit_by_symbol(bot: Path, legacy: duckdb.DuckDBPyConnection) -> None:
    fills, trips = (row for row in answer(bot, "bot_profit_by_symbol") if row["symbol"] == RELIANCE)
    # 150 bought at 1410 on average; 120 sold at 1450.5, 30 of the 80 at 1445.
    assert [quantity for _, _, quantity, _ in FILLS] == [100, 50, 120, 80]
    assert (fills["source"], fills["held"], fills["profit"]) == ("fills", -50, 120 * 40.5 + 30 * 35)
    assert fills["after_fees"] == round(fills["profit"] - 4 * 26.8192, 2)
    expected = legacy.execute(
        "SELECT sum(pnl), round(sum(commission), 2), sum(if(direction = 'SHORT', -quantity, quantity)) "
        "FILTER (WHERE exit_price IS NULL) FROM a.trades WHERE run_id IS NULL"
    ).fetchall()
    assert [(trips["profit"], trips["fees"], trips["held"])] == expected


def test_backtests(bot: Path, legacy: duckdb.DuckDBPyConnection) -> None:
    expected = legacy.execute(
        "SELECT run_id, count(trade_id), round(sum(pnl), 2) FROM b.backtest_trades GROUP BY run_id ORDER BY run_id"
    ).fetchall()
    found = [(row["run_id"], row["trades"], row["profit"]) for row in answer(bot, "bot_backtests") if row["trades"]]
    assert sorted(found) == expected


def test_missing_minutes(bot: Path, legacy: duckdb.DuckDBPyConnection) -> None:
    expected = legacy.execute(
        """
        WITH bars AS (
            SELECT instrument_key, timestamp FROM a.ohlcv_1m UNION SELECT instrument_key, timestamp FROM b.candles
            WHERE high >= low AND volume IS NOT NULL AND instrument_key NOT LIKE '%/%' AND instrument_key NOT LIKE 'XYZ%'
                AND CAST(timestamp AS TIME) < TIME '16:00:00'
        )
        SELECT instrument_key, CAST(CAST(timestamp AS DATE) AS VARCHAR), count(*),
            date_diff('minute', min(timestamp), max(timestamp)) + 1 - count(*) AS missing
        FROM bars GROUP BY ALL HAVING missing > 0 OR instrument_key NOT LIKE 'MCX%' ORDER BY ALL"""
    ).fetchall()
    found = answer(bot, "bot_missing_minutes")
    assert sorted((row["symbol"], row["session"], row["bars"], row["missing_between"]) for row in found) == expected
    assert all(row["missing_of_session"] == (375 - row["bars"] if row["exchange"] == "nse" else None) for row in found)


def test_a_minute_that_was_voided_is_missing_until_it_is_recorded_again(tmp_path: Path) -> None:
    home = home_of(tmp_path, [])
    void = BarsVoided(
        symbol="NSE_INDEX|N", exchange="nse", session="2026-02-02", timeframe="1m", time=[33_360], reason="x"
    )
    state = (
        b'{"event":"bars-recorded.v1","symbol":"NSE_INDEX|N","exchange":"nse","session":"2026-02-02","count":3,'
        b'"time":[33300,33360,33420],"timeframe":"1m","open":1,"high":1,"low":1,"close":1}'
    )
    with open_log(home, write=True) as log:
        log.append([Entry("market-bars:x", topic_of(BarsRecorded), state, None)])
        assert [row["missing_between"] for row in answer(home, "bot_missing_minutes")] == [0]
        log.append([Entry("market-bars:x", topic_of(BarsVoided), encode(void), None)])
        assert [row["missing_between"] for row in answer(home, "bot_missing_minutes")] == [1]
        log.append([Entry("market-bars:x", topic_of(BarsRecorded), state, None)])
        assert [row["missing_between"] for row in answer(home, "bot_missing_minutes")] == [0]
