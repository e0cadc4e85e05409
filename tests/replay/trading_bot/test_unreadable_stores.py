"""Stores of the isolated layout that cannot be read: each is named, what the others say comes in, and the rest later."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from operations.replaying import replay
from operations.rounds import Watcher
from replay import run
from replay.freezing import freeze
from replay.report import RunReport
from replay.trading_bot.system import SYSTEM
from replay.trading_bot.tables import CONFIG, SIGNALS
from tests.cli.program import run as run_cli
from tests.replay.trading_bot.test_market_series import bars_of, ticks_of
from tests.replay.trading_bot.test_row_replays import shown
from tests.replay.trading_bot.test_source import assert_proven, held, newer
from tests.trading_bot import legacy, rows
from tests.trading_bot.rows import SESSIONS

LIVE = "live_buffer/ticks_today.duckdb"
DAY = f"market_data/nse/candles/1m/{SESSIONS[0]}.duckdb"
USERS, SIGNALLED = ("trading-bot/config", "users"), ("trading-bot/signals", "signals")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "freeze", partial(freeze, lock_wait_s=0.1))
    monkeypatch.setattr("operations.rounds.LOCK_WAIT_S", 0.1)
    monkeypatch.setattr("operations.rounds.RETRY_S", 0)


def written(tmp_path: Path, *names: str) -> Path:
    """The stores whose names begin so."""
    stores = legacy.isolated(per_session=2)
    return legacy.write_isolated(tmp_path / "data", {one: stores[one] for one in stores if one.startswith(names)})


def replayed(source: Path, home: Path) -> RunReport:
    return replay(source, home, timezone="Asia/Kolkata")


def test_what_can_be_read_comes_in_and_the_rest_when_it_can_be(tmp_path: Path) -> None:
    source = written(tmp_path, "market", "live", "signals", "config")
    home, damaged = tmp_path / "home", {name: (source / name).read_bytes() for name in (DAY, SIGNALS)}
    (source / DAY).write_bytes(newer(damaged[DAY]))
    (source / SIGNALS).write_bytes(damaged[SIGNALS][:2_000] + b"\0" * 5_000)
    with held(source / LIVE) as bot:
        report = replayed(source, home)
        assert {*report.failed} == {DAY, LIVE, SIGNALS}
        assert f"process {bot.pid}" in report.failed[LIVE]
        assert "version" in report.failed[DAY]
        assert (report.exit_code, report.in_part, report.proven, report.mismatches) == (3, True, True, [])
        again = run_cli("replay", source, "--timezone", "Asia/Kolkata", home=home)
        assert again.exit_code == 3
        assert "3 of" in again.stdout
        assert "files could not be read; of the others" in again.stdout
        assert " 0 events appended, proven" in again.stdout
    assert "All that the others say is recorded" in next((home / "reports").glob("*.md")).read_text()
    assert [row["username"] for row in shown(home, *USERS)] == ["admin", "asha"]
    assert {session for _, session, _, _ in bars_of(home)} == {str(day) for day in SESSIONS[1:]}
    assert not ticks_of(home)
    for name, content in damaged.items():
        (source / name).write_bytes(content)
    assert_proven(replayed(source, home))
    assert run_cli("verify", home=home).exit_code == 0
    assert len(shown(home, *SIGNALLED)) == len(rows.signals(dirt=True))
    assert_proven(replay(source, tmp_path / "whole", timezone="Asia/Kolkata", catch_up=False))
    for of in (bars_of, ticks_of):
        assert of(home) == of(tmp_path / "whole")


def test_rows_of_a_store_that_cannot_be_read_any_more_are_not_taken_for_removed(tmp_path: Path) -> None:
    home, source = tmp_path / "home", written(tmp_path, "config", "signals")
    assert_proven(replayed(source, home))
    users = shown(home, *USERS)
    (source / CONFIG).write_bytes(b"SQLite format 3\0" + b"\1" * 5_000)
    report = replayed(source, home)
    assert (report.events_appended, {*report.failed}) == (0, {CONFIG})
    assert shown(home, *USERS) == users


def test_a_watch_does_not_wait_for_a_store_that_a_running_bot_holds(tmp_path: Path) -> None:
    source = written(tmp_path, LIVE, "config")
    watcher = Watcher(source, tmp_path / "home", SYSTEM, "Asia/Kolkata")
    with held(source / LIVE):
        done = watcher.look()
        assert done is not None
        assert done.report is not None
        assert {*watcher.troubles} == {LIVE}
        assert shown(tmp_path / "home", *USERS)
    watcher.look()
    assert not watcher.troubles
    assert ticks_of(tmp_path / "home")
