"""An event that a read model cannot take stops that one right before it, loudly; the others go on, and nothing is skipped."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Sequence
from pathlib import Path

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import LedgerError
from domain.event import Event, encode, topic_of
from domain.prices import ExchangeRateQuoted
from domain.universe import SettingChanged
from ledger.log import Entry, Log, open_log
from operations.keeping_up import wait_for
from projections.engine import CaughtUp
from projections.projector import Fact, Projector
from projections.stopping import Stop, catch_up_or_stop, read_stop
from tests.cli.program import ended, heard, run, run_json, start
from tests.legacy import Legacy, rate, trade
from tests.live.writers import setting
from tests.projections.logs import Content, ListedLog, content
from tests.projections.logs import setting as setting_event

COUNT = """
INSERT INTO settings (key, value) VALUES ('count', '1')
ON CONFLICT (key) DO UPDATE SET value = CAST(value + 1 AS TEXT)
"""


def counting(version: int, *, takes_all: bool = False) -> Projector:
    """A read model of how many settings there were; it cannot take one that is poison, unless it was mended."""
    projector = Projector(name="config", version=version)

    @projector.on(SettingChanged)
    def counted(db: apsw.Connection, fact: Fact) -> None:
        assert isinstance(fact.event, SettingChanged)
        if fact.event.value == "poison" and not takes_all:
            raise ValueError("it tastes odd")
        db.execute(COUNT)

    return projector


def as_log(log: ListedLog) -> Log:
    return log  # type: ignore[return-value]  # it has the methods that the engine calls


def made_of(history: Sequence[Event], projector: Projector) -> Content:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.db"
        assert isinstance(catch_up_or_stop(projector, as_log(ListedLog(history)), path), CaughtUp)
        return content(path)


def tables(found: Content) -> dict[str, tuple[int, str]]:
    return {name: held for name, held in found[0].items() if name != "checkpoint"}


@given(
    good=st.integers(0, 40), after=st.integers(0, 10), cut=st.integers(0, 40), batch=st.sampled_from((1, 3, 10, 100))
)
@settings(max_examples=12)
def test_a_model_stops_right_before_the_event_whatever_the_batches_and_goes_on_when_it_is_mended(
    good: int, after: int, cut: int, batch: int
) -> None:
    before = [setting_event(number) for number in range(good)]
    history = [*before, setting_event(99, "poison"), *(setting_event(number) for number in range(after))]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.db"
        if cut <= good:
            catch_up_or_stop(counting(1), as_log(ListedLog(history[:cut])), path, batch=batch)
        log = as_log(ListedLog(history))
        stop = catch_up_or_stop(counting(1), log, path, batch=batch)
        assert isinstance(stop, Stop)
        assert (stop.position, stop.topic, stop.error) == (good + 1, "setting-changed.v1", "ValueError: it tastes odd")
        assert tables(content(path)) == tables(made_of(before, counting(1)))
        assert content(path)[1].events == good
        assert read_stop(counting(1), log, path.parent) == stop
        # Met again, it is the same stop; of other code nobody knows yet.
        assert catch_up_or_stop(counting(1), log, path, batch=batch) == stop
        assert read_stop(counting(2), log, path.parent) is None
        assert isinstance(catch_up_or_stop(counting(2, takes_all=True), log, path, batch=batch), CaughtUp)
        assert content(path) == made_of(history, counting(2, takes_all=True))
        assert read_stop(counting(2), log, path.parent) is None
        assert [one.name for one in path.parent.iterdir() if "stopped" in one.name] == []


def test_what_older_code_has_shown_is_kept_while_newer_code_stops_earlier(tmp_path: Path) -> None:
    log = as_log(ListedLog([setting_event(1), setting_event(2, "poison"), setting_event(3)]))
    path = tmp_path / "config.db"
    catch_up_or_stop(counting(1, takes_all=True), log, path)
    before = content(path)
    stop = catch_up_or_stop(counting(2), log, path)
    assert isinstance(stop, Stop)
    assert stop.position == 2
    assert content(path) == before
    assert catch_up_or_stop(counting(2), log, path, retry=False) == stop
    assert isinstance(catch_up_or_stop(counting(3, takes_all=True), log, path, retry=False), CaughtUp)
    assert content(path)[1].version == 3


def test_what_older_code_has_shown_gives_way_where_newer_code_gets_further(tmp_path: Path) -> None:
    history = [setting_event(1), setting_event(2, "poison"), setting_event(3)]
    path = tmp_path / "config.db"
    catch_up_or_stop(counting(1), as_log(ListedLog(history[:1])), path)
    longer = [setting_event(1), setting_event(2), setting_event(3, "poison")]
    with tempfile.TemporaryDirectory():
        stop = catch_up_or_stop(counting(2), as_log(ListedLog(longer)), path)
    assert isinstance(stop, Stop)
    assert (content(path)[1].version, content(path)[1].position) == (2, 2)


def test_events_that_only_fail_together_are_taken_one_by_one(tmp_path: Path) -> None:
    projector = Projector(name="config", version=1)

    @projector.lane(SettingChanged)
    def counted(db: apsw.Connection, facts: Sequence[Fact]) -> None:
        if len(facts) > 1:
            raise ValueError("one at a time")
        db.execute(COUNT)

    log = as_log(ListedLog([setting_event(number) for number in range(5)]))
    for _ in range(2):
        assert isinstance(catch_up_or_stop(projector, log, tmp_path / "config.db"), CaughtUp)
        assert content(tmp_path / "config.db")[1].events == 5


def test_a_note_that_is_damaged_or_of_another_ledger_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "config.db"
    log = as_log(ListedLog([setting_event(1, "poison")]))
    assert isinstance(catch_up_or_stop(counting(1), log, path), Stop)
    other = as_log(ListedLog([setting_event(2)]))
    assert read_stop(counting(1), other, tmp_path) is None
    (tmp_path / "config.stopped.json").write_text("{")
    assert read_stop(counting(1), log, tmp_path) is None


# In a real home: a rate that is no number, which a table of history.db refuses.
NO_NUMBER = b'{"event":"exchange-rate-quoted.v1","from_currency":"USD","to_currency":"EUR","rate":"NaN"}'
POISON = Entry("rate:poison", topic_of(ExchangeRateQuoted), NO_NUMBER)


def quoted(number: int) -> Entry:
    event = ExchangeRateQuoted(
        from_currency="USD", to_currency="EUR", rate="1.1", occurred_at=f"2026-01-{number:02}T00:00:00.000000Z"
    )
    return Entry(f"rate:{number}", topic_of(ExchangeRateQuoted), encode(event))


@pytest.fixture
def poisoned(legacy: Legacy) -> Path:
    """A home whose log has a rate, one that is poison, and a rate and a setting after it."""
    legacy.write("ledger.db", "ledger_v4", trades=[trade("T1")]).replay()
    with open_log(legacy.home, write=True) as log:
        log.append([quoted(1), POISON, quoted(2), setting(1)])
    return legacy.home


def rates(home: Path) -> int:
    db = apsw.Connection(str(home / "history.db"), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return int(db.execute("SELECT count(*) FROM exchange_rates").get)
    finally:
        db.close()


def test_one_model_stops_the_others_go_on_and_everything_says_so(poisoned: Path) -> None:
    with open_log(poisoned) as log:
        head = log.head().position
    found = run_json("catch-up", home=poisoned)
    assert found["exit_code"] == 3
    (stop,) = found["stopped"]
    assert (stop["model"], stop["position"], stop["topic"]) == ("history", head - 2, "exchange-rate-quoted.v1")
    assert {one["position"] for one in found["models"]} == {head}
    assert rates(poisoned) == 1
    said = run("catch-up", home=poisoned)
    assert said.exit_code == 3
    for words in (
        f"history.db stopped before position {head - 2}",
        "NOT NULL",
        f"cli audit show {head - 2}",
        "cli catch-up",
    ):
        assert words in said.stdout
    status = {one["name"]: one for one in run_json("status", home=poisoned)["models"]}
    assert status["history"]["position"] == head - 3
    assert f"stopped before position {head - 2}" in status["history"]["stopped"]
    assert stop["since"] in status["history"]["stopped"]
    assert "stand still at an event" in run("status", home=poisoned).stdout
    verified = run_json("verify", "projections", home=poisoned)
    assert verified["exit_code"] == 1
    wrong = {part["name"]: part["found"] for part in verified["parts"] if part["found"]}
    assert wrong.keys() == {"history.db"}
    assert f"stopped before position {head - 2}" in wrong["history.db"][0]


def test_a_replay_goes_on_and_is_not_called_proven(poisoned: Path, legacy: Legacy) -> None:
    legacy.write("ledger.db", trades=[trade("T2")])
    legacy.write("rates.db", "rates_v1", exchange_rates=[rate("GBP", 0.9, "2025-03-03T10:00:00")])
    found = run_json("replay", legacy.folder, home=poisoned)
    assert found["exit_code"] == 1
    assert not found["proven"]
    assert "stopped read model" in [one["kind"] for one in found["mismatches"]]
    assert len(legacy.events("trade-executed")) == 2
    assert legacy.model("portfolio", "SELECT quantity FROM positions") == [(20.0,)]
    again = run_json("replay", legacy.folder, home=poisoned)
    assert (again["events_appended"], again["exit_code"]) == (0, 1)


def test_a_follower_tells_it_once_and_goes_on_with_the_others(poisoned: Path) -> None:
    follower = start("--home", poisoned, "catch-up", "--follow")
    assert follower.stderr is not None
    lines = [follower.stderr.readline() for _ in range(2)]
    while "history.db stopped before" not in lines[-1]:
        lines.append(follower.stderr.readline())
    with open_log(poisoned, write=True) as log:
        position = log.append([setting(2)])[-1]
    heard(follower, "new events: config 1")
    os.kill(follower.pid, signal.SIGTERM)
    code, out, err = ended(follower)
    assert (code, out, err) == (3, "", "")
    with pytest.raises(LedgerError, match=r"history\.db stopped before position"):
        wait_for(poisoned, position, 5.0)
