"""Tables of the trading bot in the shapes that their later and earlier programs gave them (legacy facts 1.2, 2.3, 4.7)."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from domain.bot_config import DerivativesMasterListed, DownloadJobUpdated
from domain.bot_trading import BotPositionReported
from domain.market import BarsRecorded
from migrations import script
from replay.report import RunReport
from replay.trading_bot.system import SYSTEM
from replay.trading_bot.tables import CONFIG, EXECUTION
from tests.legacy import tally
from tests.replay.trading_bot.test_market_series import blocks, replayed
from tests.replay.trading_bot.test_source import MONOLITH, assert_proven
from tests.trading_bot import legacy
from tests.trading_bot.rows import CRUDE, RELIANCE, SESSIONS, Row
from tests.trading_bot.translating import translated

BAR = {"open": 1.0, "high": 2.0, "low": 0.5, "close": 1.5, "volume": 7}
PRICES = "open DOUBLE, high DOUBLE, low DOUBLE, close DOUBLE, volume BIGINT"


def bar(minute: int, **cells: object) -> Row:
    return {**BAR, "timestamp": f"{SESSIONS[0]} 09:{15 + minute}:00", **cells}


def bars(
    source: Path, file: str, columns: str, rows: list[Row], tmp_path: Path
) -> tuple[RunReport, list[BarsRecorded]]:
    path = source / file
    path.parent.mkdir(parents=True)
    legacy.write_duckdb(path, f"CREATE TABLE candles ({columns}, timestamp TIMESTAMP, {PRICES})", {"candles": rows})
    report = replayed(source, tmp_path / "home")
    assert_proven(report)
    return report, blocks(tmp_path / "home", BarsRecorded)


def test_m7_bars_of_a_monolith_that_says_their_timeframe_are_none_of_one_minute(tmp_path: Path) -> None:
    rows = [bar(0, instrument_key=RELIANCE, timeframe=said) for said in ("1m", "15minute", "1d", "fortnight")]
    columns = "instrument_key VARCHAR, timeframe VARCHAR"
    report, found = bars(tmp_path / "bot", MONOLITH, columns, rows, tmp_path)
    assert sorted((one.timeframe, one.count) for one in found) == [("15m", 1), ("1d", 1), ("1m", 1)]
    assert tally(report, MONOLITH, "candles").kept_reasons == {"the timeframe is not known": 1}


@pytest.mark.parametrize(("zone", "stored"), [("UTC", "2026-02-01 18:30:00"), ("Asia/Kolkata", "2026-02-02 00:00:00")])
def test_m8_a_daily_bar_is_of_its_session_also_where_the_evening_before_was_stored(
    zone: str, stored: str, tmp_path: Path
) -> None:
    columns = "instrument_key VARCHAR, timeframe VARCHAR"
    row = bar(0, instrument_key=RELIANCE, timeframe="1d") | {"timestamp": stored}
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "daybook.toml").write_text(f'[sources.trading_bot.timezones]\ncandles = "{zone}"\n')
    report, (found,) = bars(tmp_path / "bot", MONOLITH, columns, [row], tmp_path)
    assert (found.session, found.time, found.timeframe) == ("2026-02-02", [0], "1d")
    assert not tally(report, MONOLITH, "candles").kept


@pytest.mark.parametrize("file", [MONOLITH, f"market_data/nse/candles/1m/{SESSIONS[0]}.duckdb"])
def test_of_two_columns_that_name_the_instrument_either_may_be_empty(file: str, tmp_path: Path) -> None:
    columns = "symbol VARCHAR DEFAULT '', instrument_key VARCHAR DEFAULT '', timeframe VARCHAR DEFAULT '1m'"
    rows = [bar(0, symbol=RELIANCE), bar(1, instrument_key=RELIANCE), bar(2, symbol=RELIANCE, instrument_key=RELIANCE),
            bar(0, instrument_key=CRUDE), bar(3)]  # fmt: skip
    report, found = bars(tmp_path / "data", file, columns, rows, tmp_path)
    assert sorted((one.symbol, one.exchange, one.count) for one in found) == [(CRUDE, "mcx", 1), (RELIANCE, "nse", 3)]
    about = tally(report, file, "candles")
    assert (about.kept, about.unknown_columns) == (1, [])
    assert replayed(tmp_path / "data", tmp_path / "home").events_appended == 0


def test_a_symbol_without_a_segment_is_taken_for_one_of_nse_and_that_is_counted(tmp_path: Path) -> None:
    rows = [bar(0, instrument_key="NIFTY"), bar(1, instrument_key="NIFTY"), bar(0, instrument_key=RELIANCE)]
    report, found = bars(tmp_path / "bot", MONOLITH, "instrument_key VARCHAR", rows, tmp_path)
    assert {(one.symbol, one.exchange, one.assumed) for one in found} == {
        ("NIFTY", "nse", ("exchange",)), (RELIANCE, "nse", ()),
    }  # fmt: skip
    assert tally(report, MONOLITH, "candles").assumed == {"exchange": 2}


def test_a_quantity_without_a_sign_gets_that_of_its_side(tmp_path: Path) -> None:
    made = script("legacy", "trading_bot", "isolated_execution.sql")
    sides = [("LONG", 5.0), ("SHORT", -5.0), ("FLAT", 0.0)]
    rows = [
        {"symbol": side, "side": side, "quantity": abs(signed), "avg_price": 2.5, "timestamp": "2026-02-02T10:00:00"}
        for side, signed in sides
    ]
    found = translated(legacy.write_sqlite(tmp_path / "store.db", made, {"positions": rows}), EXECUTION)
    said = [one for one in found.events(BotPositionReported) if isinstance(one, BotPositionReported)]
    assert [(one.symbol, one.quantity, one.avg_entry_price) for one in said] == [
        (side, Decimal(repr(signed)), Decimal("2.5")) for side, signed in sides
    ]


@pytest.mark.parametrize(
    ("said", "percent"),
    [(42.5, "42.5"), ("50%", "50"), ("5/100", "5"), ("1/8", "12.5"), ("3/0", None), ("soon", None), (None, None)],
)
def test_a_downloads_progress_is_percent_however_it_was_written(
    said: float | str | None, percent: str | None, tmp_path: Path
) -> None:
    schema = "CREATE TABLE download_jobs (job_id TEXT PRIMARY KEY, progress)"
    path = legacy.write_sqlite(tmp_path / "a.db", schema, {"download_jobs": [{"job_id": "j", "progress": said}]})
    (job,) = translated(path, CONFIG).events(DownloadJobUpdated)
    assert isinstance(job, DownloadJobUpdated)
    assert job.progress == (None if percent is None else Decimal(percent))
    assert job.progress_text == (said if isinstance(said, str) else None)


def test_the_master_list_of_the_stores_says_when_it_was_updated(tmp_path: Path) -> None:
    schema = "CREATE TABLE fo_stocks_master (trading_symbol TEXT PRIMARY KEY, instrument_key TEXT, last_updated TEXT)"
    row = {"trading_symbol": "RELIANCE", "instrument_key": RELIANCE, "last_updated": "2026-02-02T10:00:00Z"}
    found = translated(legacy.write_sqlite(tmp_path / "a.db", schema, {"fo_stocks_master": [row]}), CONFIG)
    (listed,) = found.events(DerivativesMasterListed)
    assert listed.occurred_at == "2026-02-02T10:00:00.000000Z"
    assert found.tallies["fo_stocks_master"].unknown_columns == []


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ("user_roles", "which columns user_roles has is not known of any version of the legacy system"),
        ("trades", "trades has other columns than any version of the legacy system gave it"),
        ("fills", "fills does not belong into trading_bot.duckdb"),
        ("notes", "no event describes this table"),
    ],
)
def test_a_table_that_is_only_kept_says_why(table: str, reason: str) -> None:
    assert SYSTEM.why_kept(MONOLITH, table) == reason
