"""The layout with eight databases, in its states: recognised by its columns, every row in the log, shown where it belongs."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import pytest

from migrations import script
from tests.cli.program import run
from tests.legacy import Cells, Legacy, tally
from tests.replay.oracle import legacy_rows, recorded_rows
from tests.replay.target_folders import APPLE, DESIGNED, LATER, NOW, SAP, bar, build, security, trade, unix

STATES = [(DESIGNED, "designed"), (LATER, "unix")]
SHOWN = "2026-01-03T20:39:00.000000Z"


def proven(legacy: Legacy) -> None:
    """The replay proves itself, plain Python finds every row in the log again, and a second run has nothing to say."""
    assert legacy.replay(timezone="UTC").proven
    assert recorded_rows(legacy.home) == legacy_rows(legacy.folder)
    assert legacy.replay(timezone="UTC").events_appended == 0


@pytest.mark.parametrize(("files", "state"), STATES)
def test_every_row_of_either_state_is_in_the_log_by_value(
    legacy: Legacy, files: Mapping[str, Mapping[str, list[Cells]]], state: str
) -> None:
    before = build(legacy, files, state).fingerprint()
    proven(legacy)
    assert legacy.fingerprint() == before


@pytest.mark.parametrize(("files", "state"), STATES)
def test_only_what_sqlite_notes_for_itself_is_kept_without_an_event(
    legacy: Legacy, files: Mapping[str, Mapping[str, list[Cells]]], state: str
) -> None:
    report = build(legacy, files, state).replay()
    assert {table.table for table in report.tables if table.kept} == {"sqlite_sequence"}


@pytest.mark.parametrize(("files", "state"), STATES)
def test_the_command_ends_proven(legacy: Legacy, files: Mapping[str, Mapping[str, list[Cells]]], state: str) -> None:
    found = run("replay", build(legacy, files, state).folder, "--timezone", "UTC", home=legacy.home)
    assert ", proven, " in found.stdout.splitlines()[-1]
    assert found.exit_code == 0
    assert run("verify", home=legacy.home).exit_code == 0


def test_the_designed_state_is_shown_where_the_older_layout_is_shown(legacy: Legacy) -> None:
    build(legacy, DESIGNED, "designed").replay()
    query = "SELECT symbol, isin, fullExchangeName, active, allow_sell, bucket_id, updated_at FROM securities"
    assert legacy.model("universe", query) == [
        ("AAPL.US", APPLE, "NASDAQ", 1, 1, "tech", SHOWN), ("SAP.EU", SAP, None, 0, 1, "core", SHOWN)]  # fmt: skip
    assert legacy.ledger("SELECT order_id, side, quantity, value_eur, bucket_id, mode FROM trades ORDER BY order_id") == [
        ("O1", "BUY", 10.0, 950.0, "tech", "normal"), ("O2", "SELL", 4.0, 950.0, "core", "drip")]  # fmt: skip
    assert legacy.model("portfolio", "SELECT first_bought_at, bucket_id, isin, last_updated FROM positions") == [
        ("2026-01-03T15:30:06.000000Z", "tech", APPLE, SHOWN)]  # fmt: skip
    assert legacy.model("portfolio", "SELECT metric, value FROM calculated_metrics") == [("RSI_14", 55.5)]
    assert legacy.model("agents", "SELECT agent_config_id, performance_score FROM config_history") == [("a1", 0.5)]
    assert legacy.model("satellites", "SELECT agent_id FROM buckets") == [("a1",)]
    assert legacy.model("cache", "SELECT side, quantity, status FROM recommendations") == [("BUY", 1.5, "rejected")]
    assert legacy.model("cache", "SELECT cache_key, expires_at FROM cache_data ORDER BY 1") == [
        ("for ever", None), ("score:AAPL.US", "2026-01-04T00:00:01.000000Z")]  # fmt: skip


def test_no_column_of_the_designed_state_is_lost_in_the_read_models(legacy: Legacy) -> None:
    build(legacy, DESIGNED, "designed").replay()
    query = "SELECT volatility, technical_score, fundamental_score, history_years FROM scores"
    assert legacy.model("portfolio", query) == [(0.2, 0.25, 0.125, 7.0)]
    query = "SELECT date, total_pnl, total_pnl_pct, bucket_id, snapshot_json FROM portfolio_snapshots"
    assert legacy.model("portfolio", query) == [("2026-01-03", 60.0, 10.0, "core", '{"geo_us": 1}')]
    query = "SELECT type, name, target_pct, min_pct, max_pct FROM allocation_targets ORDER BY type"
    assert legacy.model("config", query) == [
        ("bucket", "tech", 0.07, None, 0.333), ("country", "Germany", 0.123, 0.05, None)]  # fmt: skip
    assert legacy.ledger("SELECT transaction_id, transaction_type, date, bucket_id FROM cash_flows ORDER BY id") == [
        ("migrated-7", "deposit", "2026-01-02T09:00:00.000000Z", "tech"),
        ("migrated-8", "fee", "2026-01-03T15:30:06.000000Z", "core")]  # fmt: skip
    columns = (
        "amount, payment_date, ex_date, amount_per_share, shares_held, drip_enabled, reinvested_quantity, bucket_id"
    )
    assert legacy.ledger(f"SELECT {columns} FROM dividend_history") == [
        (12.5, "2026-01-02", "2025-12-20", 0.25, 50.0, 1, 0.5, "tech")
    ]
    assert legacy.model("history", "SELECT symbol, removed_at, marked_by FROM legacy_symbol_removals") == [
        ("SAP.EU", SHOWN, "universe_service")]  # fmt: skip
    assert legacy.model("history", "SELECT symbol, deleted_at, row_count, cleanup_reason FROM legacy_cleanup_log") == [
        ("OLD.US", SHOWN, 250, "grace_period_expired")]  # fmt: skip
    assert legacy.model("history", "SELECT date, rate FROM exchange_rates") == [("2026-01-03", 1.05)]
    query = "SELECT symbol, date, open_price, close_price, volume, adjusted_close FROM daily_prices ORDER BY 1, 2"
    assert legacy.model("history", query) == [
        ("AAPL.US", "2026-01-02", 100.5, 100.5, 7, 100.25), ("AAPL.US", "2026-01-03", 110.0, 110.0, 7, None),
        ("SAP.EU", "2026-01-03", 200.0, 200.0, None, None)]  # fmt: skip
    (health,) = legacy.events("legacy-database-checked")
    assert (health["file"], health["size_bytes"], health["occurred_at"]) == ("universe.db", 40960, SHOWN)


def test_isins_become_symbols_and_unix_seconds_instants_and_dates(legacy: Legacy) -> None:
    build(legacy, LATER, "unix").replay()
    assert legacy.model("portfolio", "SELECT symbol, isin, stability_score, history_years, calculated_at FROM scores") == [
        ("AAPL.US", APPLE, 0.5, 7.4, SHOWN)]  # fmt: skip
    assert legacy.model("portfolio", "SELECT symbol, metric FROM calculated_metrics") == [("AAPL.US", "RSI_14")]
    assert legacy.model("portfolio", "SELECT currency, balance, last_updated FROM cash_balances ORDER BY 1") == [
        ("EUR", 480.0, SHOWN), ("USD", -2.5, SHOWN)]  # fmt: skip
    assert legacy.ledger("SELECT date FROM cash_flows ORDER BY date") == [("2026-01-02",), ("2026-01-05",)]
    assert legacy.ledger("SELECT payment_date, reinvested_at FROM dividend_history") == [
        ("2026-01-05", "2026-01-06T10:00:00.000000Z")]  # fmt: skip
    # A trade is executed at a time, even where that is midnight.
    assert legacy.ledger("SELECT executed_at FROM trades ORDER BY 1") == [
        ("2026-01-05T15:30:06.000000Z",), ("2026-01-06T00:00:00.000000Z",)]  # fmt: skip
    assert legacy.model("history", "SELECT symbol, date, close_price FROM daily_prices ORDER BY 1, 2") == [
        ("AAPL.US", "2026-01-05", 1.5), ("AAPL.US", "2026-01-06", 1.75), ("SAP.EU", "2026-01-05", 3.0)]  # fmt: skip
    assert legacy.model("history", "SELECT symbol, year_month, avg_adj_close, created_at FROM monthly_prices") == [
        ("AAPL.US", "2025-12", 99.0, SHOWN)]  # fmt: skip
    assert legacy.model("universe", "SELECT symbol, tag_id FROM security_tags") == [("AAPL.US", "growth")]
    assert legacy.model("universe", "SELECT name, updated_at FROM tags") == [("Growth", SHOWN)]
    columns = "id, settings_json ->> '$.max_depth', settings_json ->> '$.optimizer_blend', updated_at"
    assert legacy.model("config", f"SELECT {columns} FROM planner_settings") == [("main", 5, None, SHOWN)]
    assert legacy.model("agents", "SELECT best_sequence_hash, best_score, plan_data FROM best_result") == [
        ("s1", 0.5, "{}")
    ]


def test_events_stand_in_the_order_of_valid_time_also_when_it_is_in_unix_seconds(legacy: Legacy) -> None:
    build(legacy, LATER, "unix").replay(timezone="UTC")
    times = [row[0] for row in legacy.ledger(
        "SELECT occurred_at FROM events WHERE source IS NOT NULL AND type <> 'legacy-row-kept' ORDER BY position")]  # fmt: skip
    assert times == sorted(times)


@pytest.mark.parametrize("file", ["config.db", "ledger.db", "cache.db", "satellites.db"])
def test_a_name_that_both_layouts_use_is_recognised_by_its_columns(legacy: Legacy, file: str) -> None:
    name = file.removesuffix(".db")
    old = {"config": "config_v12", "ledger": "ledger_v4", "cache": "cache_v2", "satellites": "satellites_v1"}[name]
    generations: dict[str, int | None] = {}
    for folder, schema in (("arduino_trader", old), ("eight_databases", f"{name}_designed")):
        (legacy.folder / file).unlink(missing_ok=True)
        report = legacy.run_new(file, script("legacy", folder, f"{schema}.sql")).replay()
        generations |= {one.generation: one.version for one in report.files}
    assert list(generations) == ["v0", "eight databases, as designed"]
    assert [event["generation"] for event in legacy.events("legacy-schema-read")] == list(generations)


@pytest.mark.parametrize(
    ("file", "schema", "change", "generation"),
    [
        ("universe.db", "universe_json", "", "eight databases, JSON securities"),
        ("universe.db", "universe_unix", "", "eight databases, unix times"),
        ("portfolio.db", "", "CREATE TABLE scores (isin TEXT PRIMARY KEY, last_updated TEXT)", "eight databases, by ISIN"),
        ("portfolio.db", "", "CREATE TABLE cash_balances (currency TEXT PRIMARY KEY)", "eight databases, repaired"),
        ("ledger.db", "../arduino_trader/ledger_v4", "CREATE TABLE _database_health (id INTEGER PRIMARY KEY)",
         "v0 with tables of the eight databases"),
    ],
)  # fmt: skip
def test_each_state_has_a_name(legacy: Legacy, file: str, schema: str, change: str, generation: str) -> None:
    folder, _, name = schema.removeprefix("../").rpartition("/")
    sql = script("legacy", folder or "eight_databases", f"{name}.sql") if schema else ""
    report = legacy.run_new(file, sql + change).replay()
    assert [one.generation for one in report.files] == [generation]


def test_securities_in_json_are_described_like_all_others(legacy: Legacy) -> None:
    rows: list[dict[str, Any]] = [
        {"isin": APPLE, "symbol": "AAPL.US", "last_synced": unix(NOW),
         "data": f'{{"name": "Apple", "currency": "USD", "active": true, "created_at": {unix(NOW)}, "min_lot": 1, "own": 1}}'},
        {"isin": SAP, "symbol": "SAP.EU", "last_synced": unix(NOW), "data": '{"name": "SAP", "allow_buy": false}'},
        {"isin": "X", "symbol": "X.US", "last_synced": None, "data": '{"name": "no time at all"}'},
        {"isin": "Y", "symbol": "Y.US", "last_synced": None, "data": "[]"},
        {"isin": "Z", "symbol": "Z.US", "last_synced": None, "data": '{"name": "Z", "created_at": "yesterday"}'},
    ]  # fmt: skip
    legacy.run_new("universe.db", script("legacy", "eight_databases", "universe_json.sql"))
    legacy.write("universe.db", securities=rows)
    proven(legacy)
    query = "SELECT symbol, isin, name, currency, active, allow_buy, created_at, updated_at FROM securities"
    assert legacy.model("universe", query) == [
        ("AAPL.US", APPLE, "Apple", "USD", 1, 1, SHOWN, SHOWN), ("SAP.EU", SAP, "SAP", None, 1, 0, SHOWN, SHOWN)]  # fmt: skip
    kept = [event["reason"] for event in legacy.events("legacy-row-kept")]
    assert sorted(kept) == [
        "created_at is not a time: 'yesterday'",
        "created_at: Expected `str`, got `null`",
        "data is not a JSON object",
    ]


def test_rows_whose_isin_no_security_has_are_kept_with_the_reason(legacy: Legacy) -> None:
    unknown = {"isin": "XX0000000000"}
    later = {
        file: {name: [dict(row) for row in rows] for name, rows in tables.items()} for file, tables in LATER.items()
    }
    later["portfolio.db"]["scores"][0] |= unknown
    later["history.db"]["daily_prices"][2] |= unknown
    report = build(legacy, later, "unix").replay()
    for file, table in (("portfolio.db", "scores"), ("history.db", "daily_prices")):
        assert tally(report, file, table).kept_reasons == {"no security of these files has this ISIN": 1}
    assert recorded_rows(legacy.home) == legacy_rows(legacy.folder)


def test_a_symbol_in_the_place_of_an_isin_is_that_security_unless_its_isin_is_there_too(legacy: Legacy) -> None:
    legacy.run_new("universe.db", script("legacy", "eight_databases", "universe_unix.sql"))
    legacy.write(
        "universe.db", securities=[security("AAPL.US", APPLE, later=True), security("SAP.EU", SAP, later=True)]
    )
    score = {"total_score": 0.5, "last_updated": unix(NOW)}
    legacy.run_new("portfolio.db", script("legacy", "eight_databases", "portfolio_unix.sql"))
    legacy.write("portfolio.db", scores=[score | {"isin": "SAP.EU"}, score | {"isin": "AAPL.US"}])
    proven(legacy)
    assert legacy.model("portfolio", "SELECT symbol, isin, total_score FROM scores ORDER BY 1") == [
        ("AAPL.US", "AAPL.US", 0.5), ("SAP.EU", "SAP.EU", 0.5)]  # fmt: skip
    legacy.write("portfolio.db", scores=[score | {"isin": APPLE, "total_score": 0.75}])
    report = legacy.replay(timezone="UTC")
    assert legacy.model("portfolio", "SELECT symbol, isin, total_score FROM scores ORDER BY 1") == [
        ("AAPL.US", APPLE, 0.75), ("SAP.EU", "SAP.EU", 0.5)]  # fmt: skip
    assert [one for one in tally(report, "portfolio.db", "scores").kept_reasons if "in the place of the ISIN" in one]
    proven(legacy)


def test_two_securities_with_one_symbol_stay_two_rows(legacy: Legacy) -> None:
    legacy.run_new("universe.db", script("legacy", "eight_databases", "universe_unix.sql"))
    legacy.write("universe.db", securities=[security("A.US", APPLE, later=True), security("A.US", SAP, later=True)])
    legacy.run_new("portfolio.db", script("legacy", "eight_databases", "portfolio_unix.sql"))
    score = {"total_score": 0.5, "last_updated": unix(NOW)}
    legacy.write("portfolio.db", scores=[score | {"isin": APPLE}, score | {"isin": SAP}])
    report = legacy.replay(timezone="UTC")
    assert tally(report, "universe.db", "securities").kept == tally(report, "portfolio.db", "scores").kept == 1
    proven(legacy)


def test_times_that_cannot_be_times_are_kept_and_never_read_as_1970(legacy: Legacy) -> None:
    legacy.run_new("portfolio.db", script("legacy", "eight_databases", "portfolio_unix.sql"))
    rows = [
        {"currency": c, "balance": 1.0, "last_updated": at} for c, at in (("A", 5), ("B", -1), ("C", 2**62), ("D", 0))
    ]
    report = legacy.write("portfolio.db", cash_balances=rows).replay()
    assert tally(report, "portfolio.db", "cash_balances").kept == 4
    proven(legacy)


@pytest.mark.parametrize("date", [unix("2026-01-05") + 1, 5, 2**60])
def test_a_bar_whose_date_is_no_midnight_is_kept_beside_the_others(legacy: Legacy, date: int) -> None:
    later = {
        file: {name: [dict(row) for row in rows] for name, rows in tables.items()} for file, tables in LATER.items()
    }
    later["history.db"]["daily_prices"][0]["date"] = date
    report = build(legacy, later, "unix").replay()
    assert tally(report, "history.db", "daily_prices").kept_reasons == {"date is not a date": 1}
    proven(legacy)


def test_prices_before_1970_have_negative_seconds(legacy: Legacy) -> None:
    later = {
        file: {name: [dict(row) for row in rows] for name, rows in tables.items()} for file, tables in LATER.items()
    }
    later["history.db"]["daily_prices"][0]["date"] = unix("1962-01-02")
    build(legacy, later, "unix").replay()
    assert legacy.model("history", "SELECT min(date) FROM daily_prices") == [("1962-01-02",)]


def test_a_series_longer_than_a_block_and_beside_others_comes_out_whole(legacy: Legacy) -> None:
    days = [f"20{year:02}-{month:02}-{day:02}" for year in (24, 25) for month in range(1, 13) for day in range(1, 29)]
    bars = [bar(symbol, day, 1.0 + index) for symbol in ("B.US", "A.US", "C.US") for index, day in enumerate(days)]
    legacy.run_new("history.db", script("legacy", "eight_databases", "history_designed.sql"))
    legacy.write("history.db", daily_prices=bars)
    report = legacy.replay(timezone="UTC")
    assert tally(report, "history.db", "daily_prices").appended == 6
    proven(legacy)
    assert legacy.model("history", "SELECT symbol, count(*), sum(close_price) FROM daily_prices GROUP BY 1") == [
        (symbol, len(days), sum(1.0 + index for index in range(len(days)))) for symbol in ("A.US", "B.US", "C.US")]  # fmt: skip
    legacy.run("history.db", "UPDATE daily_prices SET close = 0.5 WHERE symbol = 'B.US' AND date = '2025-12-28'")
    assert legacy.replay(timezone="UTC").proven
    assert legacy.model("history", "SELECT symbol FROM daily_prices WHERE close_price = 0.5") == [("B.US",)]
    assert [event["count"] for event in legacy.events("daily-prices-recorded")][-1] == 1


def test_twin_dividends_and_trades_without_a_key_stay_two(legacy: Legacy) -> None:
    paid = dict(DESIGNED["ledger.db"]["dividend_history"][0])
    legacy.run_new("ledger.db", script("legacy", "eight_databases", "ledger_designed.sql"))
    legacy.write(
        "ledger.db", dividend_history=[paid, paid], trades=[trade(None), trade(None), trade("same"), trade("same")]
    )
    proven(legacy)
    assert legacy.ledger("SELECT count(*), sum(amount) FROM dividend_history") == [(2, 25.0)]
    assert legacy.ledger("SELECT count(*) FROM trades") == [(4,)]


def test_rows_that_a_legacy_migration_made_up_are_noticed(legacy: Legacy) -> None:
    report = build(legacy, LATER, "unix").replay()
    assert any(line.startswith("ledger.db: 1 cash_flows were made up") for line in report.findings)


def test_stub_tables_and_files_without_anything_in_them_are_no_trouble(legacy: Legacy) -> None:
    build(legacy, DESIGNED, "designed")
    stub = script("legacy", "eight_databases", "universe_designed.sql").partition("CREATE TABLE country")[0]
    legacy.run_new("portfolio.db", stub)
    (legacy.folder / "agents.db").write_bytes(b"")
    (legacy.folder / "history.db").unlink()
    proven(legacy)
    assert legacy.model("universe", "SELECT count(*) FROM securities") == [(2,)]


def test_columns_may_stand_in_any_order(legacy: Legacy) -> None:
    build(legacy, DESIGNED, "designed").replay(timezone="UTC")
    before = facts(legacy)
    for file, tables in DESIGNED.items():
        for table in tables:
            turn_around(legacy.folder / file, table)
    legacy.home = legacy.home.with_name("other")
    proven(legacy)
    assert facts(legacy) == before


def turn_around(path: Path, table: str) -> None:
    """Make a table again with its last column first."""
    with closing(apsw.Connection(str(path))) as db:
        names = [str(name) for (name,) in db.execute("SELECT name FROM pragma_table_info(?)", (table,))]
        listed = ", ".join(reversed(names))
        db.execute(f"CREATE TABLE other AS SELECT {listed} FROM {table}; DROP TABLE {table}")
        db.execute(f"ALTER TABLE other RENAME TO {table}")


def facts(legacy: Legacy) -> list[tuple[str, str]]:
    """What the log says of legacy rows, apart from what SQLite notes for itself."""
    query = "SELECT type, data FROM events WHERE source IS NOT NULL AND type <> 'legacy-row-kept'"
    return sorted((str(kind), str(data)) for kind, data in legacy.ledger(query))
