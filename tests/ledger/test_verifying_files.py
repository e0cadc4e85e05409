"""Damage to the file around the events is found, and no damage makes the verifier itself fail."""

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import HomeError
from ledger.chain import Head
from ledger.log import Entry, open_log
from ledger.verifying import verify_log
from tests.ledger.damage import COUNT, kinds, opened
from tests.ledger.samples import chain, rows

STATE = b'{"event":"setting-changed.v1","key":"k","value":"' + b"v" * 200 + b'"}'


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("DROP TRIGGER stored_events_refuse_update", "trigger stored_events_refuse_update is missing"),
        ("DROP VIEW trades", "view trades is missing"),
        ("DROP INDEX trade_events", "index trade_events is missing"),
        ("CREATE TRIGGER spy AFTER INSERT ON stored_events BEGIN SELECT 1; END", "trigger spy does not belong"),
        ("CREATE TABLE notes (x)", "table notes does not belong"),
        ("ALTER TABLE stored_events ADD COLUMN x TEXT", "table stored_events was altered"),
        ("DROP VIEW events; CREATE VIEW events AS SELECT 1", "view events was altered"),
    ],
)
def test_a_changed_schema_is_found(sample: Path, tmp_path: Path, statement: str, said: str) -> None:
    shutil.copyfile(sample, tmp_path / "ledger.db")
    with opened(tmp_path / "ledger.db") as connection:
        connection.executescript(statement)
    (finding,) = verify_log(tmp_path / "ledger.db").findings
    assert said in finding.message


def test_gathered_statistics_are_no_finding(sample: Path, tmp_path: Path) -> None:
    shutil.copyfile(sample, tmp_path / "ledger.db")
    with opened(tmp_path / "ledger.db") as connection:
        connection.execute("ANALYZE")
    assert verify_log(tmp_path / "ledger.db").findings == []


def test_an_index_that_does_not_agree_with_the_table_is_found(sample: Path, tmp_path: Path) -> None:
    shutil.copyfile(sample, tmp_path / "ledger.db")
    with opened(tmp_path / "ledger.db") as connection:
        query = "SELECT rootpage FROM sqlite_schema WHERE name = 'sqlite_autoindex_stored_events_1'"
        (page,) = connection.execute(query).fetchone()
    content = bytearray((tmp_path / "ledger.db").read_bytes())
    place = content.index(b"trade:T-1", (page - 1) * 4096)
    assert place < page * 4096
    content[place + 8 : place + 9] = b"9"
    (tmp_path / "ledger.db").write_bytes(content)
    assert (None, "file") in kinds(verify_log(tmp_path / "ledger.db"))


@given(data=st.data())
def test_no_changed_byte_of_the_file_is_both_unseen_and_felt(
    data: st.DataObject, sample: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Bytes that nothing uses may change unseen; whatever is read differently, or not at all, is a finding."""
    content = bytearray(sample.read_bytes())
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=3)):
        content[place] ^= data.draw(st.integers(1, 255))
    path = tmp_path_factory.mktemp("home") / "ledger.db"
    path.write_bytes(content)
    verified = verify_log(path)
    if verified.intact:
        assert verified.head == Head(COUNT, chain(sample))
        assert rows(path) == rows(sample)


@pytest.mark.parametrize("content", [b"", b"x", b"no database at all " * 1000, b"SQLite format 3\0" + b"\0" * 4080])
def test_a_file_that_is_no_ledger_is_a_finding(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "ledger.db"
    path.write_bytes(content)
    assert {finding.kind for finding in verify_log(path).findings} <= {"file", "schema"}
    assert not verify_log(path).intact


def test_a_file_that_lost_its_end_is_a_finding(sample: Path, tmp_path: Path) -> None:
    whole = sample.read_bytes()
    for part in range(1, len(whole) // 4096):
        (tmp_path / "ledger.db").write_bytes(whole[: part * 4096])
        assert not verify_log(tmp_path / "ledger.db").intact


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match="no ledger"):
        verify_log(tmp_path / "ledger.db")


def test_a_page_that_was_wiped_in_the_middle_does_not_hide_the_rest(tmp_path: Path) -> None:
    with open_log(tmp_path, create=True, write=True) as log:
        log.append([Entry(f"setting:{n}", "setting-changed.v1", STATE) for n in range(600)])
    path = tmp_path / "ledger.db"
    size = path.stat().st_size // 4096
    for page in range(20, size - 4, 7):
        copy = tmp_path / f"wiped-{page}.db"
        content = bytearray(path.read_bytes())
        content[page * 4096 : (page + 1) * 4096] = bytes(4096)
        copy.write_bytes(content)
        found = verify_log(copy)
        assert found.findings
        assert found.events == 600
