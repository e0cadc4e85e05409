"""Bars and ticks of the trading bot as blocks: every row comes back, or is kept with the reason; beside a plain oracle."""

from __future__ import annotations

import shutil
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from domain.event import Event, decode, topic_of
from domain.market import MICROSECONDS, BarsRecorded, BarsVoided, TicksRecorded
from ledger.log import open_log
from operations.replaying import legacy_system, replay
from operations.rounds import Watcher
from replay import market_blocks
from replay.market_series import DUPLICATE
from replay.report import RunReport
from tests.legacy import tally
from tests.replay.trading_bot.test_source import MONOLITH, assert_proven, sql
from tests.trading_bot import legacy, rows
from tests.trading_bot.rows import INDIA, RELIANCE, SESSIONS

BAR = ("open", "high", "low", "close", "volume", "is_synthetic")
TICK = ("price", "volume")
BarKey = tuple[str, str, str, int]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A monolith of which only the series are of interest here, made once."""
    return written_in(tmp_path_factory.mktemp("bot"), INDIA)


def written_in(folder: Path, zone: ZoneInfo) -> Path:
    tables = {
        name: its_rows
        for name, its_rows in legacy.monolith_b(per_session=3, zone=zone).items()
        if name in ("candles", "ohlcv_resampled", "live_ticks")
    }
    legacy.write_monolith(folder / MONOLITH, "b", tables)
    return folder


@pytest.fixture
def source(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written, tmp_path / "bot"))


def replayed(source: Path, home: Path, timezone: str | None = "Asia/Kolkata") -> RunReport:
    """A run without read models, which these tests do not look at."""
    return replay(source, home, timezone=timezone, catch_up=False)


def blocks(home: Path, event: type[Event]) -> list[Any]:
    with open_log(home) as log:
        return [decode(one.topic, one.state) for one in log.read(topics=[topic_of(event)])]


def cells(block: Any, names: tuple[str, ...]) -> list[tuple[Any, ...]]:
    """The rows of a block: microseconds after midnight, then these columns."""
    columns = [getattr(block, name) for name in names]
    spread = [one if isinstance(one, list) else [one] * block.count for one in columns]
    return list(zip([one * MICROSECONDS[block.unit] for one in block.time], *spread, strict=True))


def bars_of(home: Path, timeframe: str = "1m") -> dict[BarKey, tuple[Any, ...]]:
    """What the log says of each bar, the newest of each."""
    found = {}
    for block in blocks(home, BarsRecorded):
        for micros, *values in cells(block, BAR):
            found[block.symbol, block.session, block.timeframe, micros] = tuple(values)
    return {key: values for key, values in found.items() if key[2] == timeframe}


def micros(at: datetime) -> int:
    return (at - at.replace(hour=0, minute=0, second=0, microsecond=0)) // timedelta(microseconds=1)


def local(row: rows.Row, zone: ZoneInfo, column: str = "timestamp") -> datetime:
    """The clock in India, worked out by Python's own time zones."""
    found: datetime = row[column].replace(tzinfo=zone).astimezone(INDIA)
    return found


def expected_bars(zone: ZoneInfo = INDIA) -> dict[BarKey, tuple[Any, ...]]:
    """The bars that are sound, by a loop over what was written. The first of two with one key counts."""
    found: dict[BarKey, tuple[Any, ...]] = {}
    for bar in legacy.monolith_b(per_session=3, zone=zone)["candles"]:
        at = local(bar, zone)
        known = bar["instrument_key"].startswith(("NSE", "MCX")) and ".." not in bar["instrument_key"]
        if bar["volume"] is not None and bar["high"] >= bar["low"] and known and at.hour < 16:
            key = (bar["instrument_key"], str(at.date()), "1m", micros(at))
            found.setdefault(key, tuple(bar[name] if name != "is_synthetic" else int(bar[name]) for name in BAR))
    return found


def test_m4_m5_every_sound_bar_is_in_a_block_of_its_exchange_and_every_other_is_kept_with_the_reason(
    source: Path, tmp_path: Path
) -> None:
    report = replayed(source, tmp_path / "home")
    assert_proven(report)
    assert bars_of(tmp_path / "home") == expected_bars()
    about = tally(report, MONOLITH, "candles")
    assert dict(about.kept_reasons) == {
        "volume is missing": 1,
        "high is below low": 1,
        "the time lies outside of the session": 1,
        "instrument_key holds a slash or two dots": 1,
        "the exchange of the symbol is not known": 1,
        DUPLICATE: 1,
    }
    assert about.read == about.events + about.kept == len(legacy.monolith_b(per_session=3)["candles"])
    placed = {(one.symbol.partition("_")[0].lower(), one.exchange) for one in blocks(tmp_path / "home", BarsRecorded)}
    assert placed == {("nse", "nse"), ("mcx", "mcx")}


def test_m6_ticks_of_one_second_all_survive_and_later_ones_go_on_with_the_numbers(source: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert_proven(replayed(source, home))
    expected = expected_ticks()
    assert ticks_of(home) == expected
    assert max(Counter(at for _, at, _, _ in expected.elements()).values()) > 2
    twin, early = f"'{SESSIONS[2]} 09:15:00', 1420.0, 10", f"'{SESSIONS[2]} 09:14:59.125', 1.5, NULL"
    added = f"VALUES ('{RELIANCE}', {twin}), ('{RELIANCE}', {early})"
    sql(source / MONOLITH, f"INSERT INTO live_ticks (symbol, exchange_ts, price, volume) {added}")
    report = replayed(source, home)
    assert_proven(report)
    assert tally(report, MONOLITH, "live_ticks").events == 2
    numbers = [
        number for block in blocks(home, TicksRecorded) for number in block.numbers if block.session == str(SESSIONS[2])
    ]
    assert sorted(numbers) == list(range(1, len(numbers) + 1))
    assert blocks(home, TicksRecorded)[-1].unit == "ms"
    assert replayed(source, home).events_appended == 0


def timed_ticks() -> list[tuple[rows.Row, datetime]]:
    return [(row, local(row, INDIA, "exchange_ts")) for row in rows.ticks(dirt=True)]


def expected_ticks() -> Counter[tuple[Any, ...]]:
    """The ticks within the session, by a loop over what was written; twins are two."""
    return Counter(
        (str(at.date()), micros(at), row["price"], row["volume"]) for row, at in timed_ticks() if at.hour < 16
    )


def ticks_of(home: Path) -> Counter[tuple[Any, ...]]:
    return Counter((block.session, *row) for block in blocks(home, TicksRecorded) for row in cells(block, TICK))


def test_m7_longer_bars_keep_their_timeframe_and_the_word_for_it(source: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    report = replayed(source, home)
    assert tally(report, MONOLITH, "ohlcv_resampled").events == len(rows.resampled(INDIA))
    said = {(one.timeframe, one.extra.get("timeframe")) for one in blocks(home, BarsRecorded)}
    assert {("5m", "5minute"), ("15m", "15minute"), ("1h", "60minute"), ("1d", "1day")} <= said


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "UTC"])
def test_m8_bars_that_were_stored_in_either_zone_are_the_same_bars(zone: str, tmp_path: Path) -> None:
    """Facts 1.4: the same program stored 09:15 on a host in India and 03:45 on one in UTC."""
    for name in ("home", "bot"):
        (tmp_path / name).mkdir()
    named = ZoneInfo(zone)
    (tmp_path / "home" / "daybook.toml").write_text(
        f'[sources.trading_bot]\ntimezone = "Asia/Kolkata"\n[sources.trading_bot.timezones]\ncandles = "{zone}"\n'
    )
    assert_proven(replayed(written_in(tmp_path / "bot", named), tmp_path / "home", None))
    assert bars_of(tmp_path / "home") == expected_bars(named) == expected_bars()


def test_a_zone_that_is_corrected_voids_the_bars_that_were_misread(source: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert_proven(first := replayed(source, home, None))
    assert tally(first, MONOLITH, "live_ticks").assumed["time"]
    misread = [one for one in blocks(home, BarsRecorded) if one.timeframe == "1m"]
    assert_proven(replayed(source, home))
    voided = Counter(
        (one.symbol, one.session, at) for one in blocks(home, BarsVoided) for at in one.time if one.timeframe == "1m"
    )
    assert voided == Counter((one.symbol, one.session, at) for one in misread for at in one.time)
    left = [one for one in blocks(home, BarsRecorded) if one.timeframe == "1m"][len(misread) :]
    assert sum(one.count for one in left) == len(expected_bars())
    assert replayed(source, home).events_appended == 0


def test_a_changed_bar_comes_in_again_and_alone(source: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    replayed(source, home)
    at = f"{SESSIONS[0]} 09:16:00"
    sql(
        source / MONOLITH,
        f"UPDATE candles SET close = '-0.0' WHERE instrument_key = '{RELIANCE}' AND timestamp = '{at}'",
    )
    report = replayed(source, home)
    assert_proven(report)
    assert tally(report, MONOLITH, "candles").events == 1
    assert str(bars_of(home)[RELIANCE, str(SESSIONS[0]), "1m", micros(datetime.fromisoformat(at))][3]) == "-0.0"
    assert replayed(source, home).events_appended == 0


def test_the_day_files_of_the_isolated_layout_bring_nothing_that_the_monolith_had(source: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    replayed(source, home)
    before = len(blocks(home, BarsRecorded)), ticks_of(home)
    stores = legacy.write_isolated(tmp_path / "data", legacy.isolated(per_session=3))
    report = replayed(stores, home)
    assert_proven(report)
    assert (len(blocks(home, BarsRecorded)), ticks_of(home)) == before
    day = f"market_data/nse/candles/1m/{SESSIONS[0]}.duckdb"
    assert tally(report, day, "candles").unchanged == tally(report, day, "candles").read > 0


def test_the_size_of_what_is_read_at_once_changes_nothing(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = replayed(source, tmp_path / "whole")
    monkeypatch.setattr(market_blocks, "ROWS_AT_ONCE", 4)
    assert_proven(parts := replayed(source, tmp_path / "parts"))
    assert bars_of(tmp_path / "parts") == bars_of(tmp_path / "whole")
    assert counts(parts) == counts(whole)


def counts(report: RunReport) -> list[tuple[str, int, int, int]]:
    return sorted((one.table, one.read, one.events, one.kept) for one in report.tables)


@pytest.mark.parametrize("planted", ["1.5", "null"])
def test_m12_a_block_that_says_something_else_is_found_by_the_proof(
    planted: str, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = market_blocks._packed
    monkeypatch.setattr(market_blocks, "_packed", lambda *of: planted if packed(*of) != of[0] else of[0])
    report = replayed(source, tmp_path / "home")
    assert not report.proven
    assert report.exit_code == 1
    assert any(RELIANCE in one.subject for one in report.mismatches)


def test_blocks_are_in_order_of_valid_time_and_small(source: Path, tmp_path: Path) -> None:
    replayed(source, tmp_path / "home")
    times = [one.occurred_at for one in blocks(tmp_path / "home", BarsRecorded)]
    assert times == sorted(times)
    assert times[0] == datetime(2026, 1, 30, 3, 45, tzinfo=UTC).strftime("%Y-%m-%dT%H:%M:%S.000000Z")


def test_a_watch_sees_what_is_added_to_a_series(source: Path, tmp_path: Path) -> None:
    watcher = Watcher(source, tmp_path / "home", legacy_system(None, source), "Asia/Kolkata")
    assert watcher.look()
    assert watcher.look() is None
    sql(source / MONOLITH, f"INSERT INTO candles VALUES ('{RELIANCE}', '{SESSIONS[2]} 11:00:00', 1, 1, 1, 1, 1, FALSE)")
    done = watcher.look()
    assert done is not None
    assert done.report is not None
    assert_proven(done.report)
    assert bars_of(tmp_path / "home")[RELIANCE, str(SESSIONS[2]), "1m", 11 * 3_600 * 10**6] == (
        1.0,
        1.0,
        1.0,
        1.0,
        1.0,
        0,
    )
