"""Naive times in the bot's SQLite stores, where UTC and local time stand in one column (legacy facts 1.4)."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.bot_signals import SignalEmitted
from migrations import script
from operations.replaying import replay
from replay.trading_bot.tables import SIGNALS
from tests.legacy import tally
from tests.replay.trading_bot.test_market_series import blocks
from tests.replay.trading_bot.test_source import assert_proven
from tests.trading_bot import legacy

# As the bot's programs write them: its replay clock, its live clock, and SQLite itself, where a statement gives no time.
NAIVE, LIVE, SQLITES = "2026-02-02 15:30:00.250000", "2026-02-02 15:30:00.500000+05:30", "2026-02-02 10:00:00"
BAR = "2026-02-02 15:29:00"
"""Of the bar that gave the signal: without a fraction it looks as if SQLite had written it, which never fills this column."""


def signals(tmp_path: Path, settings: str, timezone: str | None) -> tuple[dict[str, tuple[str, ...]], dict[str, int]]:
    """When each signal was given and when its bar began, hours and minutes in UTC; and what was assumed how often."""
    source, home = tmp_path / "data" / SIGNALS, tmp_path / "home"
    source.parent.mkdir(parents=True)
    home.mkdir()
    (home / "daybook.toml").write_text(settings)
    made = {"naive": NAIVE, "live": LIVE, "sqlite": SQLITES}
    rows = [{"signal_id": name, "created_at": at, "bar_ts": BAR} for name, at in made.items()]
    legacy.write_sqlite(source, script("legacy", "trading_bot", "isolated_signals.sql"), {"signals": rows})
    report = replay(tmp_path / "data", home, timezone=timezone)
    assert_proven(report)
    assert replay(tmp_path / "data", home, timezone=timezone).events_appended == 0
    found = {
        one.signal_id: tuple(at[11:16] for at in (one.occurred_at, one.bar_ts)) for one in blocks(home, SignalEmitted)
    }
    return found, dict(tally(report, SIGNALS, "signals").assumed)


def test_a_zone_for_a_table_that_no_file_has_is_noticed(tmp_path: Path) -> None:
    source, home = tmp_path / "data" / SIGNALS, tmp_path / "home"
    source.parent.mkdir(parents=True)
    home.mkdir()
    named = "".join(f'"{one}" = "UTC"\n' for one in ("signals", "signals.bar_ts", "signal", "signals.bar"))
    (home / "daybook.toml").write_text(f"[sources.trading_bot.timezones]\n{named}")
    legacy.write_sqlite(source, script("legacy", "trading_bot", "isolated_signals.sql"), {})
    findings = replay(tmp_path / "data", home, catch_up=False).findings
    assert findings == [f"a time zone is named for {one}, which no file has" for one in ("signal", "signals.bar")]


@pytest.mark.parametrize(
    ("settings", "timezone", "times", "assumed"),
    [
        ("", "Asia/Kolkata", [("10:00", "09:59")] * 3, {"occurred_at": 1}),
        ("", None, [("15:30", "15:29"), ("10:00", "15:29"), ("10:00", "15:29")], {"occurred_at": 2, "bar_ts": 3}),
        ('signals = "Asia/Kolkata"', None, [("10:00", "09:59"), ("10:00", "09:59"), ("04:30", "09:59")], {}),
        ('"signals.bar_ts" = "Asia/Kolkata"', None,
         [("15:30", "09:59"), ("10:00", "09:59"), ("10:00", "09:59")], {"occurred_at": 2}),
        ('signals = "Asia/Kolkata"\n"signals.created_at" = "UTC"', None,
         [("15:30", "09:59"), ("10:00", "09:59"), ("10:00", "09:59")], {}),
    ],
    ids=["one zone", "none", "of the table", "of a column", "of both"],
)  # fmt: skip
def test_an_offset_counts_as_it_is_and_what_is_naive_is_read_by_the_clock_of_its_column(
    settings: str, timezone: str | None, times: list[tuple[str, str]], assumed: dict[str, int], tmp_path: Path
) -> None:
    section = f"[sources.trading_bot.timezones]\n{settings}\n" if settings else ""
    found, counted = signals(tmp_path, section, timezone)
    assert found == dict(zip(("naive", "live", "sqlite"), times, strict=True))
    assert counted == assumed
