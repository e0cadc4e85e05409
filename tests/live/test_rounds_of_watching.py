"""A watch reads again what changed, takes the rest as it was, and ends where whole replays end."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import settings

from domain.errors import SourceError
from ledger.log import open_log
from operations import divergence, rounds
from operations.progress import Teller
from operations.replaying import replay
from operations.rounds import GONE, Round, Watcher
from operations.verifying import verify
from replay.arduino_trader import SYSTEM
from replay.report import RunReport
from tests.legacy import Legacy, bar, position, trade
from tests.replay.oracle import chain_holds, listing, stored
from tests.replay.test_bad_sources import held
from tests.replay.test_rounds import LivingFolder


def watching(legacy: Legacy) -> Watcher:
    """A watch that has had its first round."""
    watcher = Watcher(legacy.folder, legacy.home, SYSTEM, None)
    assert report_of(watcher.look()).proven
    return watcher


def report_of(done: Round | None) -> RunReport:
    assert done is not None
    assert done.report is not None
    assert done.report.mismatches == []
    assert done.report.sums_hold
    return done.report


def quiet(watcher: Watcher) -> None:
    """A change in the same tick of the clock as the one before is looked for once more; then there is nothing to do."""
    for _ in range(2):
        done = watcher.look()
        assert done is None or (done.report is not None and not done.report.events_appended)
    assert watcher.look() is None


def tables_read(report: RunReport) -> list[tuple[str, str]]:
    return sorted((one.file, one.table) for one in report.tables)


def is_sound(home: Path) -> bool:
    return verify(home, "all", repair=False, tell=Teller().tell).exit_code == 0


def test_only_the_table_that_changed_is_read_again(full: Legacy) -> None:
    watcher = watching(full)
    quiet(watcher)
    full.write("ledger.db", trades=[trade("T2")])
    report = report_of(watcher.look())
    assert tables_read(report) == [("ledger.db", "trades")]
    assert [one["order_id"] for one in full.events("trade-executed")] == ["T1", "T2"]
    assert full.model("portfolio", "SELECT quantity FROM positions") == [(10.0,)]
    assert [one.kind for one in report.breaks] == ["position"]
    quiet(watcher)
    assert is_sound(full.home)


def test_a_row_that_changes_and_one_that_goes_are_recorded_and_other_tables_left_alone(full: Legacy) -> None:
    full.write("config.db", settings=[{"key": k, "value": "1", "updated_at": "2025-01-02"} for k in "ab"])
    watcher = watching(full)
    full.run("config.db", "DELETE FROM settings WHERE key = 'a'; UPDATE settings SET value = '2'")
    report = report_of(watcher.look())
    assert ("config.db", "securities") not in tables_read(report)
    assert full.model("config", "SELECT key, value FROM settings") == [("b", "2")]
    assert full.events("security-removed") == []
    assert is_sound(full.home)


def test_a_table_that_is_dropped_takes_only_its_own_rows_along(full: Legacy) -> None:
    full.write("config.db", settings=[{"key": "a", "value": "1", "updated_at": "2025-01-02"}])
    watcher = watching(full)
    full.run("config.db", "DROP TABLE settings")
    report_of(watcher.look())
    assert [one["key"] for one in full.events("setting-removed")] == ["a"]
    assert full.model("universe", "SELECT symbol FROM securities") == [("AAPL.US",)]


def test_files_that_are_written_again_with_the_same_in_them_are_no_news(full: Legacy) -> None:
    watcher = watching(full)
    quiet(watcher)
    before = stored(full.home)
    for file in ("ledger.db", "history/AAPL_US.db"):
        path = full.folder / file
        os.utime(path)
        shutil.copy(path, full.folder / "new")
        (full.folder / "new").replace(path)
    assert watcher.look() is None
    full.run("state.db", "UPDATE positions SET quantity = quantity")
    quiet(watcher)
    assert stored(full.home) == before
    assert is_sound(full.home)


def test_a_new_file_is_read_and_one_that_goes_away_takes_nothing_along(full: Legacy) -> None:
    watcher = watching(full)
    full.write("history/MSFT_US.db", "history_v1", daily_prices=[bar("2025-01-02")])
    assert tables_read(report_of(watcher.look()))[0][0] == "history/MSFT_US.db"
    kept = (full.folder / "config.db").rename(full.folder.parent / "config.db")
    quiet(watcher)
    assert {name: one.reason for name, one in watcher.troubles.items()} == {"config.db": GONE}
    full.write("ledger.db", trades=[trade("T2", currency=None)])
    report_of(watcher.look())
    # What is known of the securities is known still: the currency of the trade is that of its security.
    assert [one["currency"] for one in full.events("trade-executed")] == ["USD", "USD"]
    assert full.events("security-removed") == []
    assert is_sound(full.home)
    kept.rename(full.folder / "config.db")
    quiet(watcher)
    assert watcher.troubles == {}


def test_a_half_written_file_waits_until_it_is_whole_and_the_others_go_on(full: Legacy) -> None:
    watcher = watching(full)
    full.write("history/MSFT_US.db", "history_v1", daily_prices=[bar(f"2025-01-{day:02}") for day in range(1, 29)])
    path = full.folder / "history" / "MSFT_US.db"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    full.write("ledger.db", trades=[trade("T2")])
    report = report_of(watcher.look())
    assert [one["order_id"] for one in full.events("trade-executed")] == ["T1", "T2"]
    assert report.failed == {}
    assert watcher.troubles.keys() == {"history/MSFT_US.db"}
    path.write_bytes(whole)
    assert report_of(watcher.look()).rows == 28
    assert watcher.troubles == {}
    assert is_sound(full.home)


def test_a_file_that_others_depend_on_is_waited_for_when_it_was_never_read(full: Legacy) -> None:
    path = full.folder / "config.db"
    whole = path.read_bytes()
    path.write_bytes(whole[:5000])
    watcher = Watcher(full.folder, full.home, SYSTEM, None)
    held_up = watcher.look()
    assert held_up is not None
    assert held_up.report is None
    assert stored(full.home) == []
    path.write_bytes(whole)
    assert report_of(watcher.look()).proven
    assert len(list((full.home / "backups").iterdir())) == 1


def test_a_locked_file_waits_and_what_is_known_of_it_stands(full: Legacy) -> None:
    watcher = watching(full)
    full.write("state.db", positions=[position("MSFT.US", 1)])
    with held(full.folder / "ledger.db", "BEGIN EXCLUSIVE", "DELETE FROM trades"):
        os.utime(full.folder / "ledger.db")
        report_of(watcher.look())
        assert "locked for writing" in watcher.troubles["ledger.db"].reason
        assert full.model("portfolio", "SELECT symbol FROM holding_states WHERE report IS NOT NULL") == [
            ("AAPL.US",), ("MSFT.US",)
        ]  # fmt: skip
    quiet(watcher)
    assert len(full.events("trade-executed")) == 1
    assert full.events("trade-voided") == []


def test_a_transaction_that_is_not_committed_is_not_read_and_keeps_nobody_waiting(full: Legacy) -> None:
    watcher = watching(full)
    full.write("ledger.db", trades=[trade("T2")])
    with held(full.folder / "ledger.db", "BEGIN IMMEDIATE", "UPDATE trades SET symbol = 'WRONG.US'"):
        report_of(watcher.look())
    assert [one["symbol"] for one in full.events("trade-executed")] == ["AAPL.US", "AAPL.US"]
    assert watcher.troubles == {}


def test_a_folder_that_vanishes_for_a_moment_leaves_no_trace(full: Legacy) -> None:
    watcher = watching(full)
    before = stored(full.home)
    aside = full.folder.rename(full.folder.parent / "aside")
    with pytest.raises(SourceError):
        watcher.look()
    full.folder.mkdir()
    with pytest.raises(SourceError):
        watcher.look()
    full.folder.rmdir()
    aside.rename(full.folder)
    quiet(watcher)
    assert stored(full.home) == before


def test_frozen_copies_do_not_pile_up_and_those_of_a_replay_are_left(full: Legacy) -> None:
    assert full.replay().proven
    (mine,) = (full.home / "backups").iterdir()
    watcher = watching(full)
    for number in range(4):
        full.write("ledger.db", trades=[trade(f"N{number}")])
        report_of(watcher.look())
    left = sorted((full.home / "backups").iterdir())
    assert len(left) == 2
    assert left[0] == mine
    assert left[1].name.endswith(rounds.ENDING)
    unchanged = "history/AAPL_US.db"
    assert (left[1] / unchanged).stat().st_ino == (mine / unchanged).stat().st_ino
    assert is_sound(full.home)


def test_watches_that_begin_after_changes_that_are_no_news_keep_their_copy_and_that_of_the_newest_run(
    full: Legacy,
) -> None:
    full.write("ledger.db", trades=[trade(f"N{number}") for number in range(4)])
    watching(full)
    (newest,) = (full.home / "backups").iterdir()
    for number in range(3):
        full.run("ledger.db", f"DELETE FROM trades WHERE order_id = 'N{number}'")
        before = len(stored(full.home))
        watching(full)
        assert len(stored(full.home)) == before
        left = sorted((full.home / "backups").iterdir())
        assert len(left) == 2
        assert left[0] == newest
    assert is_sound(full.home)


def test_what_another_replay_recorded_meanwhile_is_looked_at_as_a_whole(full: Legacy) -> None:
    watcher = watching(full)
    quiet(watcher)
    full.write("ledger.db", trades=[trade("T2")])
    full.replay(timezone="Europe/Athens")
    full.write("ledger.db", trades=[trade("T3")])
    report = report_of(watcher.look())
    assert ("history/AAPL_US.db", "daily_prices") in tables_read(report)
    assert is_sound(full.home)


def test_a_watch_that_is_killed_in_a_round_is_taken_up_by_the_next(full: Legacy) -> None:
    class Killed(BaseException):
        pass

    def tell(phase: str, *_: object) -> None:
        if phase == "reconcile":
            raise Killed

    watcher = watching(full)
    full.write("ledger.db", trades=[trade("T2")])
    watcher.tell = tell
    with pytest.raises(Killed):
        watcher.look()
    report = report_of(Watcher(full.folder, full.home, SYSTEM, None).look())
    assert report.run == 2
    assert [one["run"] for one in full.events("replay-completed")] == [1, 2]
    assert is_sound(full.home)


def test_a_break_is_as_old_as_the_log_says_and_gone_when_it_is_mended(full: Legacy) -> None:
    watcher = watching(full)
    full.write("ledger.db", trades=[trade("T2")])
    first = report_of(watcher.look())
    with open_log(full.home) as log:
        found = divergence.update(full.home, log, first, whole=False, troubles={})
        (since,) = [one.recorded_at for one in log.stream("reconciliation:AAPL.US")]
        assert [(one.subject, one.since) for one in found.breaks] == [("AAPL.US", since)]
        full.write("ledger.db", trades=[trade("T3")])
        later = divergence.update(full.home, log, report_of(watcher.look()), whole=False, troubles={"x.db": "<gone>"})
        assert [(one.subject, one.since) for one in later.breaks] == [("AAPL.US", since)]
        page = (full.home / "reports" / "divergence.html").read_text()
        assert "AAPL.US" in page
        assert "&lt;gone&gt;" in page
        full.run("state.db", "UPDATE positions SET quantity = 30")
        mended = divergence.update(full.home, log, report_of(watcher.look()), whole=False, troubles={})
        assert mended.is_empty
        assert {one.table for one in mended.tables} >= {"trades", "positions"}
        assert divergence.read(full.home) == mended
        full.run("state.db", "UPDATE positions SET quantity = 31")
        again = divergence.update(full.home, log, report_of(watcher.look()), whole=False, troubles={})
        assert again.breaks[0].since > since


class WatchedFolder(LivingFolder):
    """One home follows the legacy folder by whole replays, the other by a watch that is ended and begun anew at times."""

    watcher: Watcher | None = None

    def follow(self, crashes: Sequence[tuple[str, int]], _batch_max: int) -> None:
        if self.watcher is None or crashes:
            self.watcher = Watcher(self.legacy, self.broken, SYSTEM, None)
        before = listing(self.legacy)
        assert replay(self.legacy, self.straight, catch_up=False).proven
        done = self.watcher.look()
        assert self.watcher.troubles == {}
        if done is not None:
            assert report_of(done).proven or not done.finished
        assert listing(self.legacy) == before
        assert facts(self.broken) == facts(self.straight)
        # That of the newest run, and that of a watch which began after changes that were no news.
        assert len(list((self.broken / "backups").iterdir())) <= 2

    def teardown(self) -> None:
        try:
            self.follow([], 1)
            assert chain_holds(self.broken)
            assert is_sound(self.broken)
        finally:
            shutil.rmtree(self.place)


def facts(home: Path) -> list[tuple[str, str]]:
    """What was recorded, run by run; how many rows a run has read is its own business."""
    found = [(stream, topic, state) for stream, _, topic, state, _ in stored(home)]
    return [(stream, state) for stream, topic, state in found if not topic.startswith("replay-completed")]


TestWatchedFolder = WatchedFolder.TestCase
TestWatchedFolder.settings = settings(max_examples=4, stateful_step_count=6)
