"""A purge is Daybook's own forgetting: the files that are written again have the prices, so the way back stays whole."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from domain.event import topic_of
from domain.moments import instant
from domain.prices import PriceHistoryPurged
from domain.universe import SecurityRemoved, SecurityRestored
from ledger.log import open_log
from operations.cutover import CutOverRequest, cut_over
from operations.ledger import Ledger
from operations.replaying import silent
from operations.retention import retention
from tests.cli.program import run
from tests.cutover.asking import asked, enter, export, facts, replayed
from tests.legacy import Legacy, bar, position, security, trade

STAMP = "2025-01-01 10:00:00"
PURGE = topic_of(PriceHistoryPurged)


@pytest.fixture
def purged(legacy: Legacy) -> Legacy:
    """A legacy system with two securities, of which the read models have forgotten one."""
    legacy.write("config.db", "config_v12", settings=[{"key": "a", "value": "1", "updated_at": STAMP}],
                 securities=[security("AAPL.US"), security("OLD.US")])  # fmt: skip
    legacy.write("ledger.db", "ledger_v4", trades=[trade("T1")])
    legacy.write("state.db", "state_v4", positions=[position("AAPL.US", 10)])
    legacy.write("history/AAPL_US.db", "history_v1", daily_prices=[bar("2025-01-01")])
    legacy.write("history/OLD_US.db", "history_v1", daily_prices=[bar("2025-01-01"), bar("2025-01-02")])
    legacy.replay()
    now = datetime.now(UTC)
    gone = SecurityRemoved(occurred_at=instant(now - timedelta(days=40)), symbol="OLD.US")
    enter(legacy.home, ("security:OLD.US", gone))
    assert retention(legacy.home, now=now).purged == ["OLD.US"]
    assert asked(legacy.home / "history.db", "SELECT DISTINCT symbol FROM daily_prices") == [("AAPL.US",)]
    return legacy


def test_a_cut_over_is_rehearsed_after_a_purge_without_a_difference(purged: Legacy) -> None:
    report = cut_over(purged.home, CutOverRequest(source=purged.folder), tell=silent)
    assert [(step.name, step.found) for step in report.steps if step.found] == []
    assert report.breaks == []


def test_the_written_files_hold_the_prices_and_replay_into_an_equal_ledger(purged: Legacy, tmp_path: Path) -> None:
    written = export(purged.home, tmp_path / "written")
    assert (written.exit_code, written.written.own[PURGE], written.written.unwritten) == (0, 1, [])
    query = "SELECT date, close_price FROM daily_prices ORDER BY date"
    assert asked(tmp_path / "written/history/OLD_US.db", query) == asked(purged.folder / "history/OLD_US.db", query)
    mine = {key: fact for key, fact in facts(purged.home).items() if not key[0].startswith("retention:")}
    assert replayed(tmp_path / "written", tmp_path / "again") == mine
    page = run("export-legacy", tmp_path / "page", home=purged.home)
    assert "Daybook's own" in page.output
    assert f"1 {PURGE}" in page.output


def test_a_security_that_was_restored_here_stands_in_the_written_files(purged: Legacy, tmp_path: Path) -> None:
    with Ledger.open(purged.home) as ledger:
        ledger.record({"entry": "security-restore", "symbol": "OLD.US"})
    with open_log(purged.home) as log:
        assert log.stream("security:OLD.US")[-1].topic == topic_of(SecurityRestored)
    written = export(purged.home, tmp_path / "written")
    assert (written.exit_code, written.written.unwritten) == (0, [])
    assert asked(tmp_path / "written/config.db", "SELECT symbol FROM securities ORDER BY symbol") == [
        ("AAPL.US",), ("OLD.US",)
    ]  # fmt: skip
    again, mine = replayed(tmp_path / "written", tmp_path / "again"), facts(purged.home)
    stated = {name: mine["security:OLD.US", None][name] for name in ("symbol", "name", "active", "occurred_at")}
    assert {name: again["security:OLD.US", None][name] for name in stated} == stated
