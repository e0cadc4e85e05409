"""`cli audit trace`, `as-of` and `diff` of a trading bot: from a candle, tick or fill to its legacy row and back."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner, Result

from cli import main
from domain.event import Event
from domain.market import BarsRecorded, BarsVoided, TicksRecorded, TicksVoided
from tests.audit.exporting import home_of
from tests.trading_bot.rows import HASH, RELIANCE

CANDLES, TICKS = "trading-bot/market-data.candles", "trading-bot/market-data.ticks"
PRICES = ("open", "high", "low", "close", "volume")


@pytest.fixture(scope="module")
def legacy(bot: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The monolith of the second generation."""
    with closing(duckdb.connect(str(bot.parent / "bot" / "b.duckdb"), read_only=True)) as db:
        yield db


def run(home: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--home", str(home), "audit", *arguments])


def answer(home: Path, *arguments: str) -> Any:  # JSON
    found = run(home, *arguments, "--json")
    assert found.exit_code == 0, found.stderr
    return json.loads(found.stdout)


@pytest.mark.parametrize("timeframe", ["1m", "5m"])
def test_a_candle_goes_back_to_its_legacy_row_and_forth_again(
    bot: Path, legacy: duckdb.DuckDBPyConnection, timeframe: str
) -> None:
    source, named = ("candles", ()) if timeframe == "1m" else ("ohlcv_resampled", ("5minute",))
    (row,) = legacy.execute(
        f"SELECT {', '.join(PRICES)} FROM {source} WHERE instrument_key = ? AND timestamp = '2026-02-02 09:15:00' "
        + ("AND timeframe = '5minute'" if named else "AND open < 1900"),
        [RELIANCE],
    ).fetchall()
    traced = answer(bot, "trace", CANDLES, RELIANCE, timeframe, "2026-02-02", "09:15")
    assert traced["gaps"] == []
    assert tuple(traced["row"][name] for name in PRICES) == row
    assert traced["row"] == traced["shown"]
    (step,) = traced["steps"]
    assert (step["origin"]["file"], step["origin"]["table"]) == ("a.duckdb", source if named else "ohlcv_1m")
    assert step["origin"]["key"] == [RELIANCE, *named, "2026-02-02 09:15:00"]
    assert tuple(step["origin"]["row"][name] for name in PRICES) == row

    (behind,) = answer(bot, "trace", "--from", step["origin"]["file"], step["origin"]["table"], *step["origin"]["key"])[
        "events"
    ]
    assert behind["position"] == step["position"]
    assert behind["occurred_at"] == "2026-02-02T03:45:00.000000Z"
    (shown,) = behind["rows"]
    assert (shown["place"], shown["fate"]) == (CANDLES, "shows it")
    assert shown["row"] == traced["row"]


def test_a_time_may_have_a_zone_and_a_cell_is_followed_by_its_column(bot: Path) -> None:
    found = answer(bot, "trace", CANDLES, RELIANCE, "1m", "2026-02-02T03:46:00Z", "close")
    assert found["key"]["time"] == "09:16:00"
    (step,) = found["steps"]
    assert list(step["cells"]) == ["close"]
    assert step["origin"]["column"] == "close"
    assert step["origin"]["cell"] == found["row"]["close"]


def test_each_of_several_ticks_in_a_second_has_its_own_way(bot: Path, legacy: duckdb.DuckDBPyConnection) -> None:
    rows = legacy.execute(
        "SELECT price, volume, exchange_ts_ms FROM live_ticks WHERE exchange_ts = '2026-02-03 09:15:02' ORDER BY price"
    ).fetchall()
    events = answer(bot, "trace", "--from", "b.duckdb", "live_ticks", RELIANCE, "2026-02-03 09:15:02")["events"]
    assert len(rows) == len(events) == 3
    for (price, volume, sent), event in zip(rows, events, strict=True):
        assert (event["origin"]["row"]["price"], event["origin"]["row"]["exchange_ts_ms"]) == (price, sent)
        ((number, shown),) = [(row["key"]["sequence"], row["row"]) for row in event["rows"]]
        assert (shown["price"], shown["volume"], shown["time"]) == (price, volume, "09:15:02")
        traced = answer(bot, "trace", TICKS, RELIANCE, "2026-02-03", str(number))
        assert traced["gaps"] == []
        assert traced["steps"][0]["origin"]["row"] == event["origin"]["row"]


def test_a_bar_that_is_none_leads_to_where_it_is_kept(bot: Path) -> None:
    (event,) = answer(bot, "trace", "--from", "b.duckdb", "candles", "timestamp=2026-02-02 15:11:00")["events"]
    assert event["kept"] == "high is below low"


def test_a_bar_was_not_there_before_it_happened(bot: Path) -> None:
    rows = answer(bot, "as-of", "2026-02-02T03:46:00Z", CANDLES, RELIANCE, "1m", "2026-02-02")["rows"]
    assert [row["time"] for row in rows] == ["09:15:00", "09:16:00"]
    found = answer(bot, "diff", "2026-02-02T03:46:00Z", "2026-02-02T03:47:00Z", CANDLES, RELIANCE, "1m")["differences"]
    assert [(one["change"], one["key"]["time"]) for one in found] == [("added", "09:17:00")]
    assert (
        len(answer(bot, "as-of", "2026-02-03T03:45:01Z", TICKS, RELIANCE, "2026-02-03")["rows"]) == 7
    )  # one stands twice


def test_positions_are_as_the_fills_made_them_by_then(bot: Path) -> None:
    held = [
        answer(bot, "as-of", f"2026-02-02T04:3{minute}:00Z", "trading-bot/trading.positions", RELIANCE)["rows"][0][
            "quantity"
        ]
        for minute in range(4)
    ]
    assert held == [100, 150, 30, -50]


def block(session: str, times: list[int], close: list[float], **more: Any) -> tuple[str, Event]:
    event = BarsRecorded(
        occurred_at=f"{session}T03:45:00.000000Z", symbol=RELIANCE, exchange="nse", session=session, timeframe="1m",
        count=len(times), time=times, open=1.0, high=9.0, low=0.5, close=[*close], **more,
    )  # fmt: skip
    return f"market-bars:nse:{RELIANCE}:1m:{session}", event


def test_corrected_voided_and_copied_bars_are_followed_as_the_day_file_shows_them(tmp_path: Path) -> None:
    day: dict[str, Any] = {"symbol": RELIANCE, "exchange": "nse", "session": "2026-02-02"}
    stream = f"market-bars:nse:{RELIANCE}:1m:2026-02-02"
    ticks = f"market-ticks:nse:{RELIANCE}:2026-02-02"
    numbered = TicksRecorded(
        **day, count=3, time=[33_300_250, 33_300_250, 33_301_000], unit="ms", sequence=1, price=[1.0, 2.0, 3.0]
    )
    home = home_of(
        tmp_path, [
            block("2026-02-02", [33_300, 33_360, 33_420, 33_480], [1.0, 2.0, 3.0, 4.0]),
            block("2026-02-02", [33_360, 33_540], [2.5, 5.0]),
            block("2026-02-02", [33_300, 33_600], [7.0, 7.5], copy="old.duckdb"),
            (stream, BarsVoided(**day, timeframe="1m", time=[33_420, 33_480], reason="x")),
            block("2026-02-02", [33_480], [4.5]), (ticks, numbered), (ticks, TicksVoided(**day, sequence=[2], reason="x")),
        ], None,
    )  # fmt: skip
    assert CliRunner().invoke(main, ["--home", str(home), "catch-up"]).exit_code == 0
    rows = answer(home, "as-of", "2999-01-01", CANDLES, RELIANCE, "1m", "2026-02-02")["rows"]
    assert {row["time"]: row["close"] for row in rows} == {
        "09:15:00": 1.0, "09:16:00": 2.5, "09:18:00": 4.5, "09:19:00": 5.0, "09:20:00": 7.5,
    }  # fmt: skip
    steps = {}
    for minute in range(15, 21):
        found = answer(home, "trace", CANDLES, RELIANCE, "1m", "2026-02-02", f"09:{minute}")
        assert found["row"] == found["shown"], minute
        assert not any(gap["is_broken"] for gap in found["gaps"])
        steps[minute] = [step["position"] for step in found["steps"]]
    assert steps == {15: [1], 16: [1, 2], 17: [1, 4], 18: [1, 4, 5], 19: [2], 20: [3]}
    assert [row["price"] for row in answer(home, "as-of", "2999-01-01", TICKS, RELIANCE)["rows"]] == [1.0, 3.0]
    gone = answer(home, "trace", TICKS, RELIANCE, "2026-02-02", "2")
    assert gone["row"] == gone["shown"] == {}
    assert "ticks-voided.v1 at position 7 took it out" in gone["gaps"][-1]["reason"]


def test_a_day_file_that_shows_something_else_is_found(bot: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(bot, home)
    path = home / "market_data/nse/candles/1m/2026-02-02.duckdb"
    path.chmod(0o644)
    with closing(duckdb.connect(str(path))) as db:
        db.execute("UPDATE candles SET close = 1 WHERE symbol = ? AND timestamp = '2026-02-02 09:16:00'", [RELIANCE])
    found = run(home, "trace", CANDLES, RELIANCE, "1m", "2026-02-02", "09:16")
    assert found.exit_code == 1
    assert "the read model shows close 1.0, the events make" in found.stdout
    assert "cli rebuild-projection trading-bot/market-data makes it right" in found.stdout


def test_a_fill_is_found_by_its_id_and_by_its_stream(bot: Path) -> None:
    by_id = answer(bot, "trace", "trading-bot/trading.trades", "t-3")
    assert by_id["row"] == answer(bot, "trace", "trading-bot/trading.trades", "bot-fill:t-3")["row"]
    assert by_id["steps"][0]["origin"]["key"] == ["t-3"]
    (event,) = answer(bot, "trace", "--from", "b.duckdb", "trades", "t-3")["events"]
    assert event["position"] == by_id["steps"][0]["position"]
    assert {row["place"] for row in event["rows"]} == {"trading-bot/trading.trades", "trading-bot/trading.positions"}
    assert answer(bot, "trace", "trading-bot/signals.signals", "sig-1", "status")["row"]["status"] == "PENDING"


def test_a_read_model_of_another_version_is_not_asked(bot: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(bot, home)
    with closing(sqlite3.connect(home / "trading/trading.db")) as db, db:
        db.execute("ALTER TABLE trades DROP COLUMN order_id")
        db.execute("UPDATE checkpoint SET schema_digest = 'older'")
    found = run(home, "trace", "trading-bot/trading.trades", "t-3")
    assert found.exit_code == 1
    assert "trading.db was made by another version of the program; cli catch-up derives it again" in found.stdout
    assert "'order_id'" not in found.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["trace", CANDLES, "NSE_EQ|INE0", "1m", "2026-02-02", "09:15"], f"Near it: {RELIANCE}"),
        (["trace", CANDLES, RELIANCE, "1m", "2026-02-09", "09:15"], "Near it: 2026-01-30, 2026-02-02, 2026-02-03"),
        (["trace", CANDLES, RELIANCE], "the key of one row is needed"),
        (["trace", TICKS, RELIANCE, "2026-02-03", "first"], "a whole number is needed"),
        (["as-of", "2026-02-03", CANDLES], "holds every instrument"),
        (["diff", "2026-02-02", "2026-02-03", TICKS], "holds every instrument"),
        (["trace", "candles", RELIANCE], f"Perhaps: {CANDLES}"),
        (["trace", "--from", "b.duckdb", "candles", RELIANCE], f"'{RELIANCE}' '2026-01-30 09:15:00'"),
        (["trace", "--from", "b.duckdb", "live_ticks", RELIANCE, "2026-02-03 10:00:00"], "Name instrument and time"),
        (["trace", "--from", "c.duckdb", "candles", RELIANCE], "Files: b.duckdb, a.duckdb"),
    ],
)  # fmt: skip
def test_a_wrong_name_is_one_clear_line(bot: Path, arguments: list[str], said: str) -> None:
    found = run(bot, *arguments)
    assert found.exit_code == 2
    (line,) = found.stderr.splitlines()
    assert said in line


def test_no_answer_shows_a_password_hash(bot: Path) -> None:
    asked = [
        ["trace", "trading-bot/config.users", "admin"], ["trace", "--from", "b.duckdb", "users", "admin"],
        ["as-of", "2999-01-01", "trading-bot/config.users"], ["sql", "SELECT * FROM trading_bot_config.users"],
        ["sql", "SELECT data FROM events"], ["log", "--type", "bot-user-registered"], ["history", "bot-user:admin"],
        ["export", "--format", "jsonl"], ["export", "--format", "csv"],
    ]  # fmt: skip
    for arguments in asked:
        found = run(bot, *arguments)
        assert found.exit_code == 0, found.stderr
        assert HASH not in found.output
        assert "••••" in found.output or r"\u2022\u2022" in found.output
