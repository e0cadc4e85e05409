"""Killed anywhere, or out of room: an append happened as a whole or not at all, and the next one works."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from domain.errors import DiskFull, HomeBusy, LedgerError, StoreError, StreamConflict
from ledger.failures import told
from ledger.log import open_log
from ledger.verifying import verify_log
from tests.ledger.samples import entries

BATCH = 500

APPEND = f"""
import sys
from pathlib import Path
from ledger.log import open_log
from tests.ledger.samples import entries
with open_log(Path(sys.argv[1]), create=True, write=True) as log:
    while True:
        log.append(entries({BATCH}, start=log.head().position))
        print("appended", flush=True)
"""

LIMITED = """
import resource, sys
from pathlib import Path
from domain.errors import LedgerError
from ledger.log import open_log
from tests.ledger.samples import entries
with open_log(Path(sys.argv[1]), write=True) as log:
    before = log.head()
    resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, resource.RLIM_INFINITY))
    try:
        log.append(entries(5_000, start=before.position))
    except LedgerError as error:
        print(type(error).__name__, error.message)
    assert log.head() == before
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    log.append(entries(10, start=before.position))
"""


def run(script: str, home: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", script, str(home)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])


def test_a_writer_killed_in_mid_append_leaves_whole_appends(tmp_path: Path) -> None:
    for attempt in range(6):
        with run(APPEND, tmp_path) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(attempt * 0.003)
            os.kill(writer.pid, signal.SIGKILL)
    with open_log(tmp_path, write=True) as log:
        count = log.head().position
        assert count >= 6 * BATCH
        assert count % BATCH == 0
        assert [one.position for one in log.read(limit=10**6)] == list(range(1, count + 1))
        assert verify_log(log).findings == []


def test_a_full_disk_undoes_the_append_and_says_what_is_needed(tmp_path: Path) -> None:
    open_log(tmp_path, create=True).close()
    with open_log(tmp_path, write=True, page_max=100) as log:
        log.append(entries(100))
        before = log.head()
        with pytest.raises(DiskFull, match=r"ledger\.db: [\d,]+ bytes are free, about [\d,]+ are needed") as caught:
            log.append(entries(10_000, start=100))
        assert caught.value.hint
        assert log.head() == before
        assert log.append(entries(1, start=100)) == range(101, 102)
        assert verify_log(log).findings == []


def test_a_write_that_fails_for_another_reason_undoes_the_append_as_well(tmp_path: Path) -> None:
    with open_log(tmp_path, create=True, write=True) as log:
        log.append(entries(100))
    with run(LIMITED, tmp_path) as limited:
        said, _ = limited.communicate(timeout=60)
    assert limited.returncode == 0
    assert "nothing was appended" in said
    with open_log(tmp_path) as log:
        assert log.head().position == 110
        assert verify_log(log).findings == []


def sqlite_error(kind: type[sqlite3.Error], code: int) -> sqlite3.Error:
    error = kind("it failed")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (sqlite_error(sqlite3.OperationalError, sqlite3.SQLITE_FULL), DiskFull),
        (sqlite_error(sqlite3.OperationalError, sqlite3.SQLITE_IOERR_WRITE), StoreError),
        (sqlite_error(sqlite3.OperationalError, sqlite3.SQLITE_BUSY), HomeBusy),
        (sqlite_error(sqlite3.IntegrityError, sqlite3.SQLITE_CONSTRAINT_TRIGGER), StreamConflict),
        (sqlite_error(sqlite3.DatabaseError, sqlite3.SQLITE_CORRUPT), StoreError),
    ],
)
def test_what_sqlite_says_is_told_as_what_a_user_can_mend(
    error: sqlite3.Error, expected: type[LedgerError], tmp_path: Path
) -> None:
    said = told(error, tmp_path / "ledger.db", 1)
    assert type(said) is expected
    assert said.hint


def test_a_failed_write_is_a_full_disk_where_there_is_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.statvfs(tmp_path)
    monkeypatch.setattr("os.statvfs", lambda _: os.statvfs_result((*real[:3], 0, 0, *real[5:])))
    error = sqlite_error(sqlite3.OperationalError, sqlite3.SQLITE_IOERR_WRITE)
    assert type(told(error, tmp_path / "ledger.db", 1)) is DiskFull
