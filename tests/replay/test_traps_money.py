"""The traps of the legacy facts, section 3.4, that lie in money and time: rates, amounts, twins, oversells, zones, balances."""

from __future__ import annotations

import pytest

from tests.legacy import Legacy, cash_flow, position, rate, security, snapshot, tally, trade


def test_trap_08_a_missing_currency_comes_from_the_security_and_is_marked(legacy: Legacy) -> None:
    legacy.write("config.db", "config_v12", securities=[security("AAPL.US")])
    report = legacy.write("ledger.db", "ledger_v4", trades=[trade("O1"), trade("O2", symbol="NEW.US")]).replay()
    assert legacy.ledger("SELECT currency FROM trades ORDER BY order_id") == [("USD",), (None,)]
    assert [event["assumed"] for event in legacy.events("trade-executed")] == [
        ["occurred_at", "currency"],
        ["occurred_at"],
    ]
    assert tally(report, "ledger.db", "trades").assumed["currency"] == 1


def test_trap_08_an_empty_currency_of_an_unknown_security_is_none_and_no_break(legacy: Legacy) -> None:
    report = legacy.write("ledger.db", "ledger_v4", trades=[trade("O1", symbol="NEW.US", currency="")]).replay()
    assert legacy.ledger("SELECT currency FROM trades") == [(None,)]
    assert tally(report, "ledger.db", "trades").assumed["currency"] == 1
    assert report.breaks == []
    assert report.proven


def test_trap_08_a_stated_currency_is_never_overruled(legacy: Legacy) -> None:
    legacy.write("config.db", "config_v12", securities=[security("AAPL.US")])
    legacy.write("ledger.db", "ledger_v4", trades=[trade("O1", currency="EUR")]).replay()
    assert legacy.ledger("SELECT currency FROM trades") == [("EUR",)]


def test_trap_08_an_empty_bucket_is_the_core_and_an_empty_mode_is_live(legacy: Legacy) -> None:
    report = legacy.write("ledger.db", "ledger_v4", trades=[trade("O1", bucket_id="", mode="")]).replay()
    assert legacy.ledger("SELECT bucket_id, mode FROM trades") == [("core", "live")]
    assert tally(report, "ledger.db", "trades").assumed["bucket_id"] == 1


def test_trap_09_eur_is_the_amount_divided_by_the_rate_of_that_day(legacy: Legacy) -> None:
    legacy.write("rates.db", "rates_v1", exchange_rates=[rate("USD", 1.25, "2025-03-03T09:00:00")])
    legacy.write("ledger.db", "ledger_v4", trades=[
        trade("O1", currency="USD"), trade("O2", currency="USD", executed_at="2025-03-04T09:00:00")])  # fmt: skip
    report = legacy.replay()
    assert legacy.ledger("SELECT value_eur, currency_rate FROM trades ORDER BY order_id") == [
        (800.0, 1.25),
        (None, None),
    ]
    assert report.missing_eur["trades without a value in EUR"] == 1


@pytest.mark.parametrize("own", [None, 1.0])
def test_trap_09_rate_one_is_never_used_for_a_foreign_currency(legacy: Legacy, own: float | None) -> None:
    legacy.write("rates.db", "rates_v1", exchange_rates=[rate("KZT", 1.0, "2025-03-03T09:00:00")])
    legacy.write("ledger.db", "ledger_v4", trades=[trade("O1", currency="KZT", currency_rate=own)]).replay()
    assert legacy.ledger("SELECT value_eur, currency_rate FROM trades") == [(None, own)]


def test_trap_09_a_position_without_a_known_rate_has_no_value_in_eur(legacy: Legacy) -> None:
    legacy.write("state.db", "state_v4", positions=[
        position("A.US", 2.0, 50.0, currency_rate=1.25), position("B.KZ", 2.0, currency="KZT", currency_rate=1.0)])  # fmt: skip
    report = legacy.replay()
    found = legacy.model("portfolio", "SELECT symbol, cost_basis_eur FROM positions ORDER BY symbol")
    assert found == [("A.US", 80.0), ("B.KZ", None)]
    assert report.missing_eur["positions without a cost in EUR"] == 1


def test_trap_09_an_unconverted_amount_stays_what_the_legacy_system_wrote(legacy: Legacy) -> None:
    legacy.write(
        "ledger.db", "ledger_v4", cash_flows=[cash_flow("T1", currency="RUR", amount=70.0, amount_eur=70.0)]
    ).replay()
    assert legacy.ledger("SELECT amount, currency, amount_eur FROM cash_flows") == [(70.0, "RUR", 70.0)]


def test_trap_10_amounts_stay_positive_and_the_type_tells_a_withdrawal_from_its_fee(legacy: Legacy) -> None:
    legacy.write("ledger.db", "ledger_v4", cash_flows=[
        cash_flow("T1", transaction_type="withdrawal", amount=100.0),
        cash_flow("T1_fee", transaction_type="withdrawal_fee", type_doc_id="withdrawal_fee", amount=2.0)])  # fmt: skip
    legacy.replay()
    found = legacy.ledger("SELECT transaction_type, amount FROM cash_flows ORDER BY transaction_id")
    assert found == [("withdrawal", 100.0), ("withdrawal_fee", 2.0)]


def test_trap_11_corporate_actions_of_strangers_make_no_position(legacy: Legacy) -> None:
    legacy.write("ledger.db", "ledger_v4", cash_flows=[
        cash_flow("corp_action_1", type_doc_id="corp_dividend", description="Dividend: XYZ.US (5 x 0.2 USD)")])  # fmt: skip
    legacy.replay()
    assert legacy.model("portfolio", "SELECT count(*) FROM positions") == [(0,)]
    assert legacy.ledger("SELECT count(*) FROM cash_flows") == [(1,)]


def test_trap_12_fills_in_the_same_second_are_two_trades(legacy: Legacy) -> None:
    legacy.write("ledger.db", "ledger_v4", trades=[trade("O1"), trade("O2"), trade(None), trade(None)]).replay()
    assert legacy.ledger("SELECT count(*), sum(quantity) FROM trades") == [(4, 40.0)]
    assert legacy.replay().events_appended == 0


def test_trap_12_an_order_id_that_comes_back_with_another_row_id_is_the_same_trade(legacy: Legacy) -> None:
    legacy.write("ledger.db", "ledger_v4", trades=[trade("O1"), trade("O2")]).replay()
    legacy.run("ledger.db", "DELETE FROM trades").write("ledger.db", trades=[trade("O2") | {"id": 50}])
    legacy.replay()
    assert legacy.ledger("SELECT order_id FROM trades ORDER BY order_id") == [("O1",), ("O2",)]


def test_trap_13_an_oversell_is_floored_and_the_difference_is_a_break(legacy: Legacy) -> None:
    legacy.write("ledger.db", "ledger_v4", trades=[
        trade("O1", quantity=5.0), trade("O2", side="SELL", quantity=8.0, executed_at="2025-03-04T09:00:00"),
        trade("O3", quantity=2.0, executed_at="2025-03-05T09:00:00")])  # fmt: skip
    report = legacy.write("state.db", "state_v4", positions=[position("AAPL.US", 9.0)]).replay()
    (found,) = report.breaks
    assert (found.kind, found.subject) == ("position", "AAPL.US")
    assert "more was sold than the trades had bought" in found.reason
    query = "SELECT derived_quantity, reported_quantity, difference, open FROM reconciliations"
    assert legacy.model("portfolio", query) == [(2.0, 9.0, 7.0, 1)]
    assert legacy.model("portfolio", "SELECT quantity, derived_quantity FROM positions") == [(9.0, 2.0)]
    assert report.exit_code == 1


def test_trap_13_a_residue_that_the_broker_does_not_report_is_no_position(legacy: Legacy) -> None:
    legacy.write("ledger.db", "ledger_v4", trades=[trade("O1"), trade("O2", symbol="OLD.US")])
    report = legacy.write("state.db", "state_v4", positions=[position("AAPL.US", 10.0)]).replay()
    assert [found.subject for found in report.breaks] == ["OLD.US"]
    assert legacy.model("portfolio", "SELECT symbol FROM positions") == [("AAPL.US",)]


def test_trap_13_a_break_that_is_mended_is_closed_by_an_event(legacy: Legacy) -> None:
    legacy.write("ledger.db", "ledger_v4", trades=[trade("O1")])
    assert legacy.write("state.db", "state_v4", positions=[position("AAPL.US", 15.0)]).replay().exit_code == 1
    late = trade("O0", quantity=5.0, executed_at="2025-01-02T09:00:00")
    report = legacy.write("ledger.db", trades=[late]).replay()
    assert report.breaks == []
    assert report.exit_code == 0
    assert legacy.model("portfolio", "SELECT open FROM reconciliations ORDER BY position") == [(0,), (0,)]


STAMPS = {
    "2025-07-01T12:00:00.222516": "2025-07-01T09:00:00.222516Z",
    "2025-07-01T12:00:00.500": "2025-07-01T09:00:00.500000Z",
    "2025-07-01 12:00:00": "2025-07-01T12:00:00.000000Z",
    "2025-07-01T12:00:00+02:00": "2025-07-01T10:00:00.000000Z",
    "2025-07-01T12:00:00Z": "2025-07-01T12:00:00.000000Z",
    "2025-12-01T12:00:00": "2025-12-01T10:00:00.000000Z",
}


@pytest.mark.parametrize("stamp", STAMPS)
def test_trap_14_each_shape_of_a_time_stamp_becomes_the_right_instant(legacy: Legacy, stamp: str) -> None:
    legacy.write("ledger.db", "ledger_v4", trades=[trade("O1", executed_at=stamp)])
    report = legacy.replay(timezone="Europe/Athens")
    assert legacy.ledger("SELECT executed_at FROM trades") == [(STAMPS[stamp],)]
    assert not tally(report, "ledger.db", "trades").assumed["occurred_at"]


def test_trap_14_without_a_zone_naive_times_are_utc_and_counted_as_assumed(legacy: Legacy) -> None:
    report = legacy.write(
        "ledger.db", "ledger_v4", trades=[trade("O1"), trade("O2", executed_at="2025-03-03 10:00:00")]
    ).replay()
    assert report.timezone_assumed
    assert tally(report, "ledger.db", "trades").assumed["occurred_at"] == 1


def test_trap_14_another_zone_in_a_later_run_corrects_the_times(legacy: Legacy) -> None:
    legacy.write(
        "ledger.db", "ledger_v4", trades=[trade("O1"), trade("O2", executed_at="2025-03-03 10:00:00")]
    ).replay()
    report = legacy.replay(timezone="Europe/Athens")
    assert tally(report, "ledger.db", "trades").events == 1
    found = legacy.ledger("SELECT executed_at FROM trades ORDER BY order_id")
    assert found == [("2025-03-03T13:30:06.000000Z",), ("2025-03-03T10:00:00.000000Z",)]
    assert legacy.replay(timezone="Europe/Athens").events_appended == 0


def test_trap_19_money_that_is_not_settled_says_so(legacy: Legacy) -> None:
    legacy.write("ledger.db", "ledger_v4", cash_flows=[cash_flow("T1", status="processing", status_c=2)]).replay()
    assert legacy.ledger("SELECT status, status_c FROM cash_flows") == [("processing", 2)]


def bucket(name: str) -> dict[str, object]:
    return {
        "id": name,
        "name": name,
        "type": "core",
        "created_at": "2025-01-01T09:00:00",
        "updated_at": "2025-01-01T09:00:00",
    }


def balance(name: str, currency: str, amount: float) -> dict[str, object]:
    return {"bucket_id": name, "currency": currency, "balance": amount, "last_updated": "2025-12-26T20:00:00"}


def test_trap_20_negative_and_zero_balances_stay(legacy: Legacy) -> None:
    rows = [balance("core", "EUR", -5.5), balance("core", "USD", 0.0)]
    legacy.write("satellites.db", "satellites_v1", buckets=[bucket("core")], bucket_balances=rows).replay()
    found = legacy.model("satellites", "SELECT currency, balance FROM bucket_balances ORDER BY currency")
    assert found == [("EUR", -5.5), ("USD", 0.0)]


@pytest.mark.parametrize(("cash", "breaks"), [(180.0, 0), (180.02, 1)])
def test_trap_20_buckets_that_do_not_add_up_to_the_cash_are_a_break(legacy: Legacy, cash: float, breaks: int) -> None:
    rows = [balance("core", "EUR", 100.0), balance("core", "USD", 100.0)]
    legacy.write("satellites.db", "satellites_v1", buckets=[bucket("core")], bucket_balances=rows)
    legacy.write("rates.db", "rates_v1", exchange_rates=[rate("USD", 1.25, "2025-12-26T09:00:00")])
    legacy.write("snapshots.db", "snapshots_v2", portfolio_snapshots=[snapshot("2025-12-26", 1.0, cash_balance=cash)])
    assert len(legacy.replay().breaks) == breaks
