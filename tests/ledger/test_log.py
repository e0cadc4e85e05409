"""What Log promises to those who append and read."""

import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from eventsourcing.persistence import OperationalError
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import HomeError, StoreError, UnknownTopic
from ledger.log import Entry, Head, Joined, Log, Stored, open_log
from ledger.recorder import CONNECTION_PRAGMAS, FILE_PRAGMAS, GROUP_ROWS
from tests.ledger.samples import NOON, chain, entries, entry, rows


@pytest.fixture
def log(tmp_path: Path) -> Log:
    with open_log(tmp_path / "home", create=True, write=True) as log:
        yield log


def test_a_new_ledger_is_empty_private_and_durable(log: Log) -> None:
    assert log.head() == Head(0, bytes(32))
    assert stat.S_IMODE(log.path.stat().st_mode) == 0o600
    with log._datastore.transaction(commit=False) as cursor:
        found = {
            name: cursor.sqlite_cursor.execute(f"PRAGMA {name}").fetchone()[0]
            for name in FILE_PRAGMAS | CONNECTION_PRAGMAS
        }
    assert found == {
        "auto_vacuum": 0,
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "cache_size": -64000,
        "wal_autocheckpoint": 1000,
        "busy_timeout": 30000,
    }


def test_events_are_numbered_without_a_gap_and_by_stream(log: Log) -> None:
    assert log.append([entry("a:1"), entry("b:1"), entry("a:1", source='{"x":1}')], recorded_at=NOON) == range(1, 4)
    assert log.append([]) == range(4, 4)
    assert log.append([entry("a:1")]) == range(4, 5)
    assert [(one.position, one.stream, one.version) for one in log.read()] == [
        (1, "a:1", 1),
        (2, "b:1", 1),
        (3, "a:1", 2),
        (4, "a:1", 3),
    ]
    assert log.versions(["a:1", "b:1", "c:1"]) == {"a:1": 3, "b:1": 1}
    assert [one.version for one in log.stream("a:1")] == [1, 2, 3]
    assert log.at([3])[0] == Stored(
        3,
        "a:1",
        2,
        "trade-voided.v1",
        '{"event":"trade-voided.v1","reason":"a sample"}',
        NOON,
        '{"x":1}',
        log.at([3])[0].hash,
    )


@given(
    sizes=st.lists(st.integers(0, 5) | st.integers(GROUP_ROWS - 1, 2 * GROUP_ROWS + 1), max_size=5),
    streams=st.integers(1, 4),
)
def test_the_chain_is_that_of_the_design_however_the_events_arrive(
    sizes: list[int], streams: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = tmp_path_factory.mktemp("home")
    with open_log(home, create=True, write=True) as log:
        for number, size in enumerate(sizes):
            log.append(entries(size, streams=streams, start=number * 100))
        assert log.head() == Head(sum(sizes), chain(log.path) if sum(sizes) else bytes(32))
        assert [row[0] for row in rows(log.path)] == list(range(1, sum(sizes) + 1))


def test_reading_cuts_by_position_topic_and_number(log: Log) -> None:
    log.append(entries(10))
    log.append([Entry("x:1", "trade-executed.v1", b"{}")])
    assert [one.position for one in log.read(after=2, through=5)] == [3, 4, 5]
    assert [one.position for one in log.read(after=2, limit=2)] == [3, 4]
    assert [one.position for one in log.read(topics=["trade-executed.v1"])] == [11]
    assert log.read(topics=[]) == []
    assert log.states(after=10, through=None, topics=None, limit=5) == [
        (11, "trade-executed.v1", "{}", log.head().hash)
    ]
    assert log.sources(after=1, through=None, limit=2) == [
        (4, "trade:T-3", 1, "trade-voided.v1", '{"note":1}'),
        (7, "trade:T-6", 1, "trade-voided.v1", '{"note":1}'),
    ]
    assert [one.position for one in log.at([7, 3, 99])] == [3, 7]


def test_a_whole_batch_of_one_topic_can_be_read_joined(log: Log) -> None:
    log.append([*entries(3), Entry("x:1", "trade-executed.v1", b"{}"), *entries(2, start=3)])

    def joined(after: int, limit: int, *topics: str) -> Joined | None:
        return log.joined(after=after, through=6, topics=topics, limit=limit)

    found = joined(1, 4, "trade-voided.v1")
    stored = [log.at([position])[0] for position in (2, 3, 5, 6)]
    states = "[" + ",".join(one.state for one in stored) + "]"
    assert found == Joined("trade-voided.v1", 6, states, b"".join(one.hash for one in stored))
    assert joined(1, 5, "trade-voided.v1") is None, "there are not so many"
    assert joined(1, 5, "trade-voided.v1", "trade-executed.v1") is None, "they are of two topics"


def test_one_append_has_one_recorded_time_which_never_runs_backwards(log: Log) -> None:
    log.append(entries(3), recorded_at="2999-01-01T00:00:00.000000Z")
    log.append(entries(2, start=3))
    assert {one.recorded_at for one in log.read()} == {"2999-01-01T00:00:00.000000Z"}
    with pytest.raises(AssertionError, match="before"):
        log.append(entries(1, start=5), recorded_at=NOON)


def test_what_was_known_at_a_time_is_found(log: Log) -> None:
    for hour in range(5):
        log.append(entries(3, start=hour * 3), recorded_at=f"2026-01-01T0{hour}:00:00.000000Z")
    assert log.recorded_position("2025-12-31T23:59:59.999999Z") == 0
    assert log.recorded_position("2026-01-01T02:00:00.000000Z") == 9
    assert log.recorded_position("2026-01-01T02:59:00.000000Z") == 9
    assert log.recorded_position("2999-01-01T00:00:00.000000Z") == 15


def test_an_event_of_unknown_type_is_refused_with_all_that_came_with_it(log: Log) -> None:
    with pytest.raises(UnknownTopic, match=r"never\.v1"):
        log.append([entry("a:1"), Entry("a:2", "never.v1", b"{}")])
    assert log.head().position == 0


@pytest.mark.parametrize("before", [1, GROUP_ROWS - 1, GROUP_ROWS, 3 * GROUP_ROWS + 1])
def test_an_append_that_fails_halfway_leaves_nothing_and_the_log_usable(log: Log, before: int) -> None:
    with pytest.raises(UnicodeDecodeError):
        log.append([*entries(before), Entry("a:2", "trade-voided.v1", b"\xff")])
    assert log.append([entry("a:1")]) == range(1, 2)


def test_reading_goes_on_while_another_writes_and_changes_nothing(log: Log) -> None:
    log.append(entries(5))
    with open_log(log.home) as reader:
        before = reader.head()
        with log._datastore.transaction(commit=True):
            assert reader.head() == before
        log.append(entries(1, start=5))
        assert reader.head().position == 6
        with pytest.raises(AssertionError):
            reader.append([entry("a:1")])
        with pytest.raises(OperationalError, match="readonly"), reader._datastore.transaction(commit=False) as cursor:
            cursor.execute("DELETE FROM stored_events")


def test_a_home_without_a_ledger_is_named(tmp_path: Path) -> None:
    for write in (False, True):
        with pytest.raises(HomeError, match="no ledger"):
            open_log(tmp_path / "nowhere", write=write)
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_the_ledger_of_a_legacy_system_is_recognised_and_left_as_it_was(tmp_path: Path, mode: str) -> None:
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as legacy:
        legacy.execute(f"PRAGMA journal_mode = {mode}")
        legacy.execute("CREATE TABLE trades (id INTEGER PRIMARY KEY)")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    for create in (False, True):
        with pytest.raises(HomeError, match="not a Daybook ledger"):
            open_log(tmp_path, create=create, write=create)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_file_that_is_no_database_is_an_error_with_a_hint(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_bytes(b"once upon a time " * 100)
    with pytest.raises(StoreError, match="not a database") as caught:
        open_log(tmp_path)
    assert caught.value.hint


def test_a_ledger_whose_making_was_interrupted_is_finished(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").touch()
    with pytest.raises(HomeError, match="no ledger"):
        open_log(tmp_path)
    with open_log(tmp_path, create=True) as log:
        assert log.head().position == 0


def test_a_home_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(HomeError, match="file"):
        open_log(tmp_path / "file" / "home", create=True)


def test_a_ledger_on_a_medium_that_nobody_can_write_to_is_read(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    log.append(entries(3))
    log.close()
    monkeypatch.setattr("os.access", lambda *_: False)
    with open_log(log.home) as reader:
        assert reader.head().position == 3
    assert sorted(path.name for path in log.home.iterdir()) == ["ledger.db", "ledger.lock"]


def test_the_log_survives_vacuum_and_dump(log: Log, tmp_path: Path) -> None:
    log.append(entries(20, streams=4))
    before = rows(log.path)
    log.close()
    with closing(sqlite3.connect(log.path)) as connection:
        connection.execute("VACUUM")
        dump = "\n".join(connection.iterdump())
    assert rows(log.path) == before
    with closing(sqlite3.connect(tmp_path / "restored.db")) as restored:
        restored.executescript(dump)
    assert rows(tmp_path / "restored.db") == before
