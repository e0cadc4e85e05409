"""The cut-over is rehearsed step by step, recorded once or not at all, and can be undone."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from threading import Event as Flag
from typing import Any

import apsw
import pytest

from domain.errors import HomeBusy, LedgerError, SourceError
from domain.trading import TradeExecuted
from domain.universe import SettingChanged
from ledger.log import Entry, Log, open_log
from operations import cutover
from operations.cutover import CutOverReport, CutOverRequest, _Rehearsal, cut_over
from operations.cutting_back import undo
from operations.legacy_export import LegacyExport, write_legacy
from operations.milestones import CutOverStands, last_run, standing_cut_over
from operations.rebuilding import catch_up_all
from operations.replaying import replay, silent
from operations.standing import status
from operations.verifying import verify
from operations.watching import watch
from replay.freezing import sha256_of
from replay.system import WritingBack
from replay.work import Tell
from tests.cli.program import run
from tests.cutover.asking import copied, copy_of, enter, facts, replayed
from tests.legacy import Legacy, bar, position, security, trade
from tests.meanwhile import meanwhile
from tests.replay.oracle import chain_holds, legacy_rows, stored

CHECKOUT = Path(__file__).parents[2]
AT = "2026-11-20T10:00:00.000000Z"
STAMP = "2025-01-01 10:00:00"
RUNS = "replay:arduino-trader"
STEPS = ["last replay", "verification", "restored copy", "way back", "no difference"]


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Legacy:
    """A legacy system that agrees with itself, followed for a while."""
    legacy = Legacy(tmp_path_factory.mktemp("followed"))
    legacy.write("config.db", "config_v12", settings=[{"key": "a", "value": "1", "updated_at": STAMP}],
                 securities=[security("AAPL.US")])  # fmt: skip
    legacy.write("ledger.db", "ledger_v4", trades=[trade("T1")])
    legacy.write("state.db", "state_v4", positions=[position("AAPL.US", 10)])
    legacy.write("history/AAPL_US.db", "history_v1", daily_prices=[bar("2025-01-01")])
    legacy.replay()
    return legacy


@pytest.fixture
def old(followed: Legacy, legacy: Legacy) -> Legacy:
    """A copy of it."""
    return copy_of(followed, legacy)


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """The steps that take their time are passed: for tests of what comes before and after them."""
    for step in ("verification", "restored_copy", "way_back"):
        monkeypatch.setattr(_Rehearsal, step, lambda _self, _step: None)


def rehearsed(
    old: Legacy, *, execute: bool = False, accept: Sequence[str] = (), keep: Path | None = None, tell: Tell = silent
) -> CutOverReport:
    asked = CutOverRequest(source=old.folder, execute=execute, accept=accept, keep=keep)
    return cut_over(old.home, asked, tell=tell)


def failed(report: CutOverReport) -> dict[str, list[str]]:
    return {step.name: step.found for step in report.steps if step.found}


def is_cut_over(home: Path) -> bool:
    with open_log(home) as log:
        return standing_cut_over(log, "arduino-trader") is not None


def test_a_rehearsal_passes_every_step_and_records_nothing(old: Legacy) -> None:
    before = stored(old.home)
    report = rehearsed(old)
    assert [step.name for step in report.steps] == STEPS
    assert failed(report) == {}
    assert report.exit_code == 0
    assert stored(old.home) == before


def test_a_rehearsal_records_what_the_legacy_system_wrote_since(old: Legacy, brief: None) -> None:
    old.write("config.db", settings=[{"key": "b", "value": "2", "updated_at": STAMP}])
    assert rehearsed(old).passed
    assert ("setting:b", None) in facts(old.home)


def test_the_cut_over_says_what_it_was_made_from(old: Legacy, brief: None) -> None:
    report = rehearsed(old, execute=True)
    assert report.executed
    assert report.exit_code == 0
    *before, (_, _, topic, state, _) = stored(old.home)
    said = json.loads(state)
    assert (topic, report.position) == ("cut-over.v1", len(before) + 1)
    heads = old.ledger(f"SELECT lower(hex(hash)) FROM stored_events WHERE rowid = {len(before)}")
    assert (said["position"], said["head"], said["system"]) == (len(before), heads[0][0], "arduino-trader")
    originals = copied(old.folder)
    assert said["manifest"] == {
        path.relative_to(originals).as_posix(): sha256_of(path) for path in originals.rglob("*.db")
    }
    assert all(model.behind == 0 for model in status(old.home).models)
    assert "arduino-trader on " in str(status(old.home).cut_over)


def test_after_the_cut_over_replay_and_watch_need_force(old: Legacy, brief: None) -> None:
    rehearsed(old, execute=True)
    before = stored(old.home)
    old.write("config.db", settings=[{"key": "b", "value": "2", "updated_at": STAMP}])
    asked = {"system": None, "timezone": None, "until_quiet": 0.2, "stop": Flag(), "told": lambda _: None}
    with pytest.raises(CutOverStands, match="took the place of arduino-trader"):
        replay(old.folder, old.home)
    with pytest.raises(CutOverStands, match="took the place of arduino-trader"):
        watch(old.folder, old.home, **asked)  # type: ignore[arg-type]
    with pytest.raises(CutOverStands):
        rehearsed(old)
    assert stored(old.home) == before
    assert replay(old.folder, old.home, mode="verify-only").events_appended
    assert replay(old.folder, old.home, force=True).proven
    assert ("setting:b", None) in facts(old.home)


def test_an_open_break_stops_it_until_it_is_accepted_by_name(old: Legacy, brief: None) -> None:
    old.run("state.db", "UPDATE positions SET quantity = 12")
    report = rehearsed(old, execute=True)
    assert failed(report) == {"no difference": ["1 stand open and are not accepted"]}
    assert (report.exit_code, report.executed) == (1, False)
    assert not is_cut_over(old.home)
    report = rehearsed(old, execute=True, accept=["position:AAPL.US"])
    assert report.executed
    assert json.loads(stored(old.home)[-1][3])["accepted"] == ["position:AAPL.US"]


def test_accepting_what_is_not_open_is_a_mistake_that_is_said(old: Legacy, brief: None) -> None:
    report = rehearsed(old, execute=True, accept=["position:MSFT.US"])
    assert failed(report) == {"no difference": ["position:MSFT.US was to be accepted and is not open"]}
    assert not is_cut_over(old.home)


def test_a_pattern_accepts_many(old: Legacy, brief: None) -> None:
    old.run("state.db", "UPDATE positions SET quantity = 12")
    assert rehearsed(old, accept=["position:*"]).passed
    assert not rehearsed(old, accept=["cash:*"]).passed


def test_what_the_way_back_would_lose_is_a_break(old: Legacy) -> None:
    fact = TradeExecuted(occurred_at=AT, symbol="AAPL.US", side="BUY", quantity=Decimal("0.5"), price=Decimal("1.5"),
                         order_id="N1", fee=Decimal("0.25"), bucket_id="core", mode="live", created_at=AT)  # fmt: skip
    enter(old.home, ("trade:N1", fact))
    old.run("state.db", "UPDATE positions SET quantity = 10.5, avg_price = 95.30952381")
    report = rehearsed(old)
    assert [(one.kind, one.subject) for one in report.breaks] == [("unwritten", "trade-executed.v1: fee")]
    assert rehearsed(old, accept=["unwritten:trade-executed.v1: fee"]).passed


@pytest.mark.parametrize(
    ("file", "planted", "named"),
    [
        ("ledger.db", "UPDATE trades SET price = price + 0.01", "trade:T1 differs in price"),
        ("config.db", "DELETE FROM settings", "setting:a is missing"),
        (
            "history/AAPL_US.db",
            "UPDATE daily_prices SET volume = 1",
            "rows differ from prices:1d:AAPL.US 2025-01-01 on",
        ),
    ],
)
def test_a_way_back_that_says_something_else_is_noticed(
    old: Legacy, monkeypatch: pytest.MonkeyPatch, file: str, planted: str, named: str
) -> None:
    def spoiled(log: Log, into: Path, back: WritingBack, **asked: Any) -> LegacyExport:
        done = write_legacy(log, into, back, **asked)
        db = apsw.Connection(str(into / file))
        db.execute(planted)
        db.close()
        return done

    monkeypatch.setattr(cutover, "write_legacy", spoiled)
    (found,) = failed(rehearsed(old))["way back"]
    assert named in found


def test_a_damaged_read_model_fails_the_verification(old: Legacy) -> None:
    def spoil(phase: str, _file: str, _done: int, _total: int) -> None:
        if phase == "verification":
            db = apsw.Connection(str(old.home / "config.db"))
            db.execute("UPDATE settings SET value = 'planted'")
            db.close()

    report = rehearsed(old, execute=True, tell=spoil)
    assert set(failed(report)) == {"verification", "restored copy"}
    assert any("planted" in line for line in failed(report)["verification"])
    assert not is_cut_over(old.home)


def test_a_ledger_that_was_tampered_with_is_not_cut_over_to(old: Legacy) -> None:
    db = sqlite3.connect(old.home / "ledger.db")
    db.executescript(
        "DROP TRIGGER IF EXISTS stored_events_no_update; "
        + "".join(f"DROP TRIGGER {name};" for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'")
                  if name != "stored_events_no_update")
        + "UPDATE stored_events SET state = replace(state, '\"quantity\":\"10.0\"', '\"quantity\":\"11.0\"')"
    )  # fmt: skip
    db.close()
    report = rehearsed(old, execute=True)
    assert "does not agree with its hash" in failed(report)["last replay"][0]
    assert not is_cut_over(old.home)


def test_a_legacy_system_that_writes_meanwhile_is_noticed(old: Legacy, brief: None) -> None:
    def write(phase: str, _file: str, _done: int, _total: int) -> None:
        if phase == "no difference":
            old.run("config.db", "UPDATE settings SET value = 'late'")

    report = rehearsed(old, execute=True, tell=write)
    assert failed(report) == {
        "cut-over": ["the legacy system wrote meanwhile; stop it, and run the same command again"]
    }
    assert (report.exit_code, is_cut_over(old.home)) == (1, False)
    assert rehearsed(old, execute=True).executed


def test_a_legacy_system_that_writes_into_a_wal_meanwhile_is_noticed(old: Legacy, brief: None) -> None:
    old.run("config.db", "PRAGMA journal_mode = WAL")
    held = apsw.Connection(str(old.folder / "config.db"))
    held.execute("PRAGMA wal_autocheckpoint = 0; UPDATE settings SET value = 'before'")

    def write(phase: str, _file: str, _done: int, _total: int) -> None:
        if phase == "no difference":
            held.execute("UPDATE settings SET value = 'after'")

    try:
        assert "cut-over" in failed(rehearsed(old, execute=True, tell=write))
    finally:
        held.close()
    assert not is_cut_over(old.home)


def test_a_source_that_cannot_be_read_is_exit_code_3(old: Legacy, brief: None) -> None:
    (old.folder / "state.db").write_bytes(b"not a database" * 100)
    report = rehearsed(old, execute=True)
    assert (report.exit_code, [step.name for step in report.steps]) == (3, ["last replay"])
    with pytest.raises(SourceError):
        cut_over(old.home, CutOverRequest(source=old.folder / "nowhere"), tell=silent)


def test_a_home_that_another_writes_to_is_refused(old: Legacy, brief: None) -> None:
    with open_log(old.home, write=True), pytest.raises(HomeBusy):
        rehearsed(old)


def test_the_restored_copy_can_be_kept_and_is_a_home(old: Legacy, tmp_path: Path) -> None:
    assert rehearsed(old, keep=tmp_path / "copy").passed
    assert stored(tmp_path / "copy") == stored(old.home)
    assert verify(tmp_path / "copy", "projections", repair=False, tell=silent).exit_code == 0
    with pytest.raises(LedgerError, match="is not empty"):
        rehearsed(old, keep=tmp_path / "copy")


def test_the_way_back_writes_the_entries_for_the_legacy_system_and_lets_it_count_again(
    old: Legacy, brief: None, tmp_path: Path
) -> None:
    rehearsed(old, execute=True)
    bought = TradeExecuted(occurred_at=AT, symbol="AAPL.US", side="BUY", quantity=Decimal("0.5"), price=Decimal("1.5"),
                           bucket_id="core", mode="live", created_at=AT)  # fmt: skip
    enter(
        old.home, ("trade:N1", bought), ("trade::key:k", bought),
        ("setting:a", SettingChanged(occurred_at=AT, key="a", value="ours")),
    )  # fmt: skip
    result = undo(old.home, tmp_path / "back", system=None, tell=silent)
    assert result.exit_code == 0
    assert not is_cut_over(old.home)
    after = facts(old.home)
    assert ("trade:k", None) in after
    assert ("trade::key:k", None) not in after
    assert after["setting:a", None]["value"] == "ours"
    assert len(old.model("portfolio", "SELECT stream FROM holding_trades WHERE symbol = 'AAPL.US'")) == 3
    assert verify(old.home, "all", repair=False, tell=silent).exit_code == 0
    assert replay(tmp_path / "back", old.home).events_appended == 0
    assert chain_holds(old.home)
    assert set(replayed(tmp_path / "back", tmp_path / "again")) == set(after)


def test_without_a_cut_over_there_is_nothing_to_undo_and_after_it_once(
    old: Legacy, brief: None, tmp_path: Path
) -> None:
    rows = legacy_rows(copied(old.folder))
    for turn in ("one", "two"):
        with pytest.raises(LedgerError, match="has not taken the place of arduino-trader"):
            undo(old.home, tmp_path / turn, system=None, tell=silent)
        assert not (tmp_path / turn).exists()
        assert rehearsed(old, execute=True).executed
        undo(old.home, tmp_path / turn, system=None, tell=silent)
        assert legacy_rows(tmp_path / turn) == rows
    assert sum(topic == "cut-over.v1" for _, _, topic, _, _ in stored(old.home)) == 2


DRIVER = """
import sys
from pathlib import Path
from operations.cutover import CutOverRequest, cut_over
def tell(phase, file, done, total):
    print(phase, flush=True)
    if phase == sys.argv[3]:
        sys.stdin.read()
asked = CutOverRequest(source=Path(sys.argv[1]), execute=True)
print("executed" if cut_over(Path(sys.argv[2]), asked, tell=tell).executed else "not", flush=True)
"""


@pytest.mark.parametrize("phase", ["last replay", "way back", "cut-over", "executed"])
def test_killed_at_any_step_it_is_either_recorded_or_not(old: Legacy, brief: None, phase: str) -> None:
    # It stands still where it is to be killed, and does not come further however late that is; but for the cut-over itself,
    # in the midst of which it may be.
    still = phase if phase != "cut-over" else ""
    command = [sys.executable, "-c", DRIVER, str(old.folder), str(old.home), still]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=CHECKOUT) as run:
        assert run.stdout is not None
        for line in run.stdout:
            if line.strip() == phase:
                break
        os.kill(run.pid, signal.SIGKILL)
    assert chain_holds(old.home)
    assert phase == "cut-over" or is_cut_over(old.home) == (phase == "executed")
    if not is_cut_over(old.home):
        assert rehearsed(old, execute=True).executed
    assert sum(topic == "cut-over.v1" for _, _, topic, _, _ in stored(old.home)) == 1


def test_the_command_tells_the_course_and_its_exit_code(old: Legacy, tmp_path: Path) -> None:
    old.run("state.db", "UPDATE positions SET quantity = 12")
    told = run("cutover", old.folder, home=old.home)
    assert told.exit_code == 1
    assert "--accept position:AAPL.US" in told.stdout
    assert "NOT READY (no difference)" in told.stdout
    told = run("cutover", old.folder, "--accept", "position:AAPL.US", "--execute", "--json", home=old.home)
    assert (told.exit_code, json.loads(told.stdout)["executed"]) == (0, True)
    told = run("replay", old.folder, home=old.home)
    assert (told.exit_code, told.stdout) == (2, "")
    assert "cli cutover --undo --to DIR" in told.stderr
    assert "took the place of arduino-trader" in run("status", home=old.home).stdout
    assert run("cutover", "--undo", home=old.home).exit_code == 2
    told = run("cutover", "--undo", "--to", tmp_path / "back", home=old.home)
    assert told.exit_code == 0
    assert "The legacy system counts again" in told.stdout


def test_the_command_writes_the_legacy_files_and_lists_what_it_could_not(old: Legacy, tmp_path: Path) -> None:
    told = run("export-legacy", tmp_path / "written", home=old.home)
    assert told.exit_code == 0
    assert "every fact of the ledger is in them" in told.stdout
    told = run("export-legacy", tmp_path / "written", home=old.home)
    assert (told.exit_code, told.stderr.count("\n")) == (2, 1)
    fact = TradeExecuted(
        occurred_at=AT, symbol="AAPL.US\x1b[31m", side="BUY", quantity=Decimal(1), price=Decimal(1), fee=Decimal(1)
    )
    enter(old.home, ("trade:N1", fact))
    told = run("export-legacy", tmp_path / "again", home=old.home)
    assert told.exit_code == 1
    assert "the legacy table has no column for it" in told.stdout
    assert json.loads(run("export-legacy", tmp_path / "third", "--json", home=old.home).stdout)["exit_code"] == 1


def entered(home: Path, order: str) -> None:
    """Somebody records a trade, and sees to it that it is shown."""
    event = TradeExecuted(
        occurred_at=AT, symbol="AAPL.US", side="BUY", quantity=Decimal(1), price=Decimal(100), order_id=order
    )
    enter(home, (f"trade:{order}", event))
    catch_up_all(home, tell=silent)


@pytest.mark.parametrize("name", ["back_up", "write_legacy"])
def test_what_is_recorded_during_a_rehearsal_is_no_difference(
    old: Legacy, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def watched() -> None:
        old.write("config.db", settings=[{"key": "b", "value": "2", "updated_at": STAMP}])
        replay(old.folder, old.home)

    done = meanwhile(monkeypatch, cutover, name, watched)
    assert failed(rehearsed(old)) == {}
    assert done


def test_a_model_that_is_brought_up_while_it_is_compared_is_no_difference(
    old: Legacy, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = meanwhile(monkeypatch, cutover, "file_differences", lambda: entered(old.home, "T2"), before=True)
    assert failed(rehearsed(old)) == {}
    assert done


def test_the_zone_is_that_of_the_replay_before_while_another_run_is_at_it(old: Legacy) -> None:
    replay(old.folder, old.home, timezone="Europe/Athens")
    with open_log(old.home, write=True) as log:
        *_, newest = [one for one in log.stream(RUNS) if one.topic == "replay-started.v1"]
        begun = json.loads(newest.state)
        begun["run"] += 1
        log.append([Entry(RUNS, newest.topic, json.dumps(begun).encode())])
    assert begun["timezone"] == "Europe/Athens"
    assert cutover._zone_before(old.home, "arduino-trader") == "Europe/Athens"


def test_a_run_that_begins_and_ends_while_the_runs_are_looked_up_hides_none(
    old: Legacy, monkeypatch: pytest.MonkeyPatch
) -> None:
    def watched() -> None:
        old.write("config.db", settings=[{"key": "b", "value": "2", "updated_at": STAMP}])
        replay(old.folder, old.home)

    with open_log(old.home) as log:
        done = meanwhile(monkeypatch, Log, "stream", watched)
        assert last_run(log, "arduino-trader") is not None
    assert done


def test_a_file_that_goes_while_the_folder_is_looked_over_is_not_there(
    old: Legacy, monkeypatch: pytest.MonkeyPatch
) -> None:
    passing = old.folder / "a.db"
    passing.write_bytes(b"")
    done = meanwhile(monkeypatch, cutover, "state_of", passing.unlink, before=True)
    assert "a.db" not in cutover._stamps(old.folder)
    assert done
