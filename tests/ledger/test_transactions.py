"""Writing transactions cannot deadlock, and one that fails does not spoil the connection for the next."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from eventsourcing.persistence import IntegrityError

from domain.errors import HomeBusy, StoreError
from ledger import recorder
from ledger.log import open_log
from tests.ledger.samples import entries


def test_a_writing_transaction_has_its_lock_before_it_reads(tmp_path: Path) -> None:
    with open_log(tmp_path, create=True, write=True) as log, closing(sqlite3.connect(log.path, timeout=0)) as other:
        with (
            log._datastore.transaction(commit=True),
            pytest.raises(sqlite3.OperationalError, match="database is locked"),
        ):
            other.execute("BEGIN IMMEDIATE")
        with log._datastore.transaction(commit=False):
            other.execute("BEGIN IMMEDIATE")


def test_a_file_that_another_program_holds_is_busy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_log(tmp_path, create=True).close()
    monkeypatch.setitem(recorder.CONNECTION_PRAGMAS, "busy_timeout", 10)
    with open_log(tmp_path, write=True) as log, closing(sqlite3.connect(log.path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(HomeBusy, match="locked by another program"):
            log.append(entries(1))
        other.rollback()
        assert log.append(entries(1)) == range(1, 2)


BROKEN_AT_COMMIT = (
    "CREATE TEMP TABLE parent (id INTEGER PRIMARY KEY)",
    "CREATE TEMP TABLE child (id REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED)",
    "INSERT INTO child VALUES (1)",
)


def test_a_commit_that_fails_leaves_no_open_transaction_behind(tmp_path: Path) -> None:
    with open_log(tmp_path, create=True, write=True) as log:
        with pytest.raises(IntegrityError), log._datastore.transaction(commit=True) as cursor:
            list(map(cursor.execute, BROKEN_AT_COMMIT))
        for number in range(20):  # every connection of the pool
            log.append(entries(1, start=number))


def test_a_pragma_that_did_not_take_effect_is_an_error(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "other.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA auto_vacuum = 1")
        connection.execute("CREATE TABLE t (x)")
        with pytest.raises(StoreError, match="auto_vacuum"):
            recorder.set_pragmas(connection, recorder.FILE_PRAGMAS)
