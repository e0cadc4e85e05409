"""Scripts of the log that were released never change, and each runs once, whole."""

import hashlib
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing

import pytest

from migrations import runner, script
from tests.cli.program import ROOT

# A released script is never edited: write a new one, and add its hash here.
RELEASED = {
    "0001_log.sql": "056244433a3d690d071aa87669574035061d57a3728d6d956fb754b971a5aeba",
    "0002_views.sql": "74530ef7bc8d586dcb5e7164c004f00a34b5f73ec255917e11f25edaca356276",
    "0003_classic_tables.sql": "5643ed653b83a850ed877510169d2d38eddc0f34a7f935c13b214e37630cca67",
    "0004_eight_databases.sql": "472542eb4778faaedf4d19ba842cdde300f5b5ad381ddc2923b2ffb707c88607",
}


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        yield connection


def test_every_script_of_the_ledger_is_the_one_that_was_released() -> None:
    found = {name: hashlib.sha256(script("ledger", name).encode()).hexdigest() for name in runner.scripts("ledger")}
    assert found == RELEASED


def test_scripts_run_in_order_once(db: sqlite3.Connection) -> None:
    assert runner.pending(db) == list(runner.scripts("ledger")) == sorted(runner.scripts("ledger"))
    runner.migrate_ledger(db)
    runner.migrate_ledger(db)
    assert runner.pending(db) == []
    applied = db.execute("SELECT name FROM _sqlite_migrations ORDER BY id").fetchall()
    assert applied == [(name,) for name in runner.scripts("ledger")]


def test_no_process_loads_pandas_to_make_a_ledger() -> None:
    made = "import sqlite3, sys; from migrations import runner; runner.migrate_ledger(sqlite3.connect(':memory:'))"
    said = "print({'pandas', 'numpy'} & sys.modules.keys(), 'sqlite_utils' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", f"{made}; {said}; import numpy"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "set() True\n", "")


def test_a_script_that_fails_leaves_nothing_of_itself(db: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = runner.scripts("ledger")[1]
    text = "CREATE VIEW half AS SELECT 1; CREATE VIEW half AS SELECT 2;"
    monkeypatch.setattr(runner, "script", lambda *parts: text if parts[-1] == broken else script(*parts))
    with pytest.raises(sqlite3.OperationalError, match="already exists"):
        runner.migrate_ledger(db)
    assert runner.pending(db) == list(runner.scripts("ledger"))[1:]
    assert db.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'half'").fetchone() == (0,)
    monkeypatch.undo()
    runner.migrate_ledger(db)
    assert runner.pending(db) == []


def test_the_digest_of_a_read_model_covers_all_its_files(monkeypatch: pytest.MonkeyPatch) -> None:
    before = runner.schema_digest("history")
    assert runner.read_model_script("history") == "\n".join(
        script("history", name) for name in runner.scripts("history")
    )
    monkeypatch.setattr(runner, "script", lambda *parts: script(*parts) + " ")
    assert runner.schema_digest("history") != before
