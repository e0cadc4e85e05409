"""What another process does between two looks of this one at the home: neither is misled, and neither is in the other's way."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from domain.errors import HomeBusy, StoreError
from ledger import guarding, lock, opening, seal, tree, verifying
from ledger.lock import WriterLock
from ledger.log import Log, open_log
from ledger.subscribing import subscribe
from ledger.verifying import verify_log
from migrations.runner import LEDGER, migrate_ledger, scripts
from tests.ledger.samples import entries, rows
from tests.meanwhile import meanwhile

WRITER = """
import sys
from pathlib import Path
from ledger.log import open_log
from tests.ledger.samples import entry
with open_log(Path(sys.argv[1]), write=True) as log:
    log.append([entry("trade:late")])
    print("ready", flush=True)
    sys.stdin.read()
"""


def grown(home: Path, count: int, *, start: int = 0) -> Path:
    with open_log(home, create=True, write=True) as log:
        log.append(entries(count, start=start))
    return home


@contextmanager
def another_writer(home: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process has appended an event, and closes the ledger when its input ends."""
    command = [sys.executable, "-c", WRITER, str(home)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        yield writer


def exchange(one: Path, other: Path) -> None:
    """As a restore does it."""
    between = one.with_name("between")
    one.rename(between)
    other.rename(one)
    between.rename(other)


# Any: what the module has.
class _With:
    """The module sqlite3 with connections of one's own."""

    def __init__(self, factory: type[sqlite3.Connection]) -> None:
        self._factory = factory

    def __getattr__(self, name: str) -> Any:
        return getattr(sqlite3, name)

    def connect(self, name: Path | str) -> sqlite3.Connection:
        return sqlite3.connect(name, factory=self._factory)


def test_who_only_reads_does_not_mind_that_another_has_begun_the_ledger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writers: list[Log] = []

    def begin() -> None:
        writers.append(open_log(tmp_path, create=True, write=True))

    meanwhile(monkeypatch, opening, "make_folder", begin, before=True)
    with open_log(tmp_path, create=True) as log:
        assert log.head().position == 0
        writers[0].append(entries(1))
        assert log.head().position == 1
    writers[0].close()


def test_who_only_reads_waits_while_another_makes_the_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right = WriterLock(tmp_path)

    def make_it() -> None:
        right.release()
        open_log(tmp_path, create=True, write=True).close()

    monkeypatch.setattr(opening, "time", SimpleNamespace(monotonic=time.monotonic, sleep=lambda _: make_it()))
    with open_log(tmp_path, create=True) as log:
        assert log.head().position == 0


def test_who_looks_at_what_a_power_cut_has_left_does_not_mind_that_another_rolls_it_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    with closing(sqlite3.connect(tmp_path / "begun", isolation_level=None)) as db:
        db.execute("PRAGMA user_version = 1")
        db.execute("PRAGMA synchronous = OFF")
        db.execute("BEGIN IMMEDIATE")
        db.execute("PRAGMA user_version = 2")
        shutil.copyfile(tmp_path / "begun", home / "ledger.db")
        shutil.copyfile(tmp_path / "begun-journal", home / "ledger.db-journal")
    meanwhile(monkeypatch, opening, "TemporaryDirectory", lambda: grown(home, 1), before=True)
    with open_log(home, create=True) as log:
        assert log.head().position == 1


def test_the_lock_of_a_home_that_is_replaced_meanwhile_is_that_of_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, other = grown(tmp_path / "home", 1), grown(tmp_path / "other", 2)
    meanwhile(monkeypatch, lock, "_take", lambda: exchange(home, other), before=True)
    with open_log(home, write=True) as log:
        assert log.head().position == 2
        with pytest.raises(HomeBusy):
            open_log(home, write=True)
    WriterLock(other).release()


def test_who_looks_at_a_lock_keeps_nobody_from_taking_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A holder was killed, and its number has gone to another process, as it does when a machine or a container starts again.
    (tmp_path / lock.FILE).write_text(f"{os.getpid()}\t2026-11-20T12:00:00.000000Z\treplay\n")
    looker = os.open(tmp_path / lock.FILE, os.O_RDONLY)
    fcntl.flock(looker, fcntl.LOCK_SH)
    meanwhile(monkeypatch, lock.time, "sleep", lambda: os.close(looker))
    WriterLock(tmp_path).release()


def test_a_key_that_two_processes_make_is_one_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "seals" / seal.KEY
    others: list[bytes] = []
    meanwhile(
        monkeypatch, seal, "make_folder", lambda: others.append(seal.key_of(path).private_bytes_raw()), before=True
    )
    mine = seal.key_of(path).private_bytes_raw()
    assert [mine] == others
    assert seal.key_of(path).private_bytes_raw() == mine
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_a_key_can_be_made_on_a_disk_without_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    path = tmp_path / seal.KEY
    assert seal.key_of(path).private_bytes_raw() == seal.key_of(path).private_bytes_raw()
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_nobody_finds_half_of_a_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grown(tmp_path, 1)
    seen: set[tuple[str, ...]] = set()

    def look(_: str) -> None:
        with closing(sqlite3.connect(tmp_path / tree.FILE)) as db:
            found = db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
            seen.add(tuple(name for (name,) in found))

    class Connection(sqlite3.Connection):
        def __init__(self, *given: Any, **named: Any) -> None:
            super().__init__(*given, **named)
            self.set_trace_callback(look)

    monkeypatch.setattr(tree, "sqlite3", _With(Connection))
    with open_log(tmp_path) as log, tree.open_tree(log, keep=True) as made:
        made.root(1)
    assert seen == {(), ("mark", "nodes")}


@pytest.mark.parametrize("statements", range(1, 7))
def test_two_who_begin_a_tree_do_not_take_the_file_from_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, statements: int
) -> None:
    monkeypatch.setattr(tree, "KEPT_FROM", 4)
    grown(tmp_path, 20)
    told: list[str] = []

    def root() -> bytes:
        with open_log(tmp_path) as log, tree.open_tree(log, keep=True, tell=told.append) as made:
            return made.root(20)

    others: list[bytes] = []
    left = iter([lambda: None] * (statements - 1) + [lambda: others.append(root())])

    class Connection(sqlite3.Connection):
        def execute(self, *given: Any) -> sqlite3.Cursor:
            found = super().execute(*given)
            next(left, lambda: None)()
            return found

    monkeypatch.setattr(tree, "sqlite3", _With(Connection))
    assert [root()] == others
    assert told == []


def test_a_ledger_that_is_brought_up_to_date_while_it_is_verified_is_sound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ledger.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        migrate_ledger(db, without=scripts(LEDGER)[-1:])
    meanwhile(monkeypatch, verifying, "pending", lambda: grown(tmp_path, 3))
    assert verify_log(path).findings == []
    assert verify_log(path).events == 3


def test_a_home_that_is_replaced_while_it_is_verified_is_sound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, other = grown(tmp_path / "home", 30), grown(tmp_path / "other", 20, start=100)
    meanwhile(monkeypatch, verifying, "broken", lambda: exchange(home, other), before=True)
    verified = verify_log(home / "ledger.db")
    assert verified.findings == []
    assert verified.events == 20


def test_what_is_kept_of_a_damaged_ledger_is_whole_though_its_writer_ends_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grown(tmp_path, 3)
    with another_writer(tmp_path) as writer:
        meanwhile(monkeypatch, guarding, "sync", writer.communicate)
        damage = guarding.mark(
            tmp_path, tmp_path / "ledger.db", found_at="2026-11-20T12:00:00.000000Z", last_good=2, reason="a sample"
        )
    assert writer.returncode == 0
    assert len(rows(tmp_path / damage.kept)) == 4


def test_who_reads_goes_on_when_this_process_has_written_and_then_another(tmp_path: Path) -> None:
    grown(tmp_path, 3)
    with open_log(tmp_path) as log:
        assert log.head().position == 3
        open_log(tmp_path, write=True).close()
        with another_writer(tmp_path) as writer:
            writer.communicate()
        assert log.head().position == 4


def test_a_ledger_that_was_replaced_before_it_is_followed_is_noticed(tmp_path: Path) -> None:
    home, other = grown(tmp_path / "home", 3), grown(tmp_path / "other", 5, start=100)
    with open_log(home) as log:
        assert log.head().position == 3
        exchange(home, other)
        with pytest.raises(StoreError, match="another ledger was put in the place"):
            next(subscribe(log, after=2))
