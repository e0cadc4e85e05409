"""Sources that are busy, damaged or something else: frozen whole where that is possible, named and refused where not."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from random import Random
from threading import Timer
from typing import Any

import pytest

from domain.errors import SourceError
from operations.replaying import replay
from replay import freezing
from tests.legacy import Legacy, bar, position, tally, trade
from tests.replay.oracle import legacy_rows, listing, recorded_rows

FULL = ("config.db", "ledger.db", "state.db", "history/AAPL_US.db")
CHECKOUT = Path(__file__).parents[2]

HOLDER = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
for statement in sys.argv[2:]:
    db.execute(statement).fetchall()
print("ready", flush=True)
sys.stdin.read()
"""


@contextmanager
def held(path: Path, *statements: str) -> Iterator[subprocess.Popen[str]]:
    """Another process has run these statements in a file, and keeps it open."""
    command = [sys.executable, "-c", HOLDER, str(path), *statements]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        assert holder.stdout.readline() == "ready\n"
        yield holder
        holder.stdin.close()


@pytest.fixture
def full(legacy: Legacy) -> Legacy:
    """A folder with trades, positions and prices."""
    legacy.write("config.db", "config_v12", settings=[{"key": "a", "value": "1", "updated_at": "2025-01-02"}])
    legacy.write("ledger.db", "ledger_v4", trades=[trade(f"T{number}") for number in range(300)])
    legacy.write("state.db", "state_v4", positions=[position("AAPL.US", 3000)])
    return legacy.write("history/AAPL_US.db", "history_v1", daily_prices=[bar("2025-01-02"), bar("2025-01-03")])


def method(legacy: Legacy, file: str) -> str:
    """How a file was copied in a replay that finds everything, and changes nothing in the legacy folder."""
    before = listing(legacy.folder)
    report = legacy.replay()
    assert report.failed == {}
    assert listing(legacy.folder) == before
    frozen = legacy.home / "backups" / report.frozen
    assert recorded_rows(legacy.home) == legacy_rows(frozen)
    (about,) = [one for one in report.files if one.name == file]
    assert about.sha256 == sha256((frozen / file).read_bytes()).hexdigest()
    return about.copied_by


def killed_with(legacy: Legacy, file: str, *statements: str) -> None:
    """Run statements in a file by a process that is then killed, so that its -wal or -journal stays behind."""
    with held(legacy.folder / file, *statements) as holder:
        holder.kill()
    (legacy.folder / f"{file}-shm").unlink(missing_ok=True)


WAL = "PRAGMA journal_mode = WAL"
ADD = "UPDATE positions SET quantity = 17"


def test_what_sits_in_a_wal_that_nobody_holds_open_is_replayed(full: Legacy) -> None:
    killed_with(full, "state.db", WAL, ADD)
    assert (full.folder / "state.db-wal").stat().st_size > 0
    assert method(full, "state.db") == "copy"
    assert full.model("portfolio", "SELECT quantity FROM positions") == [(17.0,)]
    assert not (full.folder / "state.db-shm").exists()


def test_what_an_open_transaction_has_not_committed_is_not_replayed(full: Legacy) -> None:
    full.run("state.db", WAL)
    with held(full.folder / "state.db", ADD, "BEGIN IMMEDIATE", "UPDATE positions SET quantity = 99"):
        assert method(full, "state.db") == "backup"
    assert full.model("portfolio", "SELECT quantity FROM positions") == [(17.0,)]


def test_what_a_killed_writer_left_half_done_is_rolled_back_in_the_copy_only(full: Legacy) -> None:
    spill = ("PRAGMA cache_size = 1", "BEGIN", "UPDATE trades SET symbol = 'WRONG.US'")
    killed_with(full, "ledger.db", *spill)
    assert (full.folder / "ledger.db-journal").stat().st_size > 0
    assert b"WRONG.US" in (full.folder / "ledger.db").read_bytes()
    assert method(full, "ledger.db") == "copy"
    assert full.ledger("SELECT DISTINCT symbol FROM trades") == [("AAPL.US",)]
    assert (full.folder / "ledger.db-journal").exists()


def test_a_file_that_another_process_reads_at_this_moment_is_backed_up(full: Legacy) -> None:
    with held(full.folder / "state.db", "BEGIN", "SELECT * FROM positions"):
        assert method(full, "state.db") == "backup"


def test_a_file_that_another_process_only_has_open_is_copied(full: Legacy) -> None:
    with held(full.folder / "state.db", "SELECT * FROM positions"):
        assert method(full, "state.db") == "copy"


def refused(legacy: Legacy, file: str) -> str:
    """Why a file is refused. The other files are counted; ledger, read models and legacy folder stay as they were."""
    legacy_before, home_before = listing(legacy.folder), databases(legacy.home)
    report = replay(legacy.folder, legacy.home)
    assert report.exit_code == 3
    assert [*report.failed] == [file]
    assert report.events_appended == 0
    assert not report.proven
    assert report.sums_hold
    assert {one.name for one in report.files if one.rows} == {one for one in FULL if one != file}
    assert listing(legacy.folder) == legacy_before
    assert databases(legacy.home) == home_before or not home_before
    assert not list((legacy.home / "backups").glob("*/*.db")) or home_before
    newest = max((legacy.home / "reports").glob("*.md"))
    assert f"**{file}**" in newest.read_text()
    return report.failed[file]


def databases(home: Path) -> dict[str, str]:
    """The ledger, the read models and the frozen copies; replay.db is only an index."""
    if not home.exists():
        return {}
    return {name: content for name, content in listing(home).items() if name.endswith(".db") and name != "replay.db"}


def test_a_file_that_stays_locked_is_named_and_nothing_is_appended(
    full: Legacy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(freezing.freeze, "__kwdefaults__", {"lock_wait_s": 0.2})
    with held(full.folder / "ledger.db", "BEGIN EXCLUSIVE"):
        assert "locked for writing by another process" in refused(full, "ledger.db")


def test_a_file_whose_lock_is_given_up_in_time_is_replayed(full: Legacy) -> None:
    with held(full.folder / "ledger.db", "BEGIN EXCLUSIVE") as holder:
        later = Timer(0.3, holder.kill)
        later.start()
        assert method(full, "ledger.db") == "copy"
        later.join()


def overwritten(path: Path, offset: int, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(content)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2 // 4096 * 4096 + 100)


def without_a_page(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 4096)


def a_corrupt_page(path: Path) -> None:
    overwritten(path, 4096, b"\xde\xad" * 2048)


def a_corrupt_header(path: Path) -> None:
    overwritten(path, 16, bytes(84))


def something_else(path: Path) -> None:
    path.write_text("Dear diary, today I sold everything.\n" * 500)


def encrypted(path: Path) -> None:
    path.write_bytes(Random(1).randbytes(path.stat().st_size))


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "inside.txt").write_text("x")


def only_a_header(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:16])


def a_wrong_count_of_free_pages(path: Path) -> None:
    """Every row can still be read; only SQLite's own check finds it."""
    overwritten(path, 36, bytes((0, 0, 0, 5)))


HARM = (
    cut, without_a_page, a_corrupt_page, a_corrupt_header, something_else, encrypted, a_folder, only_a_header,
    a_wrong_count_of_free_pages,
)  # fmt: skip


@pytest.mark.parametrize("file", ["ledger.db", "history/AAPL_US.db"])
@pytest.mark.parametrize("harm", HARM, ids=lambda harm: harm.__name__)
def test_a_file_that_cannot_be_read_whole_is_named_and_nothing_is_appended(
    full: Legacy, file: str, harm: Callable[[Path], None]
) -> None:
    assert full.replay(catch_up=False).events_appended
    full.write("config.db", settings=[{"key": "new", "value": "1", "updated_at": "2025-01-03"}])
    whole = (full.folder / file).read_bytes()
    harm(full.folder / file)
    assert refused(full, file)
    if (full.folder / file).is_dir():
        shutil.rmtree(full.folder / file)
    (full.folder / file).write_bytes(whole)
    assert full.replay(catch_up=False).proven
    assert recorded_rows(full.home) == legacy_rows(full.folder)


def test_prices_whose_index_lost_a_row_are_refused(full: Legacy) -> None:
    path = full.folder / "history/AAPL_US.db"
    content = path.read_bytes()
    overwritten(path, content.rindex(b"2025-01-03"), b"2025-01-09")
    assert "index" in refused(full, "history/AAPL_US.db")


def test_a_file_that_may_not_be_read_is_named(full: Legacy, monkeypatch: pytest.MonkeyPatch) -> None:
    """The administrator may read everything, so the refusal is played."""
    opened = Path.open

    def guarded(path: Path, *args: Any, **options: Any) -> Any:  # as Path.open
        if path == full.folder / "ledger.db" and args == ("rb",) and not options:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return opened(path, *args, **options)

    monkeypatch.setattr(Path, "open", guarded)
    assert refused(full, "ledger.db") == "cannot be opened: Permission denied"


def test_several_bad_files_are_all_named(full: Legacy) -> None:
    something_else(full.folder / "ledger.db")
    a_corrupt_page(full.folder / "state.db")
    cut(full.folder / "history/AAPL_US.db")
    report = replay(full.folder, full.home)
    assert {*report.failed} == {"ledger.db", "state.db", "history/AAPL_US.db"}
    assert full.ledger("SELECT count(*) FROM stored_events") == [(0,)]
    assert tally(report, "config.db", "settings").read == 1
    assert report.exit_code == 3


def test_the_command_names_the_file_and_ends_with_exit_code_3(full: Legacy) -> None:
    something_else(full.folder / "ledger.db")
    command = [sys.executable, "cli.py", "--home", str(full.home), "replay", str(full.folder)]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=CHECKOUT, check=False)
    assert ended.returncode == 3
    assert "ledger.db" in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("mode", ["dry-run", "verify-only"])
def test_looking_at_a_bad_source_changes_nothing_at_all(full: Legacy, mode: str) -> None:
    full.replay()
    something_else(full.folder / "ledger.db")
    before, reports = databases(full.home), listing(full.home / "reports")
    report = replay(full.folder, full.home, mode=mode)
    assert report.exit_code == 3
    assert [*report.failed] == ["ledger.db"]
    assert databases(full.home) == before
    assert listing(full.home / "reports") == reports


@pytest.mark.parametrize("what", ["nothing", "an empty folder", "other files"])
def test_a_folder_without_a_known_database_is_no_source_and_makes_no_home(tmp_path: Path, what: str) -> None:
    folder = tmp_path / "legacy"
    if what != "nothing":
        folder.mkdir()
    if what == "other files":
        (folder / "holiday.jpg").write_bytes(b"\xff\xd8")
    with pytest.raises(SourceError) as refusal:
        replay(folder, tmp_path / "home")
    assert refusal.value.exit_code == 3
    assert refusal.value.hint
    assert not (tmp_path / "home").exists()
