"""The traps of the legacy facts, section 3.4, that lie in tables: columns, names, copies, stubs, classes."""

from __future__ import annotations

import pytest

from tests.legacy import Legacy, cash_flow, position, rate, score, security, snapshot, tally, trade

TIME = "T09:00:00.000000Z"


@pytest.mark.parametrize("schema", ["ledger_v4", "ledger_v4_upgraded"])
def test_trap_01_the_physical_order_of_columns_does_not_matter(legacy: Legacy, schema: str) -> None:
    legacy.write("ledger.db", schema, trades=[trade("O1", isin="US0378331005", bucket_id="tech", mode="live")])
    legacy.replay()
    found = legacy.ledger("SELECT symbol, isin, side, quantity, bucket_id, mode, created_at FROM trades")
    assert found == [("AAPL.US", "US0378331005", "BUY", 10.0, "tech", "live", "2025-12-28T10:00:00.000000Z")]


@pytest.mark.parametrize("schema", ["config_v12", "config_v12_upgraded"])
def test_trap_01_securities_of_both_orders_give_the_same_universe(legacy: Legacy, schema: str) -> None:
    legacy.write("config.db", schema, securities=[security("AAPL.US", bucket_id="tech")])
    legacy.replay()
    query = "SELECT bucket_id, created_at, updated_at FROM securities"
    assert legacy.model("universe", query) == [("tech", "2025-01-01T09:00:00.123456Z", f"2025-12-01{TIME}")]


def test_trap_02_stocks_become_securities_and_a_region_is_not_a_country(legacy: Legacy) -> None:
    stock = security("SAP.EU", geography="EU")
    del stock["product_type"]
    report = legacy.write("config.db", "config_v6", stocks=[stock]).replay()
    query = "SELECT symbol, country, geography, product_type, bucket_id FROM securities"
    assert legacy.model("universe", query) == [("SAP.EU", None, "EU", "UNKNOWN", "core")]
    assert tally(report, "config.db", "stocks").assumed["product_type"] == 1


def test_trap_02_rows_that_moved_from_stocks_to_securities_are_the_same_securities(legacy: Legacy) -> None:
    stock = security("SAP.EU", geography="EU")
    del stock["product_type"]
    legacy.write("config.db", "config_v6", stocks=[stock]).replay()
    (legacy.folder / "config.db").unlink()
    legacy.write("config.db", "config_v12", securities=[security("SAP.EU", name="SAP SE")])
    report = legacy.replay()
    assert legacy.model("universe", "SELECT symbol, name FROM securities") == [("SAP.EU", "SAP SE")]
    assert report.events_appended > 0
    assert legacy.replay().events_appended == 0


SHIFTED = {
    "symbol": "AAPL.US", "yahoo_symbol": None, "isin": "US0378331005", "name": "Apple Inc.", "product_type": "Technology",
    "industry": "United States", "country": "NASDAQ", "fullExchangeName": "1.5", "priority_multiplier": 1, "min_lot": 1,
    "active": 1, "allow_buy": 0, "allow_sell": "USD", "currency": "2025-12-30T08:00:00", "last_synced": "0.02",
    "min_portfolio_target": 0.2, "max_portfolio_target": "2025-01-01T09:00:00", "created_at": "2025-12-01T09:00:00",
    "updated_at": "EQUITY",
}  # fmt: skip


def test_trap_03_rows_shifted_by_the_v10_accident_are_mapped_back(legacy: Legacy) -> None:
    report = legacy.write("config.db", "config_v12", securities=[SHIFTED, security("MSFT.US")]).replay()
    query = (
        "SELECT product_type, industry, country, fullExchangeName, priority_multiplier, min_lot, active, allow_buy, "
        "allow_sell, currency, last_synced, min_portfolio_target, max_portfolio_target, created_at, updated_at "
        "FROM securities WHERE symbol = 'AAPL.US'"
    )
    assert legacy.model("universe", query) == [
        ("EQUITY", "Technology", "United States", "NASDAQ", 1.5, 1, 1, 1, 0, "USD", "2025-12-30T08:00:00.000000Z", 0.02,
         0.2, f"2025-01-01{TIME}", f"2025-12-01{TIME}")
    ]  # fmt: skip
    assert tally(report, "config.db", "securities").repaired == 1


def test_trap_03_a_repaired_row_is_marked_and_keeps_the_row_as_it_was_found(legacy: Legacy) -> None:
    legacy.write("config.db", "config_v12", securities=[SHIFTED]).replay()
    (event,) = legacy.events("security-described")
    assert event["repaired"] == "config v10 shift"
    (found,) = legacy.ledger("SELECT source ->> '$.row.fullExchangeName' FROM events WHERE type = 'security-described'")
    assert found == ("1.5",)


def test_trap_05_of_two_scores_the_newest_is_shown_and_both_are_recorded(legacy: Legacy) -> None:
    legacy.write("state.db", "state_v4", scores=[
        score("A.US", "2025-12-27T09:00:00", 0.1), score("B.US", "2025-12-28T09:00:00", 0.2)])  # fmt: skip
    legacy.write("calculations.db", "calculations_v3", scores=[
        score("A.US", "2025-12-28T09:00:00", 0.3), score("B.US", "2025-12-27T09:00:00", 0.4)])  # fmt: skip
    legacy.replay()
    assert legacy.model("portfolio", "SELECT symbol, total_score FROM scores ORDER BY 1") == [
        ("A.US", 0.3),
        ("B.US", 0.2),
    ]
    assert len(legacy.events("score-calculated")) == 4


def test_trap_05_snapshots_are_the_union_by_date_and_the_newest_wins(legacy: Legacy) -> None:
    legacy.write("state.db", "state_v4", portfolio_snapshots=[
        snapshot("2025-12-26", 1.0), snapshot("2025-12-27", 2.0, "2025-12-28 11:00:00")])  # fmt: skip
    legacy.write("snapshots.db", "snapshots_v2", portfolio_snapshots=[
        snapshot("2025-12-25", 3.0), snapshot("2025-12-27", 4.0, "2025-12-28 10:00:00")])  # fmt: skip
    legacy.replay()
    found = legacy.model("portfolio", "SELECT date, total_value FROM portfolio_snapshots ORDER BY date")
    assert found == [("2025-12-25", 3.0), ("2025-12-26", 1.0), ("2025-12-27", 2.0)]


def test_trap_05_dividends_are_a_union_where_the_new_file_counts(legacy: Legacy) -> None:
    paid = {
        "symbol": "A.US",
        "currency": "USD",
        "amount_eur": 1.0,
        "payment_date": "2025-05-05",
        "created_at": "2025-05-05 10:00:00",
    }
    legacy.write("ledger.db", "ledger_v4", dividend_history=[
        paid | {"id": 1, "cash_flow_id": 7, "amount": 1.0}, paid | {"id": 2, "cash_flow_id": 8, "amount": 2.0}])  # fmt: skip
    legacy.write("dividends.db", "dividends_v2", dividend_history=[paid | {"id": 1, "cash_flow_id": 8, "amount": 3.0}])
    legacy.replay()
    found = legacy.ledger("SELECT cash_flow_id, amount FROM dividend_history ORDER BY cash_flow_id")
    assert found == [(7, 1.0), (8, 3.0)]


def test_trap_05_recommendations_are_a_union_by_uuid_and_then_by_what_they_recommend(legacy: Legacy) -> None:
    row = {
        "symbol": "A.US", "name": "A", "side": "BUY", "reason": "cheap", "portfolio_hash": "ab", "currency": "EUR",
        "created_at": "2025-12-01T09:00:00",
    }  # fmt: skip
    legacy.write("config.db", "config_v12", recommendations=[
        row | {"uuid": "u1", "updated_at": "2025-12-03T09:00:00", "status": "dismissed"},
        row | {"uuid": "u2", "symbol": "B.US", "updated_at": "2025-12-01T09:00:00"}])  # fmt: skip
    legacy.write("recommendations.db", "recommendations_v2", recommendations=[
        row | {"uuid": "u1", "updated_at": "2025-12-02T09:00:00", "status": "pending"},
        row | {"uuid": "u3", "symbol": "B.US", "updated_at": "2025-12-02T09:00:00"}])  # fmt: skip
    legacy.replay()
    found = legacy.model("cache", "SELECT uuid, symbol, status FROM recommendations ORDER BY uuid")
    assert found == [("u1", "A.US", "dismissed"), ("u3", "B.US", "pending")]


def test_trap_05_exchange_rates_of_both_files_stay_by_date(legacy: Legacy) -> None:
    legacy.write("cache.db", "cache_v2", exchange_rates=[rate("USD", 1.04, "2025-12-20T09:00:00")])
    legacy.write("rates.db", "rates_v1", exchange_rates=[rate("USD", 1.05, "2025-12-28T09:00:00")])
    legacy.replay()
    found = legacy.model("history", "SELECT date, rate FROM exchange_rates ORDER BY date")
    assert found == [("2025-12-20", 1.04), ("2025-12-28", 1.05)]


def test_trap_06_a_stub_table_in_the_wrong_file_is_not_preferred(legacy: Legacy) -> None:
    legacy.write("config.db", "config_v12", securities=[security("AAPL.US")])
    legacy.write("state.db", "state_v4", positions=[position("AAPL.US", 0.0)]).write("state.db", "odd_stub_table")
    report = legacy.replay()
    assert tally(report, "state.db", "securities").read == 0
    assert legacy.model("universe", "SELECT symbol FROM securities") == [("AAPL.US",)]


def test_trap_06_rows_of_a_known_table_in_the_wrong_file_are_kept(legacy: Legacy) -> None:
    legacy.write("state.db", "state_v4").write("state.db", "odd_stub_table", securities=[security("AAPL.US")])
    report = legacy.replay()
    assert tally(report, "state.db", "securities").kept_reasons == {"securities does not belong into state.db": 1}


def test_trap_07_a_text_in_an_integer_column_keeps_its_class(legacy: Legacy) -> None:
    legacy.write("ledger.db", "ledger_v4", cash_flows=[
        cash_flow("T1", type_doc_id="corp_dividend"), cash_flow("T2", type_doc_id=337)])  # fmt: skip
    legacy.replay()
    found = legacy.ledger("SELECT type_doc_id, typeof(type_doc_id) FROM cash_flows ORDER BY transaction_id")
    assert found == [("corp_dividend", "text"), (337, "integer")]


def test_trap_07_a_fraction_in_an_integer_column_keeps_its_value(legacy: Legacy) -> None:
    legacy.write("state.db", "state_v4", portfolio_snapshots=[snapshot("2025-12-26", 1.0, position_count=2.5)])
    report = legacy.replay()
    assert tally(report, "state.db", "portfolio_snapshots").kept == 0
    assert legacy.model("portfolio", "SELECT position_count FROM portfolio_snapshots") == [(2.5,)]


def test_trap_07_a_text_where_a_number_must_be_keeps_the_row_as_it_is(legacy: Legacy) -> None:
    report = legacy.write("state.db", "state_v4", scores=[score("A.US", None, "n/a")]).replay()  # type: ignore[arg-type]
    assert tally(report, "state.db", "scores").kept_reasons == {"total_score is not a number but text": 1}
    (event,) = legacy.events("legacy-row-kept")
    assert event["row"]["total_score"] == "n/a"


def test_trap_22_the_case_of_a_side_does_not_matter(legacy: Legacy) -> None:
    legacy.write("ledger.db", "ledger_v4", trades=[trade("O1", side="buy"), trade("O2", side="SELL", currency="TEST")])
    legacy.replay()
    assert legacy.ledger("SELECT side, currency FROM trades ORDER BY order_id") == [("BUY", None), ("SELL", "TEST")]
