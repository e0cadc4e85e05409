"""The legacy files written again from the ledger alone are the files that were replayed, value by value."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import apsw
import pytest
from hypothesis import given, settings

from domain.errors import LedgerError
from domain.systems import ARDUINO_TRADER
from ledger.log import open_log
from operations.demo_legacy import write_legacy_folder
from operations.replaying import replay
from projections import catalog
from projections.comparing import file_differences
from projections.engine import model_path
from tests.cutover.asking import asked, copied, export, facts, replayed, schemas
from tests.legacy import Legacy, bar, cash_flow, position, security, trade
from tests.replay.folders import Table, folders, write
from tests.replay.oracle import legacy_rows

STAMP = "2025-01-01 10:00:00"


def setting(key: str, value: str | None) -> dict[str, str | None]:
    return {"key": key, "value": value, "updated_at": STAMP}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("demo")
    write_legacy_folder(place / "legacy", securities=12, years=1)
    assert replay(place / "legacy", place / "home").proven
    assert export(place / "home", place / "written").exit_code == 0
    return place


def test_every_table_of_every_file_is_as_it_was(demo: Path) -> None:
    original = copied(demo / "legacy")
    assert legacy_rows(demo / "written") == legacy_rows(original)
    assert schemas(demo / "written") == {name: one for name, one in schemas(original).items() if ".bak" not in name}


def test_a_replay_of_the_written_files_makes_an_equal_ledger_and_equal_read_models(demo: Path) -> None:
    assert replayed(demo / "written", demo / "again") == facts(demo / "home")
    for name in (one.name for one in catalog.projectors() if one.system == ARDUINO_TRADER):
        assert not file_differences(expected=model_path(demo / "home", name), found=model_path(demo / "again", name))


def written_again_is_the_same(tables: list[Table]) -> None:
    with TemporaryDirectory() as name:
        place = Path(name)
        write(place / "legacy", tables)
        replay(place / "legacy", place / "home", catch_up=False)
        assert export(place / "home", place / "written").exit_code == 0
        assert legacy_rows(place / "written") == legacy_rows(place / "legacy")
        assert schemas(place / "written") == schemas(place / "legacy")
        (place / "written" / "config.db").touch()  # empty in the original, and so in no event
        replay(place / "written", place / "again", catch_up=False)
        assert facts(place / "again") == facts(place / "home")


@settings(max_examples=12, deadline=None)
@given(tables=folders())
def test_whatever_a_legacy_folder_held_is_written_again_and_replayed_to_the_same(tables: list[Table]) -> None:
    written_again_is_the_same(tables)


@pytest.mark.soak
@settings(max_examples=1500, deadline=None)
@given(tables=folders())
def test_of_many_legacy_folders_each_is_written_again_and_replayed_to_the_same(tables: list[Table]) -> None:
    written_again_is_the_same(tables)


def comes_back(legacy: Legacy) -> Path:
    """Replayed, written again, and replayed again: the same rows, and the same facts of them. Where they were written."""
    legacy.replay()
    written = legacy.home.parent / "written"
    assert export(legacy.home, written).exit_code == 0
    assert legacy_rows(written) == legacy_rows(legacy.folder)
    assert replayed(written, legacy.home.parent / "again") == facts(legacy.home)
    return written


ODD = """
    PRAGMA page_size = 8192; PRAGMA encoding = 'UTF-16le'; PRAGMA auto_vacuum = 2; PRAGMA user_version = 77;
    CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL, description TEXT, updated_at TEXT NOT NULL);
    CREATE TABLE own (a, b AS (a || 'x'), c AS (a || 'y') STORED, "d e" REAL CHECK ("d e" > 0));
    CREATE INDEX own_by_a ON own (a COLLATE NOCASE DESC) WHERE a IS NOT NULL;
    CREATE TRIGGER on_own AFTER INSERT ON own BEGIN INSERT INTO heard VALUES (new.a); END;
    CREATE TABLE heard (what);
    CREATE VIEW loud AS SELECT upper(a) FROM own;
    CREATE TABLE counted (id INTEGER PRIMARY KEY AUTOINCREMENT, x);
    CREATE TABLE pair (a TEXT, b INTEGER, PRIMARY KEY (b, a)) WITHOUT ROWID;
    CREATE TABLE firm (n INTEGER, t TEXT, x ANY) STRICT;
    CREATE VIRTUAL TABLE notes USING fts5 (text);
    INSERT INTO own (a, "d e") VALUES (1, 2.5), ('z', 1e308), (x'00ff', 5e-324), (NULL, 9e999), (-9223372036854775808, NULL);
    INSERT INTO counted (id, x) VALUES (5, 'kept'), (9, 'gone'); DELETE FROM counted WHERE id = 9;
    INSERT INTO pair VALUES ('ä', 2), ('a', 1); INSERT INTO firm VALUES (1, 'a', 1.0), (2, NULL, x'01');
    INSERT INTO notes VALUES ('hello world'); INSERT INTO settings VALUES ('k', 'v', NULL, '2025-01-01 10:00:00');
    ANALYZE;
"""


def test_triggers_views_indexes_and_the_tables_of_a_search_index_come_back(legacy: Legacy) -> None:
    legacy.run_new("config.db", ODD).replay()
    written = legacy.home.parent / "written"
    assert export(legacy.home, written).exit_code == 0
    assert legacy_rows(written) == legacy_rows(legacy.folder)
    assert schemas(written) == schemas(legacy.folder)
    found = "SELECT count(*) FROM notes WHERE notes MATCH 'hello'"
    assert asked(written / "config.db", found) == [(1,)]
    assert asked(written / "config.db", "SELECT rowid, x FROM counted") == [(5, "kept")]
    assert asked(written / "config.db", "SELECT seq FROM sqlite_sequence") == [(9,)]


def test_rows_that_break_the_rules_of_their_own_table_come_back_with_the_rules(legacy: Legacy) -> None:
    legacy.run_new("config.db", "CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT, updated_at TEXT CHECK (1))")
    legacy.write("config.db", settings=[setting("a", None), setting("b", "1")])
    legacy.run(
        "config.db",
        "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(replace(sql, 'value TEXT', "
        "'value TEXT /* NOT NULL ( */ NOT NULL ON CONFLICT ABORT'), 'CHECK (1)', 'CHECK (updated_at NOT NULL AND 0)')",
    )
    written = comes_back(legacy)
    assert schemas(written)["config.db"][0] == schemas(legacy.folder)["config.db"][0]
    with pytest.raises(apsw.ReadOnlyError):
        asked(written / "config.db", "DELETE FROM settings")


def test_what_changed_vanished_and_was_trimmed_is_written_as_the_ledger_knows_it(legacy: Legacy) -> None:
    legacy.write("config.db", "config_v12", settings=[setting("stays", "1"), setting("goes", "2")])
    legacy.write("ledger.db", "ledger_v4", trades=[trade("T1"), trade("T2"), trade(None), trade(None)])
    legacy.write(
        "history/A_US.db", "history_v1", daily_prices=[bar("2025-01-01"), bar("2025-01-02"), bar("2025-01-03")]
    )
    legacy.replay()
    whole = legacy_rows(legacy.folder)
    legacy.run("config.db", "DELETE FROM settings WHERE key = 'goes'; UPDATE settings SET value = '9'")
    legacy.run("ledger.db", "UPDATE trades SET price = 5 WHERE order_id = 'T2'")
    legacy.run("history/A_US.db", "UPDATE daily_prices SET close_price = 3 WHERE date = '2025-01-02'")
    legacy.replay()
    changed = legacy_rows(legacy.folder)
    legacy.run("history/A_US.db", "DELETE FROM daily_prices WHERE date = '2025-01-01'")
    legacy.replay()
    written = legacy.home.parent / "written"
    export(legacy.home, written)
    assert legacy_rows(written) == changed
    assert legacy_rows(written) != whole


def test_the_files_as_the_ledger_knew_them_then(legacy: Legacy) -> None:
    legacy.write("config.db", "config_v12", settings=[setting("a", "1")]).replay()
    before, home = legacy_rows(legacy.folder), legacy.home
    with open_log(home) as log:
        (newest,) = log.at([log.head().position])
    legacy.run("config.db", "UPDATE settings SET value = '2'")
    legacy.write("config.db", securities=[security("A.US")]).replay()
    export(home, home.parent / "written", known_at=newest.recorded_at)
    assert legacy_rows(home.parent / "written") == before


def test_the_files_as_it_was_in_the_world_then(legacy: Legacy) -> None:
    legacy.write("ledger.db", "ledger_v4", trades=[trade("T1"), trade("T2", executed_at="2025-06-01T00:00:00Z")])
    legacy.write(
        "history/A_US.db", "history_v1", daily_prices=[bar("2025-03-01"), bar("2025-05-02"), bar("2025-06-03")]
    )
    legacy.replay()
    written = legacy.home.parent / "written"
    export(legacy.home, written, as_of="2025-05-02")
    assert asked(written / "ledger.db", "SELECT order_id FROM trades") == [("T1",)]
    assert asked(written / "history" / "A_US.db", "SELECT date FROM daily_prices") == [("2025-03-01",), ("2025-05-02",)]


def test_a_row_without_a_key_keeps_its_place_among_those_that_repeat_it(legacy: Legacy) -> None:
    rows = ", ".join(f"('k{n}', '{n}', '2025-0{9 - n}-01 10:00:00')" for n in range(1, 9))
    again = "('k2', 'again', '2025-01-01 10:00:00')"
    legacy.run_new("config.db", f"CREATE TABLE settings (key, value, updated_at); INSERT INTO settings VALUES {rows}")
    legacy.run("config.db", f"DELETE FROM settings WHERE rowid = 3; INSERT INTO settings (rowid, key, value, updated_at) "
                            f"SELECT 3, column1, column2, column3 FROM (VALUES {again})")  # fmt: skip
    comes_back(legacy)


def test_a_home_that_never_knew_a_legacy_system_is_refused(legacy: Legacy, tmp_path: Path) -> None:
    with open_log(legacy.home, create=True):
        pass
    with pytest.raises(LedgerError, match="no replay of arduino-trader has reached its end"):
        export(legacy.home, tmp_path / "written")
    assert not (tmp_path / "written").exists()


def test_a_folder_that_holds_something_is_left_alone(legacy: Legacy, tmp_path: Path) -> None:
    legacy.write("config.db", "config_v12", settings=[setting("a", "1")]).replay()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    for folder in (tmp_path / "full", tmp_path / "full" / "mine.txt", legacy.folder, legacy.home):
        with pytest.raises(LedgerError, match="is not"):
            export(legacy.home, folder)
    assert [one.name for one in (tmp_path / "full").iterdir()] == ["mine.txt"]
    (tmp_path / "empty").mkdir()
    export(legacy.home, tmp_path / "empty")
    assert legacy_rows(tmp_path / "empty") == legacy_rows(legacy.folder)


def test_an_unknown_system_is_refused(legacy: Legacy, tmp_path: Path) -> None:
    legacy.write("config.db", "config_v12", settings=[setting("a", "1")]).replay()
    with pytest.raises(LedgerError, match="no files can be written for 'other'"):
        export(legacy.home, tmp_path / "written", system="other")


def test_an_export_that_ends_half_way_leaves_no_folder(legacy: Legacy, tmp_path: Path) -> None:
    legacy.write("config.db", "config_v12", settings=[setting("a", "1")])
    legacy.write("state.db", "state_v4", positions=[position("A.US", 1)])
    legacy.write("ledger.db", "ledger_v4", cash_flows=[cash_flow("C1")]).replay()
    seen = []

    def tell(_phase: str, file: str, _done: int, _total: int) -> None:
        seen.append(file)
        if file == "state.db":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export(legacy.home, tmp_path / "written", tell=tell)
    assert "ledger.db" in seen
    assert {one.name for one in tmp_path.iterdir()} == {"legacy", "home"}
    (tmp_path / ".written.unfinished" / "old").mkdir(parents=True)  # as SIGKILL leaves it
    export(legacy.home, tmp_path / "written")
    assert legacy_rows(tmp_path / "written") == legacy_rows(legacy.folder)
    assert not list(tmp_path.glob(".*"))


def test_of_rows_with_one_key_the_one_that_counted_comes_first_also_where_their_numbers_are_not_known(
    legacy: Legacy,
) -> None:
    legacy.run_new("state.db", "CREATE TABLE positions (symbol, currency, quantity, avg_price, last_updated, "
                               "PRIMARY KEY (symbol, currency))")  # fmt: skip
    for currency, at in (("USD", "2025-06-01"), ("EUR", "2025-01-01"), (1.5, "2025-02-01")):
        row = {"symbol": "A.US", "currency": currency, "quantity": 1.0, "avg_price": 2.0, "last_updated": at}
        legacy.write("state.db", positions=[row, row | {"symbol": "B.US", "currency": f"x{currency}"}])
    legacy.replay()
    written = legacy.home.parent / "written"
    assert export(legacy.home, written).exit_code == 0
    assert replayed(written, legacy.home.parent / "again") == facts(legacy.home)


def test_rows_that_are_all_only_kept_do_not_take_the_places_of_those_that_have_no_key(legacy: Legacy) -> None:
    rows = "(NULL, 'a'), (NULL, NULL), (x'31', 'b')"
    legacy.run_new("config.db", "CREATE TABLE securities (symbol, name, PRIMARY KEY (name)); "
                                f"INSERT INTO securities (symbol, name) VALUES {rows}")  # fmt: skip
    comes_back(legacy)


def test_a_row_that_was_the_second_of_its_key_stays_behind_the_first_which_was_only_kept(legacy: Legacy) -> None:
    columns = "id, symbol, amount, currency, payment_date, created_at, cash_flow_id"
    paid = "(5, 'A.US', 1.5, 'EUR', '2025-03-01', '2025-03-01', {})"
    rows = [paid.format(0), paid.format(0), "(NULL, NULL, NULL, NULL, NULL, NULL, 1)", paid.format(1)]
    legacy.run_new("dividends.db", f"CREATE TABLE dividend_history ({columns}); "
                                   f"INSERT INTO dividend_history VALUES {', '.join(rows)}; "
                                   "UPDATE dividend_history SET rowid = 40 WHERE rowid = 4; "
                                   "UPDATE dividend_history SET rowid = 30 WHERE rowid = 3")  # fmt: skip
    comes_back(legacy)


def test_a_row_without_a_key_stays_behind_its_twin_that_was_only_kept(legacy: Legacy) -> None:
    columns = "id, symbol, amount, currency, payment_date, created_at, cash_flow_id"
    paid = "(5, '{}', 1.5, {}, '2025-03-01', '2025-03-01', NULL)"
    rows = [paid.format("B.US", "'EUR'"), paid.format("A.US", "x'00'"), paid.format("A.US", "'EUR'")]
    legacy.run_new("dividends.db", f"CREATE TABLE dividend_history ({columns}); "
                                   f"INSERT INTO dividend_history VALUES {', '.join(rows)}; "
                                   "UPDATE dividend_history SET rowid = rowid * 10")  # fmt: skip
    comes_back(legacy)


def test_a_row_that_was_kept_for_its_key_stays_behind_the_first_which_was_only_kept_as_well(legacy: Legacy) -> None:
    rows = "('b', 'b', '2025-03-01'), (NULL, 'a', NULL), ('a', 'a', '2025-03-01')"
    legacy.run_new("planner.db", "CREATE TABLE planner_configs (toml_config, id, created_at, PRIMARY KEY (toml_config)); "
                                 f"INSERT INTO planner_configs VALUES {rows}")  # fmt: skip
    comes_back(legacy)
