"""Appending in a process of its own: the same log, the same errors, and nothing half done when either process is killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain import errors
from domain.errors import DiskFull, HomeBusy, LedgerError, StoreError, UnknownTopic
from ledger.appending import Appender
from ledger.lock import SharedLock
from ledger.log import Entry, Log, open_log
from ledger.verifying import verify_log
from tests.ledger.samples import chain, entries, entry, rows

CHECKOUT = Path(__file__).parents[2]
BATCH = 200

APPEND = f"""
import sys
from pathlib import Path
from ledger.appending import Appender
from ledger.log import open_log
from tests.ledger.samples import entries
with open_log(Path(sys.argv[1]), create=True, write=True) as log, Appender(log) as appender:
    start = log.head().position
    print(appender.process_id, flush=True)
    while True:
        appender.append(entries({BATCH}, start=start))
        start += {BATCH}
        print("sent", flush=True)
"""

SLOW = """
import sys
from pathlib import Path
from ledger.appending import Appender
from ledger.log import open_log
from tests.ledger.samples import entries
with open_log(Path(sys.argv[1]), create=True, write=True) as log, Appender(log) as appender:
    print(appender.process_id, flush=True)
    appender.append(entries(20_000))
    try:
        print("sent", flush=True)
        sys.stdin.read()
    except KeyboardInterrupt:
        print("interrupted", flush=True)
"""


def run(script: str, home: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", script, str(home)]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=CHECKOUT, start_new_session=True
    )


def is_running(process_id: int) -> bool:
    """One that has ended and that nobody has asked for its exit code is not: some containers have nobody who does."""
    try:
        os.kill(process_id, 0)
        return " Z " not in Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2][:4]
    except ProcessLookupError:
        return False
    except FileNotFoundError:  # it ended in between, or the system has no such files
        return not Path("/proc/self/stat").exists()


def ends(process_id: int, within_s: float = 60) -> bool:
    """Whether a process that nobody of ours waits for ends in time."""
    end = time.monotonic() + within_s
    while is_running(process_id) and time.monotonic() < end:
        time.sleep(0.005)
    return not is_running(process_id)


@pytest.fixture
def log(tmp_path: Path) -> Log:
    with open_log(tmp_path, create=True, write=True) as opened:
        yield opened


def append_apart(log: Log, *batches: Sequence[Entry], killed_before: int | None = None) -> None:
    """Append these batches in a process of its own, and kill that before one of them is sent."""
    with Appender(log) as appender:
        for number, batch in enumerate(batches):
            if number == killed_before:
                os.kill(appender.process_id, signal.SIGKILL)
            appender.append(batch)
        if len(batches) == killed_before:
            os.kill(appender.process_id, signal.SIGKILL)


def without_times(path: Path) -> list[tuple[object, ...]]:
    return [row[:4] + row[5:7] for row in rows(path)]


@settings(max_examples=8, deadline=None)
@given(
    batches=st.lists(
        st.lists(st.tuples(st.integers(1, 4), st.text(max_size=5), st.none() | st.just('{"note":"é"}')), max_size=5),
        max_size=4,
    )
)
def test_a_process_of_its_own_appends_what_this_one_would(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[tuple[int, str, str | None]]]
) -> None:
    here, there = tmp_path_factory.mktemp("here"), tmp_path_factory.mktemp("there")
    made = [
        [Entry(f"trade:{number}{name}", *entry("x", source=source)[1:]) for number, name, source in batch]
        for batch in batches
    ]
    with open_log(here, create=True, write=True) as log:
        for batch in made:
            log.append(batch)
    with open_log(there, create=True, write=True) as log:
        append_apart(log, *made)
        assert log.head().position == sum(map(len, made))
        assert verify_log(log).findings == []
    assert without_times(there / "ledger.db") == without_times(here / "ledger.db")


def test_each_batch_has_one_recorded_time_and_the_chain_goes_on_behind_them(log: Log) -> None:
    log.append(entries(3))
    append_apart(log, entries(5, start=3), entries(5, start=8))
    log.append(entries(2, start=13))
    times = [one.recorded_at for one in log.read()]
    assert times == sorted(times)
    assert [len(set(part)) for part in (times[:3], times[3:8], times[8:13], times[13:])] == [1, 1, 1, 1]
    assert log.head().hash == chain(log.path)


def test_a_log_opened_for_reading_cannot_be_appended_to(tmp_path: Path) -> None:
    open_log(tmp_path, create=True).close()
    with open_log(tmp_path) as log, pytest.raises(AssertionError, match="opened for reading"):
        Appender(log)


def test_a_full_disk_is_told_as_if_this_process_had_met_it(tmp_path: Path) -> None:
    open_log(tmp_path, create=True).close()
    with open_log(tmp_path, write=True, page_max=100) as log:
        with pytest.raises(DiskFull, match=r"ledger\.db: [\d,]+ bytes are free, about [\d,]+ are needed") as caught:
            append_apart(log, entries(100), entries(10_000, start=100))
        assert caught.value.hint
        assert log.head().position == 100
        assert log.append(entries(1, start=100)) == range(101, 102)
        assert verify_log(log).findings == []


def test_nothing_is_appended_after_a_batch_that_was_refused(log: Log) -> None:
    unknown = Entry("trade:1", "no-such-thing.v1", b"{}")
    with pytest.raises(UnknownTopic, match="no-such-thing"):
        append_apart(log, entries(1), [unknown], *(entries(1000, start=start * 1000) for start in range(1, 50)))
    assert log.head().position == 1


def test_every_error_that_the_ledger_can_raise_finds_its_way_back() -> None:
    def below(kind: type[LedgerError]) -> set[type[LedgerError]]:
        return {kind}.union(*map(below, kind.__subclasses__()))

    # An entry is refused before anything is appended.
    raised = {"domain.errors", "domain.event", "domain.moments", "ledger"}
    of_the_ledger = [kind for kind in below(LedgerError) if kind.__module__.startswith(tuple(raised))]
    assert [kind for kind in of_the_ledger if getattr(errors, kind.__name__, None) is not kind] == []


def test_the_appending_process_killed_is_an_error_and_leaves_whole_batches(log: Log) -> None:
    log.append(entries(10))
    batches = [entries(BATCH, start=10 + number * BATCH) for number in range(50)]
    with pytest.raises(StoreError, match="ended with code -9 before it was done") as caught:
        append_apart(log, *batches, killed_before=1)
    assert "again" in caught.value.hint
    assert (log.head().position - 10) % BATCH == 0
    assert verify_log(log).findings == []
    log.append(entries(1, start=10**6))


def test_the_appending_process_killed_after_the_last_batch_is_an_error(log: Log) -> None:
    with pytest.raises(StoreError, match="ended with code -9"):
        append_apart(log, entries(1), killed_before=1)


def test_an_error_of_the_starter_waits_for_the_batch_at_hand_and_is_raised_itself(log: Log) -> None:
    appender = Appender(log)

    def translate() -> None:
        with appender:
            appender.append(entries(BATCH))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        translate()
    assert not is_running(appender.process_id)
    assert log.head().position in (0, BATCH)
    log.append(entries(1, start=BATCH))


def test_a_starter_killed_anywhere_leaves_whole_batches_and_no_process(tmp_path: Path) -> None:
    for attempt in range(5):
        with run(APPEND, tmp_path) as starter:
            assert starter.stdout is not None
            helper = int(starter.stdout.readline())
            for _ in range(attempt):
                starter.stdout.readline()
            time.sleep(attempt * 0.003)
            os.kill(starter.pid, signal.SIGKILL)
        # At once: the one who is killed and started again is not told that somebody else is writing.
        with open_log(tmp_path, write=True) as log:
            assert log.head().position % BATCH == 0
            assert verify_log(log).findings == []
    assert ends(helper)
    with open_log(tmp_path) as log:
        assert log.head().position > 0


def test_the_lock_is_held_until_the_helper_of_a_killed_starter_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with run(SLOW, tmp_path) as starter:
        assert starter.stdout is not None
        helper = int(starter.stdout.readline())
        assert starter.stdout.readline() == "sent\n"
        os.kill(helper, signal.SIGSTOP)
        os.kill(starter.pid, signal.SIGKILL)
    try:
        monkeypatch.setattr("ledger.lock._ORPHAN_S", 0.1)
        with pytest.raises(HomeBusy, match=f"process {starter.pid} "):
            open_log(tmp_path, write=True)
        monkeypatch.setattr("ledger.lock._ORPHAN_S", 60.0)  # so many entries may take their time
    finally:
        os.kill(helper, signal.SIGCONT)
    with open_log(tmp_path, write=True) as log:
        assert log.head().position in (0, 20_000)
    assert ends(helper)


def test_an_interrupt_from_the_keyboard_is_for_the_starter_alone(tmp_path: Path) -> None:
    with run(SLOW, tmp_path) as starter:
        assert starter.stdout is not None
        helper = int(starter.stdout.readline())
        assert starter.stdout.readline() == "sent\n"
        os.killpg(starter.pid, signal.SIGINT)
        assert starter.stdout.read() == "interrupted\n"
    assert starter.returncode == 0
    assert ends(helper)
    with open_log(tmp_path) as log:
        assert log.head().position == 20_000


def test_a_shared_lock_that_is_released_still_says_who_holds_it(tmp_path: Path) -> None:
    with open_log(tmp_path, create=True, write=True) as log:
        assert log.lock is not None
        SharedLock(os.dup(log.lock.fileno())).release()
        with pytest.raises(HomeBusy, match=f"process {os.getpid()} "):
            open_log(tmp_path, write=True)
