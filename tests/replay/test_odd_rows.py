"""Rows and columns that nobody planned for: names, keys and bytes that once made the replay lose or confuse something."""

from __future__ import annotations

import apsw
import pytest

from tests.legacy import Legacy, snapshot, tally
from tests.replay.oracle import legacy_rows, recorded_rows

BARS = (
    "CREATE TABLE daily_prices (date, open_price, high_price, low_price, close_price, volume, source, created_at{more}); "
    "INSERT INTO daily_prices VALUES {rows};"
)
BAR = "('2025-01-{day:02}', 1.0, 2.0, 0.5, 1.5, 7, 'yahoo', '2025-01-03 10:00:00'{more})"


def proven(legacy: Legacy) -> None:
    """The replay proves itself, plain Python finds every row in the log again, and a second run has nothing to say."""
    legacy.replay()
    assert recorded_rows(legacy.home) == legacy_rows(legacy.folder)
    assert legacy.replay().events_appended == 0


def bars(*rows: str, more: str = "") -> str:
    return BARS.format(more=more, rows=", ".join(rows))


@pytest.mark.parametrize("name", ["symbol", "count", "zone", "copy", "occurred_at", "assumed", "repaired"])
def test_a_price_column_named_like_a_field_of_a_block_keeps_its_values(legacy: Legacy, name: str) -> None:
    legacy.run_new("history/A_US.db", bars(BAR.format(day=2, more=", 'own'"), more=f", {name} TEXT"))
    proven(legacy)
    assert legacy.model("history", "SELECT symbol, close_price FROM daily_prices") == [("A.US", 1.5)]


@pytest.mark.parametrize("name", ["occurred_at", "assumed", "repaired", "copy"])
def test_a_column_named_like_a_field_of_every_event_does_not_become_it(legacy: Legacy, name: str) -> None:
    legacy.write("config.db", "config_v12")
    legacy.run("config.db", f"ALTER TABLE settings ADD COLUMN {name} TEXT")
    legacy.write("config.db", settings=[{"key": "a", "value": "1", "updated_at": "2025-01-01 10:00:00", name: "own"}])
    proven(legacy)
    assert legacy.events("setting-changed")[0].get(name) != "own"
    assert legacy.model("config", "SELECT key, updated_at FROM settings") == [("a", "2025-01-01T10:00:00.000000Z")]


def test_a_column_named_like_the_new_name_of_another_does_not_replace_it(legacy: Legacy) -> None:
    legacy.write("config.db", "config_v12").run(
        "config.db", "ALTER TABLE securities ADD COLUMN full_exchange_name TEXT"
    )
    row = {"symbol": "A", "name": "A", "fullExchangeName": "NASDAQ", "full_exchange_name": "other"}
    legacy.write("config.db", securities=[row | dict.fromkeys(("created_at", "updated_at"), "2025-01-01 10:00:00")])
    proven(legacy)
    assert legacy.model("universe", "SELECT fullExchangeName FROM securities") == [("NASDAQ",)]
    assert tally(legacy.replay(), "config.db", "securities").unknown_columns == ["full_exchange_name"]


@pytest.mark.parametrize(
    ("create", "rows"),
    [
        ("own (k INT PRIMARY KEY, v)", "(5, 'a'), (NULL, 'b')"),  # the row number of b is made to be 5
        ("own (k PRIMARY KEY, v)", "(1, 'a'), ('int-1', 'b'), ('str-int-1', 'c')"),
        ("own (rowid, _rowid_, oid)", "(1, 2, 3), (1, 2, 3), (1.0, 2, 3), ('1', 2, 3), (4, 5, 6)"),
        (
            "settings (key, value, rowid, _rowid_, oid)",
            "('a', '1', 1, 1, 1), ('a', '1', 1, 1, 1), (NULL, '1', 1, 1, 1)",
        ),
        ("settings (key, value)", "(5, '1'), ('5', '1'), (5.5, '1'), (x'35', '1'), (NULL, '1'), (NULL, '1')"),
    ],
)
def test_rows_whose_keys_look_alike_stay_apart(legacy: Legacy, create: str, rows: str) -> None:
    legacy.run_new("config.db", f"CREATE TABLE {create}; INSERT INTO {create.partition(' ')[0]} VALUES {rows};")
    if "k INT " in create:
        legacy.run("config.db", "UPDATE own SET rowid = 5 WHERE v = 'b'")
    proven(legacy)


def test_an_order_id_that_looks_like_the_twin_of_another_is_a_trade_of_its_own(legacy: Legacy) -> None:
    legacy.run_new(
        "ledger.db",
        "CREATE TABLE trades (id INTEGER PRIMARY KEY, order_id, symbol, side, quantity, price, executed_at); "
        "INSERT INTO trades (order_id, symbol, side, quantity, price, executed_at) "
        "SELECT value, 'A', 'BUY', 1, 1, '2025-01-01T10:00:00' FROM json_each('[\"X\", \"X\", \"X~2\", \"X:~2\"]')",
    )
    proven(legacy)
    assert legacy.ledger("SELECT count(*) FROM trades") == [(4,)]


def test_a_kept_row_with_the_key_of_an_event_does_not_break_the_proof(legacy: Legacy) -> None:
    legacy.run_new(
        "dividends.db",
        "CREATE TABLE dividend_history (id INTEGER PRIMARY KEY, symbol, cash_flow_id, amount, currency, payment_date); "
        "INSERT INTO dividend_history VALUES (1, 'A', '5', 1, 'EUR', NULL), (2, 'A', 5, 1, 'EUR', NULL)",
    )
    proven(legacy)


def test_time_stamps_and_keys_that_are_not_utf_8_keep_their_rows(legacy: Legacy) -> None:
    legacy.write("config.db", "config_v12", settings=[{"key": "a", "value": "1", "updated_at": "2025-01-01 10:00:00"}])
    legacy.run("config.db", "INSERT INTO settings VALUES (CAST(x'ff' AS TEXT), '1', NULL, CAST(x'32ff' AS TEXT))")
    broken = "(CAST(x'ff' AS TEXT), 1.0, 1.0, 1.0, 1.0, 1, CAST(x'fe' AS TEXT), CAST(x'fd' AS TEXT))"
    legacy.run_new("history/A_US.db", bars(BAR.format(day=2, more=""), broken))
    proven(legacy)
    assert legacy.model("config", "SELECT key FROM settings") == [("a",)]


@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16le", "UTF-16be"])
def test_the_encoding_of_a_file_changes_neither_texts_nor_times(legacy: Legacy, encoding: str) -> None:
    legacy.run_new("config.db", f"PRAGMA encoding = '{encoding}'; CREATE TABLE settings (key, value, updated_at);")
    legacy.run("config.db", "INSERT INTO settings VALUES ('ä', '😀', '2025-01-01 10:00:00')")
    legacy.replay()
    found = legacy.model("config", "SELECT key, value, updated_at FROM settings")
    assert found == [("ä", "😀", "2025-01-01T10:00:00.000000Z")]


def test_whole_numbers_with_more_digits_than_a_real_do_not_break_the_proof(legacy: Legacy) -> None:
    legacy.run_new("history/A_US.db", bars(BAR.format(day=2, more="").replace("1.0", str(2**63 - 1))))
    legacy.run_new(
        "state.db",
        "CREATE TABLE positions (symbol PRIMARY KEY, quantity, avg_price, last_updated); "
        f"INSERT INTO positions VALUES ('A', {2**63 - 1}, {-(2**63)}, '2025-01-01 10:00:00')",
    )
    proven(legacy)
    assert legacy.events("position-reported")[0]["quantity"] == str(2**63 - 1)


@pytest.mark.parametrize("moment", ["", None])
def test_facts_without_a_time_are_shown_at_the_time_they_were_recorded(legacy: Legacy, moment: str | None) -> None:
    legacy.run_new("rates.db", "CREATE TABLE exchange_rates (from_currency, to_currency, rate, fetched_at, expires_at)")
    quote = {"from_currency": "USD", "to_currency": "EUR", "rate": 1.05, "fetched_at": moment, "expires_at": None}
    legacy.write("rates.db", exchange_rates=[quote])
    legacy.run_new("ledger.db", "CREATE TABLE trades (order_id, symbol, side, quantity, price, executed_at)")
    trade = {"order_id": "O1", "symbol": "A", "side": "BUY", "quantity": 1, "price": 1, "executed_at": moment}
    legacy.write("ledger.db", trades=[trade])
    proven(legacy)
    (recorded,) = legacy.ledger("SELECT recorded_at FROM events WHERE type = 'exchange-rate-quoted'")
    assert legacy.model("history", "SELECT fetched_at FROM exchange_rates") == [recorded]


def test_a_kept_row_in_the_middle_does_not_push_later_rows_to_the_end_of_the_log(legacy: Legacy) -> None:
    settings = [{"key": f"s{day}", "value": "1", "updated_at": f"2025-01-{day:02} 10:00:00"} for day in range(1, 9)]
    legacy.write("config.db", "config_v12", settings=settings)
    legacy.run("config.db", "UPDATE settings SET value = x'00' WHERE key = 's2'")
    buckets = [f"('b{day}', 'b', 'core', '2025-01-01 00:00:00', '2025-01-{day:02} 11:00:00')" for day in range(1, 9)]
    legacy.run_new(
        "satellites.db",
        "CREATE TABLE buckets (id, name, type, created_at, updated_at); "
        f"INSERT INTO buckets VALUES {', '.join(buckets)};",
    )
    legacy.run_new("history/A_US.db", bars(*(BAR.format(day=day, more="") for day in range(1, 9))))
    legacy.run("history/A_US.db", "UPDATE daily_prices SET close_price = NULL WHERE date = '2025-01-01'")
    legacy.replay()
    found = legacy.ledger("SELECT state ->> '$.occurred_at' FROM stored_events WHERE state ->> '$.occurred_at' > ''")
    assert len(found) == 16
    assert found == sorted(found)


def test_a_damaged_file_beside_good_ones_leaves_nothing_appended_and_the_good_ones_counted(legacy: Legacy) -> None:
    legacy.write("config.db", "config_v12", settings=[{"key": "a", "value": "1", "updated_at": "2025-01-01 10:00:00"}])
    (legacy.folder / "ledger.db").write_bytes(b"not a database" * 100)
    report = legacy.replay()
    assert report.exit_code == 3
    assert report.events_appended == 0
    assert legacy.ledger("SELECT count(*) FROM stored_events") == [(0,)]
    (about,) = [one for one in report.files if one.name == "config.db"]
    assert about.rows == 1


def test_generated_columns_and_the_tables_of_an_index_are_rows_like_any_other(legacy: Legacy) -> None:
    legacy.run_new(
        "config.db",
        "CREATE TABLE own (a, b AS (a || 'x'), c AS (a || 'y') STORED); INSERT INTO own (a) VALUES (1), ('z'); "
        "CREATE VIRTUAL TABLE notes USING fts5 (text); INSERT INTO notes VALUES ('hello world'); ANALYZE",
    )
    report = legacy.replay()
    names = {table.table for table in report.tables if table.read}
    assert {"own", "notes_content", "notes_data"} <= names
    assert "notes" not in names
    with pytest.raises(apsw.SQLError, match="no such table"):
        legacy.model("config", "SELECT a FROM own")


def test_a_file_that_breaks_its_own_not_null_is_read_and_the_row_is_kept(legacy: Legacy) -> None:
    legacy.run_new("config.db", "CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT, updated_at TEXT)")
    legacy.write("config.db", settings=[{"key": "a", "value": None}, {"key": "b", "value": "1"}])
    legacy.run("config.db", "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, 'value TEXT', "
               "'value TEXT NOT NULL') WHERE name = 'settings'; PRAGMA writable_schema = OFF")  # fmt: skip
    report = legacy.replay()
    assert report.failed == {}
    assert tally(report, "config.db", "settings").kept == 1
    assert legacy.model("config", "SELECT key FROM settings") == [("b",)]


def test_a_row_whose_key_is_an_empty_date_is_kept_and_no_read_model_stops(legacy: Legacy) -> None:
    legacy.write("state.db", "state_v4", portfolio_snapshots=[snapshot("2025-12-26", 1.0), snapshot("", 2.0)])
    report = legacy.replay()
    assert report.proven
    assert report.mismatches == []
    assert tally(report, "state.db", "portfolio_snapshots").kept_reasons == {
        "occurred_at, by which the row is known, is empty": 1
    }
    assert legacy.model("portfolio", "SELECT date FROM portfolio_snapshots") == [("2025-12-26",)]
    proven(legacy)
