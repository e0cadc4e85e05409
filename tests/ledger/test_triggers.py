"""The file itself refuses what is not an append, whoever asks."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ledger.log import open_log
from tests.ledger.samples import entries, rows

INSERT = "INTO stored_events (rowid, originator_id, originator_version, topic, state, recorded_at, hash) VALUES "


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with open_log(tmp_path, create=True, write=True) as log:
        log.append(entries(3))
    with closing(sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)) as connection:
        before = rows(tmp_path / "ledger.db")
        yield connection
        assert rows(tmp_path / "ledger.db") == before


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("UPDATE stored_events SET topic = 'x'", "record a correction"),
        ("UPDATE stored_events SET rowid = 9 WHERE rowid = 3", "record a correction"),
        ("UPDATE OR REPLACE stored_events SET rowid = 2 WHERE rowid = 3", "record a correction"),
        ("DELETE FROM stored_events", "record that it is void"),
        (f"INSERT {INSERT} (7, 'a:1', 1, 't', '{{}}', 'r', x'00')", "last position"),
        (f"INSERT {INSERT} (2, 'a:1', 1, 't', '{{}}', 'r', x'00')", "last position"),
        (f"INSERT {INSERT} (NULL, 'a:1', 1, 't', '{{}}', 'r', x'00')", "last position"),
        (f"INSERT {INSERT} (-1, 'a:1', 1, 't', '{{}}', 'r', x'00')", "last position"),
        (f"INSERT OR REPLACE {INSERT} (3, 'a:1', 1, 't', '{{}}', 'r', x'00')", "last position"),
        (f"INSERT OR IGNORE {INSERT} (3, 'a:1', 1, 't', '{{}}', 'r', x'00')", "last position"),
        (f"INSERT OR REPLACE {INSERT} (4, 'trade:T-1', 1, 't', '{{}}', 'r', x'00')", "has this version"),
        (f"REPLACE {INSERT} (4, 'trade:T-1', 1, 't', '{{}}', 'r', x'00')", "has this version"),
        (
            f"INSERT {INSERT} (4, 'trade:T-1', 1, 't', '{{}}', 'r', x'00') ON CONFLICT DO UPDATE SET topic = 'x'",
            "has this",
        ),
        (f"INSERT {INSERT} (4, 'trade:T-1', 1, 't', '{{}}', 'r', x'00')", "has this version"),
        (f"INSERT {INSERT} (4, 'a:1', 1, 't', x'00', 'r', x'00')", "cannot store BLOB value in TEXT column"),
        (f"INSERT {INSERT} (4, 'a:1', 'one', 't', '{{}}', 'r', x'00')", "cannot store TEXT value in INTEGER"),
        (f"INSERT {INSERT} (4, 'a:1', 1, 't', NULL, 'r', x'00')", "NOT NULL"),
    ],
)
def test_it_is_refused(ledger: sqlite3.Connection, statement: str, message: str) -> None:
    with pytest.raises(sqlite3.IntegrityError, match=message):
        ledger.execute(statement)


def test_the_table_is_the_one_of_the_design(ledger: sqlite3.Connection) -> None:
    columns = ledger.execute("SELECT name, type, \"notnull\", pk FROM pragma_table_info('stored_events')").fetchall()
    assert columns == [
        ("rowid", "INTEGER", 0, 1),
        ("originator_id", "TEXT", 1, 0),
        ("originator_version", "INTEGER", 1, 0),
        ("topic", "TEXT", 1, 0),
        ("state", "TEXT", 1, 0),
        ("recorded_at", "TEXT", 1, 0),
        ("source", "TEXT", 0, 0),
        ("hash", "BLOB", 1, 0),
    ]
    assert ledger.execute("SELECT strict FROM pragma_table_list('stored_events')").fetchone() == (1,)
