"""Every damage to an event is found and named."""

import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Self

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.event import topics
from domain.legacy import LegacySchemaRead, ReplayStarted
from ledger import checking, splitting
from ledger.chain import Head
from ledger.checking import check_range, reader
from ledger.linking import Links
from ledger.log import open_log
from ledger.recorder import insert
from ledger.verifying import Verified, verify_log
from migrations.runner import migrate_ledger, scripts
from tests.ledger.damage import COUNT, TEXTS, kinds, opened, same, tampered
from tests.ledger.samples import chain, entries, entry


def test_a_ledger_nobody_touched_has_no_findings(sample: Path) -> None:
    verified = verify_log(sample)
    assert verified == Verified(COUNT, Head(COUNT, chain(sample)), [])
    assert verified.intact
    with open_log(sample.parent) as log:
        assert verify_log(log) == verified


def test_an_empty_ledger_has_no_findings(tmp_path: Path) -> None:
    open_log(tmp_path, create=True).close()
    assert verify_log(tmp_path / "ledger.db") == Verified(0, Head(0, bytes(32)), [])


@given(data=st.data())
def test_any_byte_of_any_text_or_hash_that_changes_is_found_and_named(
    data: st.DataObject, sample: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    position = data.draw(st.integers(1, COUNT))
    column = data.draw(st.sampled_from((*TEXTS, "hash")))
    with opened(sample) as connection:
        value = bytearray(
            connection.execute(
                f"SELECT CAST({column} AS BLOB) FROM stored_events WHERE rowid = ?", (position,)
            ).fetchone()[0]
        )
    place = data.draw(st.integers(0, len(value) - 1))
    value[place] ^= data.draw(st.integers(1, 255))
    new = "?" if column == "hash" else "CAST(? AS TEXT)"
    statement = f"UPDATE OR IGNORE stored_events SET {column} = {new} WHERE rowid = ?"
    path = tampered(sample, tmp_path_factory.mktemp("home"), lambda db: db.execute(statement, (bytes(value), position)))
    if same(path, sample):
        return  # that stream has this version already
    verified = verify_log(path)
    assert position in {finding.position for finding in verified.findings}
    assert position in {finding.position for finding in verify_log(path, thorough=False).findings}
    accused = {finding.position for finding in verified.findings if finding.kind != "version"}
    assert accused == {position}, "its neighbours are sound, though a stream may lack a version now"


@given(position=st.integers(1, COUNT), number=st.integers(-(2**63), 2**63 - 1))
def test_any_other_version_is_found_and_named(
    position: int, number: int, sample: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tampered(
        sample,
        tmp_path_factory.mktemp("home"),
        lambda db: db.execute(
            "UPDATE OR IGNORE stored_events SET originator_version = ? WHERE rowid = ?", (number, position)
        ),
    )
    found = {finding.position for finding in verify_log(path).findings}
    assert position in found or same(path, sample)


def test_a_changed_hash_is_told_from_a_changed_event(sample: Path, tmp_path: Path) -> None:
    path = tampered(
        sample, tmp_path, lambda db: db.execute("UPDATE stored_events SET hash = zeroblob(32) WHERE rowid = 5")
    )
    assert kinds(verify_log(path)) == {(5, "altered"), (5, "hash")}


@pytest.mark.parametrize("column", [*TEXTS, "originator_version", "hash"])
def test_another_storage_class_with_the_same_bytes_is_found(sample: Path, tmp_path: Path, column: str) -> None:
    other = {"originator_version": "CAST(originator_version AS TEXT)", "hash": "CAST(hash AS TEXT)"}
    value = other.get(column, f"CAST({column} AS BLOB)")

    def tamper(db: sqlite3.Connection) -> None:
        (sql,) = db.execute("SELECT sql FROM sqlite_schema WHERE name = 'stored_events'").fetchone()
        rewrite(db, sql.replace("STRICT", "").replace("INTEGER NOT", "BLOB NOT").replace("TEXT", "BLOB"))
        db.execute(f"UPDATE stored_events SET {column} = {value} WHERE rowid = 4")
        rewrite(db, sql)

    path = tampered(sample, tmp_path, tamper)
    assert (4, "type") in kinds(verify_log(path))
    assert (4, "type") in kinds(verify_log(path, thorough=False))


def rewrite(db: sqlite3.Connection, sql: str) -> None:
    db.execute("PRAGMA writable_schema = ON")
    db.execute("UPDATE sqlite_schema SET sql = ? WHERE name = 'stored_events'", (sql,))
    db.execute("PRAGMA writable_schema = RESET")


@pytest.mark.parametrize("position", [1, 5, COUNT - 1])
def test_a_removed_event_is_named(sample: Path, tmp_path: Path, position: int) -> None:
    path = tampered(sample, tmp_path, lambda db: db.execute("DELETE FROM stored_events WHERE rowid = ?", (position,)))
    verified = verify_log(path)
    assert (position, "missing") in kinds(verified)
    assert verified.events == COUNT - 1


def test_removed_and_renumbered_is_found(sample: Path, tmp_path: Path) -> None:
    def tamper(db: sqlite3.Connection) -> None:
        db.execute("DELETE FROM stored_events WHERE rowid = 5")
        for position in range(6, COUNT + 1):
            db.execute("UPDATE stored_events SET rowid = rowid - 1 WHERE rowid = ?", (position,))

    found = kinds(verify_log(tampered(sample, tmp_path, tamper)))
    assert {(position, "altered") for position in range(5, COUNT)} <= found


def test_an_inserted_event_is_found(sample: Path, tmp_path: Path) -> None:
    def tamper(db: sqlite3.Connection) -> None:
        for position in range(COUNT, 4, -1):
            db.execute("UPDATE stored_events SET rowid = rowid + 1 WHERE rowid = ?", (position,))
        db.execute(
            "INSERT INTO stored_events SELECT 5, 'trade:X', 1, topic, state, recorded_at, source, hash "
            "FROM stored_events WHERE rowid = 4"
        )

    found = kinds(verify_log(tampered(sample, tmp_path, tamper)))
    assert {(position, "altered") for position in range(5, COUNT + 2)} <= found


def test_swapped_events_are_found(sample: Path, tmp_path: Path) -> None:
    def tamper(db: sqlite3.Connection) -> None:
        for old, new in ((5, 99), (6, 5), (99, 6)):
            db.execute("UPDATE stored_events SET rowid = ? WHERE rowid = ?", (new, old))

    found = kinds(verify_log(tampered(sample, tmp_path, tamper)))
    assert {(5, "altered"), (6, "altered")} <= found


def test_an_event_before_the_first_is_found(sample: Path, tmp_path: Path) -> None:
    path = tampered(sample, tmp_path, lambda db: db.execute("UPDATE stored_events SET rowid = 0 WHERE rowid = 7"))
    assert {(0, "position"), (7, "missing")} <= kinds(verify_log(path))


def test_what_was_appended_past_daybook_is_found_though_its_chain_is_right(tmp_path: Path) -> None:
    with open_log(tmp_path, create=True, write=True) as log:
        log.append(entries(2))
        with log._datastore.transaction(commit=True) as opened_cursor:
            drafts = [
                ("a:1", 1, "never.v1", b"{}", None),
                ("a:2", 1, "trade-voided.v1", b'{"event":"trade-voided.v1"}', None),
                ("a:3", 1, "trade-voided.v1", b'{"event":"trade-voided.v1","reason":"x"}', b"not JSON"),
                ("a:4", 2, "trade-voided.v1", b'{"event":"trade-voided.v1","reason":"x"}', None),
            ]
            insert(opened_cursor.sqlite_cursor, drafts, "2999-01-01T00:00:00.000000Z", log.head())
        expected = {(3, "topic"), (4, "state"), (5, "source"), (6, "version")}
        assert kinds(verify_log(log)) == expected
        assert kinds(verify_log(log, thorough=False)) == {(3, "topic"), (6, "version")}


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ('{"run":2,"system":"old","file":"a.db","table":"t"}', "it names run 2 of old, which had not begun"),
        ('{"run":1,"system":"other","file":"a.db","table":"t"}', "it names run 1 of other, which had not begun"),
        (
            '{"run":1,"system":"old","file":"b.db","table":"t"}',
            "it names the file 'b.db' of old, which had not been read",
        ),
    ],
)
def test_provenance_that_points_nowhere_is_found_and_named(tmp_path: Path, source: str, said: str) -> None:
    start = ReplayStarted(run=1, system="old", timezone="UTC", timezone_assumed=False, program="x")
    read = LegacySchemaRead(system="old", file="a.db", generation="", statements=[], pragmas={})
    sound = '{"run":1,"system":"old","file":"a.db","table":"t"}'
    with open_log(tmp_path, create=True, write=True) as log:
        log.append([entry("trade:0", source=sound), entry("replay:old", start), entry("legacy-schema:old:a.db", read)])
        log.append([entry("trade:1", source=sound), entry("trade:2", source=source), entry("trade:3", source=sound)])
        findings = verify_log(log).findings
    # The first event names a run that began behind it.
    assert [(one.position, one.kind) for one in findings] == [(1, "source"), (5, "source")]
    assert said in findings[1].message


def test_a_ledger_that_has_not_seen_the_newest_script_is_not_called_altered(tmp_path: Path) -> None:
    with open_log(tmp_path, create=True, write=True) as log:
        log.append(entries(3))
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as old, opened(tmp_path / "ledger.db") as newest:
        migrate_ledger(old, without=[scripts("ledger")[-1]])
        triggers = "SELECT name, sql FROM sqlite_schema WHERE type IN ('trigger', 'view')"
        before = dict(old.execute(triggers))
        for name, sql in newest.execute(triggers).fetchall():
            if before.get(name) != sql:
                newest.execute(f"DROP VIEW {name}")
        for name, sql in before.items():
            if not newest.execute("SELECT 1 FROM sqlite_schema WHERE name = ?", (name,)).fetchone():
                newest.execute(sql)
        newest.execute("DELETE FROM _sqlite_migrations WHERE name = ?", (scripts("ledger")[-1],))
    assert verify_log(tmp_path / "ledger.db").findings == []


def test_findings_are_limited_and_say_so(sample: Path, tmp_path: Path) -> None:
    path = tampered(sample, tmp_path, lambda db: db.execute("UPDATE stored_events SET recorded_at = 'x'"))
    verified = verify_log(path, limit=4)
    assert [finding.kind for finding in verified.findings] == ["altered"] * 4 + ["more"]


@given(data=st.data(), page=st.integers(1, 5))
def test_the_log_can_be_checked_in_pieces(
    data: st.DataObject, page: int, sample: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    position = data.draw(st.integers(1, COUNT))
    column, value = data.draw(st.sampled_from([("hash", b"x" * 32), ("recorded_at", "x")]))
    path = tampered(
        sample,
        tmp_path_factory.mktemp("home"),
        lambda db: db.execute(f"UPDATE stored_events SET {column} = ? WHERE rowid = ?", (value, position)),
    )
    cuts = sorted(data.draw(st.sets(st.integers(1, COUNT - 1), max_size=3)))
    pieces = zip([1, *(cut + 1 for cut in cuts)], [*cuts, COUNT], strict=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checking, "PAGE", page)
        found = [
            finding for first, last in pieces for finding in check_range(path.as_uri(), first, last, decoding=True)
        ]
    assert {finding.position for finding in found} == {position}


@pytest.mark.parametrize("thorough", [True, False])
@pytest.mark.parametrize("large", [1, 10**9], ids=["threads", "processes"])
def test_several_cores_find_what_one_finds(
    sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, thorough: bool, large: int
) -> None:
    path = tampered(
        sample, tmp_path, lambda db: db.execute("UPDATE stored_events SET topic = 'x' WHERE rowid IN (2, 6, 7, 9)")
    )
    alone = verify_log(path, thorough=thorough)
    assert {2, 6, 7, 9} <= {finding.position for finding in alone.findings}
    monkeypatch.setattr(splitting, "_helpers", lambda *_, **__: 2)
    monkeypatch.setattr(splitting, "_LARGE", large)
    assert verify_log(path, thorough=thorough) == alone
    assert verify_log(sample, thorough=thorough).findings == []
    monkeypatch.setattr(splitting, "_CHILD", "raise SystemExit(1)")
    assert verify_log(path, thorough=thorough) == alone, "a second process that fails is done without"


def test_where_no_process_can_begin_this_one_does_all(
    sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tampered(sample, tmp_path, lambda db: db.execute("UPDATE stored_events SET topic = 'x' WHERE rowid = 6"))
    alone = verify_log(path)
    monkeypatch.setattr(splitting, "_helpers", lambda *_, **__: 2)
    monkeypatch.setattr("sys.executable", str(tmp_path / "none"))
    assert verify_log(path) == alone
    assert not alone.intact


def test_what_goes_wrong_on_another_core_goes_wrong_here(sample: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Wrong:
        """Judges like a process that has a fault."""

        def __init__(self, *_: object) -> None:
            self.unbroken = self._unbroken

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            done.set()

        def _unbroken(self, *_: int) -> bool:
            done.set()
            raise MemoryError

    done = threading.Event()
    judge = Links.unbroken
    monkeypatch.setattr(Links, "unbroken", lambda *args: done.wait(10) and judge(*args))
    monkeypatch.setattr(splitting, "_helpers", lambda *_, **__: 1)
    monkeypatch.setattr(splitting, "_Process", Wrong)
    with pytest.raises(MemoryError):
        verify_log(sample)


def test_brackets_nested_too_deep_are_a_finding(sample: Path, tmp_path: Path) -> None:
    deep = '{"extra": ' + "[" * 100_000 + "]" * 100_000 + "}"
    path = tampered(
        sample, tmp_path, lambda db: db.execute("UPDATE stored_events SET state = ? WHERE rowid = 6", (deep,))
    )
    assert (6, "state") in kinds(verify_log(path))
    assert (6, "altered") in kinds(verify_log(path, thorough=False))


@given(data=st.data())
def test_the_fast_answer_is_that_of_the_close_look(
    data: st.DataObject, sample: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    position, column = data.draw(st.integers(1, COUNT)), data.draw(st.sampled_from((*TEXTS, "hash", "rowid")))
    value = {"hash": b"x" * 32, "rowid": 99}.get(column, "x")
    sql = f"UPDATE stored_events SET {column} = ? WHERE rowid = ?"
    path = tampered(sample, tmp_path_factory.mktemp("home"), lambda db: db.execute(sql, (value, position)))
    first = data.draw(st.integers(1, COUNT))
    last = data.draw(st.integers(first, COUNT))
    links = Links(path.as_uri(), topics(), reader(path.as_uri()))
    if list(check_range(path.as_uri(), first, last, decoding=True)):
        assert not links.unbroken(first, last)
    else:  # what stands right before the stretch may not agree with it; that its last event is gone, the next one shows
        assert links.unbroken(first, last) or position in (first - 1, last)


def test_large_logs_are_worth_a_second_process_and_small_ones_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    assert splitting._helpers(1_000_000, 10**9, reading=False) == 1
    assert splitting._helpers(10_000, 10**7, reading=True) == 0
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    assert splitting._helpers(1_000_000, 10**9, reading=False) == 0
    monkeypatch.setattr("os.cpu_count", lambda: 64)
    assert splitting._helpers(1_000_000, 10**9, reading=True) == 7
