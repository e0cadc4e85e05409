"""A power cut at any write or sync of an append: no acknowledged entry is lost, no half of an append is seen."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from domain.errors import DiskFull, LedgerError
from ledger.log import Log, open_log
from ledger.recorder import CONNECTION_PRAGMAS
from ledger.verifying import verify_log
from tests.faults.cutting import Cut, after_all, cuts
from tests.faults.disk import FACTOR, SEED, Disk, contents, seeded, write_state
from tests.faults.under_sqlite3 import LIBRARY, REASON, watched
from tests.ledger.samples import entries

pytestmark = pytest.mark.skipif(LIBRARY is None, reason=REASON)


def appended(home: Path, batches: list[int], *, before: int = 0, checkpoint: bool = False) -> Disk:
    """What the disk saw of some appends; the first `before` batches were on it already."""
    home.mkdir()
    for size in batches[:before]:
        with open_log(home, create=True, write=True) as log:
            log.append(entries(size, start=log.head().position))
    disk = Disk(home)
    with watched(disk), open_log(home, create=True, write=True) as log:
        disk.promise(log.head().position)
        for size in batches[before:]:
            disk.promise(log.append(entries(size, start=log.head().position)).stop - 1)
            if checkpoint:
                log.checkpoint()
    return disk


def hashes(home: Path) -> list[bytes]:
    with open_log(home) as log:
        return [one.hash for one in log.read(limit=10**6)]


def check(cut: Cut, batches: list[int], reference: list[bytes], place: Path, *, thorough: bool = True) -> None:
    """After the cut: whole appends, at least the acknowledged ones, all equal to what was written; and it goes on."""
    ends = [sum(batches[:count]) for count in range(len(batches) + 1)]
    write_state(cut.files, place)
    with open_log(place, create=True, write=True) as log:
        position = log.head().position
        assert position >= cut.promised, cut.said
        assert position in ends, cut.said
        # The same events; each is covered by its hash, those after the last acknowledged one by the reference.
        assert [one.hash for one in log.read(limit=10**6)] == reference[:position], cut.said
        assert log.append(entries(1, start=position)) == range(position + 1, position + 2), cut.said
    with closing(sqlite3.connect(place / "ledger.db")) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)], cut.said
    if thorough:
        assert verify_log(place / "ledger.db").findings == [], cut.said
    shutil.rmtree(place)


def test_the_watched_disk_holds_what_the_real_one_holds(tmp_path: Path) -> None:
    disk = appended(tmp_path / "home", [3, 5, 40], checkpoint=True)
    assert {op.kind for op in disk.trace} == {"make", "write", "sync", "sync-names", "truncate", "delete", "mark"}
    assert after_all(disk) == contents(tmp_path / "home")


def test_the_cuts_find_a_ledger_that_does_not_wait_for_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CONNECTION_PRAGMAS, "synchronous", 1)
    batches = [1, 2, 1]
    disk = appended(tmp_path / "home", batches, before=1)
    reference = hashes(tmp_path / "home")

    def search() -> None:
        for cut in cuts(disk):
            check(cut, batches, reference, tmp_path / "after", thorough=False)

    with pytest.raises(AssertionError, match="cut after"):
        search()


def test_a_power_cut_anywhere_in_a_small_history_loses_no_acknowledged_entry(tmp_path: Path) -> None:
    batches = [1, 2, 1]
    disk = appended(tmp_path / "home", batches, before=1)
    reference = hashes(tmp_path / "home")
    tried = 0
    for cut in cuts(disk):
        check(cut, batches, reference, tmp_path / "after", thorough=tried % 20 == 0)
        tried += 1
    assert tried > 40


def made(place: Path, count: int) -> None:
    """Cut the power while a ledger is made and gets its first entry."""
    disk = appended(place / "home", [1])
    reference = hashes(place / "home")
    found = list(cuts(disk))
    for cut in seeded().sample(found, min(round(count * FACTOR), len(found))):
        check(cut, [1], reference, place / "after")


def test_a_power_cut_while_the_ledger_is_made_leaves_one_that_can_be_made_again(tmp_path: Path) -> None:
    made(tmp_path, 15)


@pytest.mark.soak
def test_a_power_cut_at_many_steps_of_making_a_ledger(tmp_path: Path) -> None:
    made(tmp_path, 400)


def large(place: Path, seed: int, count: int) -> None:
    """Cut the power in a history of appends of many sizes, with checkpoints between them."""
    rng = seeded(seed)
    batches = [rng.choice([1, 3, 40, 400]) for _ in range(12)]
    disk = appended(place / "home", batches, before=3, checkpoint=True)
    reference = hashes(place / "home")
    for cut in cuts(disk, rng, count=count):
        check(cut, batches, reference, place / "after")
    shutil.rmtree(place / "home")


def test_a_power_cut_in_a_large_history_loses_no_acknowledged_entry(tmp_path: Path) -> None:
    large(tmp_path, SEED, 12)


@pytest.mark.soak
def test_power_cuts_in_many_large_histories_lose_no_acknowledged_entry(tmp_path: Path) -> None:
    for seed in range(SEED, SEED + 12):
        large(tmp_path, seed, 50)


def refusal(log: Log, position: int) -> LedgerError | None:
    try:
        log.append(entries(3, start=position))
    except LedgerError as error:
        return error
    return None


@pytest.mark.parametrize(("code", "kind"), [(13, DiskFull), (778, LedgerError), (1034, LedgerError)])
def test_a_write_or_sync_that_fails_undoes_the_append_wherever_it_happens(
    tmp_path: Path, code: int, kind: type[LedgerError]
) -> None:
    """SQLITE_FULL, SQLITE_IOERR_WRITE, SQLITE_IOERR_FSYNC."""
    home = tmp_path / "home"
    home.mkdir()
    disk = Disk(home)
    refused = 0
    with watched(disk), open_log(home, create=True, write=True) as log:
        log.append(entries(5))
        for after in range(12):
            before = log.head()
            disk.fail_after, disk.fail_code = after, code
            error = refusal(log, before.position)
            disk.fail_after = None
            if error is not None:
                refused += 1
                assert isinstance(error, kind)
                assert "nothing was appended" in error.message
                assert log.head() == before
            assert log.append(entries(1, start=log.head().position)).stop == log.head().position + 1
        assert refused > 3
        assert verify_log(log).findings == []


def test_a_clock_that_is_set_back_does_not_reorder_what_was_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Clock(datetime):
        moment = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)

        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Clock:
            return cls.fromtimestamp(cls.moment.timestamp(), tz)

    monkeypatch.setattr("ledger.recorder.datetime", Clock)
    with open_log(tmp_path, create=True, write=True) as log:
        for hours in (0, -1, -24, 2, -8_760, 3):
            Clock.moment += timedelta(hours=hours)
            log.append(entries(2, start=log.head().position))
        recorded = [one.recorded_at for one in log.read()]
        assert recorded == sorted(recorded)
        assert verify_log(log).findings == []
        assert log.recorded_position(recorded[-1]) == 12


READ_ONLY = """
import os, sys
from pathlib import Path
from domain.errors import LedgerError
from ledger.log import Log, open_log
from ledger.verifying import verify_log
from tests.ledger.samples import entries
home = Path(sys.argv[1])
verify_log(home / "ledger.db")  # loads what another user may not be allowed to load
home.chmod(0o555)
if os.getuid() == 0:
    os.setegid(65534), os.seteuid(65534)
with open_log(home) as log:
    assert log.head().position == 3 and not verify_log(log).findings
try:
    with open_log(home, write=True) as log:
        log.append(entries(1, start=3))
except LedgerError as error:
    print(type(error).__name__, error.message, "|", error.hint)
"""


def test_a_home_that_became_read_only_is_read_and_refuses_to_be_written() -> None:
    """Seen by a user who has no right to write, which root always has."""
    with TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        home = Path(place) / "home"
        with open_log(home, create=True, write=True) as log:
            log.append(entries(3))
        for path in home.iterdir():
            path.chmod(0o444)
        before = (home / "ledger.db").read_bytes()
        command = [sys.executable, "-c", READ_ONLY, str(home)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])
        finally:
            home.chmod(0o755)
        assert done.returncode == 0, done.stderr
        assert "HomeError" in done.stdout
        assert "permissions" in done.stdout
        assert (home / "ledger.db").read_bytes() == before
