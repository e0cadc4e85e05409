"""A subscription sees every event once, in order, whoever appends and whoever is killed."""

from __future__ import annotations

import shutil
import threading
import time
from itertools import islice
from pathlib import Path
from tempfile import mkdtemp

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from domain.errors import HomeError, LedgerError, StoreError
from domain.trading import TradeExecuted
from domain.universe import SettingChanged
from ledger import waking
from ledger.copying import back_up
from ledger.log import Log, Stored, open_log
from ledger.subscribing import subscribe
from tests.live.writers import APPEND, setting, started

OTHER = "setting-changed"
# Of a machine that has other things to do; what never comes hangs anyhow, and the lag itself is measured by the benchmark.
PATIENCE_S = 20.0


def rows(home: Path) -> list[Stored]:
    with open_log(home) as log:
        return log.read(limit=10**9)  # a writer that is killed late has written more than are read at a time


def grown(home: Path, *numbers: int) -> Log:
    """A ledger with these settings, open for writing."""
    log = open_log(home, create=True, write=True)
    if numbers:
        log.append([setting(number) for number in numbers])
    return log


def test_what_is_there_comes_first_and_then_what_is_appended(tmp_path: Path) -> None:
    with grown(tmp_path, 1, 2, 3) as writer, open_log(tmp_path) as log:
        events = subscribe(log, after=1)
        assert [one.position for one in islice(events, 2)] == [2, 3]
        threading.Timer(0.2, writer.append, [[setting(4), setting(5)]]).start()
        begun = time.monotonic()
        assert [one.position for one in islice(events, 2)] == [4, 5]
        assert time.monotonic() - begun < PATIENCE_S
        assert rows(tmp_path)[3].state == '{"event":"setting-changed.v1","key":"key 4","value":"on 4"}'


def test_without_word_from_the_system_it_looks_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def deaf(*_: object, **__: object) -> None:
        raise OSError("OS file watch limit reached")

    monkeypatch.setattr(waking, "watch", deaf)
    with grown(tmp_path) as writer, open_log(tmp_path) as log:
        threading.Timer(0.1, writer.append, [[setting(1)]]).start()
        begun = time.monotonic()
        assert next(subscribe(log)).position == 1
        assert time.monotonic() - begun < PATIENCE_S


def test_only_the_types_that_were_asked_for_come(tmp_path: Path) -> None:
    with grown(tmp_path, 1) as writer, open_log(tmp_path) as log:
        stop = threading.Event()
        threading.Timer(0.4, stop.set).start()
        assert list(subscribe(log, types=[TradeExecuted], stop=stop)) == []
        for types in ([SettingChanged], ["setting-changed"], ["setting-changed.v1", "trade-executed"]):
            assert next(subscribe(log, types=types)).position == 1
        writer.append([setting(2)])
        assert next(subscribe(log, types=[OTHER], after=1)).position == 2
        with pytest.raises(LedgerError, match="no type of event 'setting-chnaged'"):
            next(subscribe(log, types=["setting-chnaged"]))


def test_it_ends_when_it_is_told_to(tmp_path: Path) -> None:
    with grown(tmp_path, 1, 2), open_log(tmp_path) as log:
        stop = threading.Event()
        events = subscribe(log, stop=stop)
        assert len(list(islice(events, 2))) == 2
        threading.Timer(0.2, stop.set).start()
        assert list(events) == []


def test_another_ledger_in_its_place_is_noticed(tmp_path: Path) -> None:
    for name, first in (("a", 1), ("b", 7)):
        grown(tmp_path / name, first, first + 1).close()
    with open_log(tmp_path / "a") as log:
        events = subscribe(log)
        assert len(list(islice(events, 2))) == 2
        with open_log(tmp_path / "b") as other:
            back_up(other, tmp_path / "new.db")
        shutil.copy(tmp_path / "new.db", tmp_path / "a" / "ledger.db.new")
        (tmp_path / "a" / "ledger.db.new").replace(tmp_path / "a" / "ledger.db")
        with pytest.raises(StoreError, match="another ledger was put in the place"):
            next(events)


def test_a_ledger_restored_into_the_same_file_is_noticed(tmp_path: Path) -> None:
    for name, first in (("a", 1), ("b", 7)):
        grown(tmp_path / name, first, first + 1, first + 2).close()
    with open_log(tmp_path / "a") as log:
        events = subscribe(log)
        assert len(list(islice(events, 3))) == 3
        with open_log(tmp_path / "b") as other:
            back_up(other, tmp_path / "a" / "ledger.db")
        with pytest.raises(StoreError, match="another ledger was put in the place"):
            next(events)


def test_a_ledger_that_goes_away_is_an_error(tmp_path: Path) -> None:
    grown(tmp_path, 1).close()
    with open_log(tmp_path) as log:
        events = subscribe(log)
        assert next(events).position == 1
        for path in tmp_path.glob("ledger.db*"):
            path.unlink()
        with pytest.raises(HomeError, match="is gone"):
            next(events)


def test_a_position_that_is_not_reached_yet_belongs_to_another_ledger(tmp_path: Path) -> None:
    with grown(tmp_path, 1), open_log(tmp_path) as log, pytest.raises(StoreError):
        next(subscribe(log, after=5))


def test_writers_that_are_killed_in_mid_append_leave_no_gap_and_nothing_twice(tmp_path: Path) -> None:
    grown(tmp_path).close()
    seen: list[Stored] = []
    stop = threading.Event()

    def read() -> None:
        with open_log(tmp_path) as log:
            seen.extend(subscribe(log, stop=stop, page=100))

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(4):
        with started(APPEND, tmp_path, 250) as writer:
            assert writer.stdout is not None
            for _ in range(3):
                writer.stdout.readline()
            time.sleep(0.01)
            writer.kill()
    there = rows(tmp_path)
    until = time.monotonic() + 60
    while len(seen) < len(there) and time.monotonic() < until:
        time.sleep(0.02)
    stop.set()
    reader.join()
    assert len(there) >= 3_000
    assert seen == there


class Subscribers(RuleBasedStateMachine):
    """A writer appends batches; subscribers come, read some events, go, and come back to where they were."""

    def __init__(self) -> None:
        super().__init__()
        self.home = Path(mkdtemp())
        self.log = grown(self.home)
        self.count = 0
        self.seen: list[list[Stored]] = [[], [], []]

    @initialize(page=st.integers(1, 4))
    def it_begins(self, page: int) -> None:
        self.page = page

    @rule(size=st.integers(1, 7))
    def events_are_appended(self, size: int) -> None:
        self.log.append([setting(self.count + number) for number in range(size)])
        self.count += size

    @rule()
    def an_append_fails(self) -> None:
        with pytest.raises(LedgerError):
            self.log.append([setting(self.count), setting(self.count)._replace(topic="unheard-of.v1")])

    @rule(who=st.integers(0, 2), most=st.integers(1, 9), new_reader=st.booleans())
    def one_reads_on(self, who: int, most: int, new_reader: bool) -> None:  # noqa: FBT001 - drawn by name
        mine = self.seen[who]
        after = mine[-1].position if mine else 0
        wanted = min(most, self.count - after)
        with open_log(self.home) as reader:
            events = subscribe(reader if new_reader else self.log, after=after, page=self.page)
            mine.extend(islice(events, wanted))
            events.close()  # type: ignore[attr-defined]

    @rule(size=st.integers(1, 5))
    def one_reads_while_another_appends(self, size: int) -> None:
        mine = self.seen[0]
        events = subscribe(self.log, after=mine[-1].position if mine else 0, page=self.page)
        mine.extend(islice(events, self.count - len(mine)))
        self.events_are_appended(size)
        mine.extend(islice(events, size))
        events.close()  # type: ignore[attr-defined]

    @invariant()
    def each_has_seen_the_log_and_nothing_else(self) -> None:
        there = self.log.read()
        assert len(there) == self.count
        for mine in self.seen:
            assert mine == there[: len(mine)]

    def teardown(self) -> None:
        self.log.close()
        shutil.rmtree(self.home)


TestSubscribers = Subscribers.TestCase
TestSubscribers.settings = settings(max_examples=12, stateful_step_count=12, deadline=None)


def test_other_files_that_change_all_the_time_do_not_put_off_the_looking(tmp_path: Path) -> None:
    stop = threading.Event()

    def churn() -> None:
        while not stop.wait(0.01):
            (tmp_path / "other.db-wal").write_bytes(b"x")

    thread = threading.Thread(target=churn)
    thread.start()
    begun = time.monotonic()
    assert len(list(islice(waking.wakings(tmp_path, stop=stop, poll_s=0.2), 5))) == 5
    assert time.monotonic() - begun < 6.0  # half a second, and 8 where changes are grouped for as long as is usual
    stop.set()
    thread.join()
