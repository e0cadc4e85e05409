"""What was entered here becomes rows of the legacy files: by the legacy system's own columns, and nothing is lost unsaid."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from domain.portfolio import PositionReported
from domain.prices import DailyPricesRecorded
from domain.satellites import BucketCashMoved
from domain.trading import (
    CashFlowBooked,
    DividendCorrected,
    SharesSplit,
    TradeCorrected,
    TradeExecuted,
    TradeVoided,
)
from domain.universe import SecurityDescribed, SecurityRemoved, SettingChanged, SettingRemoved
from operations.legacy_export import LegacyExport
from tests.cutover.asking import asked, copy_of, enter, export, facts, replayed
from tests.legacy import Legacy, bar, cash_flow, security, trade
from tests.replay.oracle import legacy_rows

AT = "2026-11-20T10:00:00.000000Z"
STAMP = "2025-01-01 10:00:00"


def bought(order_id: str | None, price: str = "19.5", **more: Any) -> TradeExecuted:
    return TradeExecuted(occurred_at=AT, symbol="AAPL.US", side="BUY", quantity=Decimal("2.5"), price=Decimal(price),
                         order_id=order_id, currency="USD", source="manual", **more)  # fmt: skip


@pytest.fixture(scope="module")
def replayed_once(tmp_path_factory: pytest.TempPathFactory) -> Legacy:
    """A home with a little of everything, replayed from a legacy folder."""
    legacy = Legacy(tmp_path_factory.mktemp("replayed"))
    settings = [
        {"key": key, "value": value, "updated_at": STAMP} for key, value in (("a", "1"), ("b", "2"), ("c", "3"))
    ]
    legacy.write("config.db", "config_v12", settings=settings, securities=[security("AAPL.US"), security("OLD.US")])
    legacy.write("ledger.db", "ledger_v4", trades=[trade("T1", id=7), trade("T2")], cash_flows=[cash_flow("C1")])
    legacy.write("dividends.db", "dividends_v2", dividend_history=[
        {"symbol": "AAPL.US", "cash_flow_id": 1, "amount": 1.5, "currency": "USD", "amount_eur": 1.4,
         "payment_date": "2025-03-04", "created_at": STAMP}
    ])  # fmt: skip
    legacy.write("satellites.db", "satellites_v1", buckets=[
        {"id": "core", "name": "Core", "type": "core", "created_at": STAMP, "updated_at": STAMP}
    ], bucket_transactions=[
        {"id": 40, "bucket_id": "core", "type": "deposit", "amount": 5.0, "currency": "EUR", "created_at": STAMP}
    ])  # fmt: skip
    legacy.write("history/AAPL_US.db", "history_v1", daily_prices=[bar("2025-01-01"), bar("2025-01-02")],
                 schema_version=[{"version": 1, "applied_at": STAMP}])  # fmt: skip
    legacy.replay()
    return legacy


@pytest.fixture
def home(replayed_once: Legacy, legacy: Legacy) -> Path:
    """A copy of it."""
    return copy_of(replayed_once, legacy).home


def written(home: Path) -> tuple[Path, LegacyExport]:
    into = home.parent / "written"
    return into, export(home, into)


def test_a_trade_becomes_a_row_with_the_next_id_and_a_time_that_needs_no_zone(home: Path) -> None:
    enter(home, ("trade:N1", bought("N1")))
    into, result = written(home)
    query = (
        "SELECT id, symbol, side, quantity, price, executed_at, order_id, bucket_id, mode, typeof(price) FROM trades"
    )
    assert asked(into / "ledger.db", f"{query} ORDER BY id DESC LIMIT 1") == [
        (9, "AAPL.US", "BUY", 2.5, 19.5, AT, "N1", "core", "live", "real")
    ]
    assert result.written.made == {"created_at": 1}
    assert result.exit_code == 0
    again = replayed(into, home.parent / "again")["trade:N1", None]
    entered = facts(home)["trade:N1", None]
    assert {name: again[name] for name in entered} == entered


def test_an_id_that_was_given_and_taken_away_is_not_given_again(legacy: Legacy, home: Path) -> None:
    legacy.run("satellites.db", "INSERT INTO bucket_transactions SELECT 50, bucket_id, type, amount, currency, description, "
               "created_at FROM bucket_transactions; DELETE FROM bucket_transactions WHERE id = 50")  # fmt: skip
    legacy.replay()
    moved = BucketCashMoved(
        occurred_at=AT, id=51, bucket_id="core", type="deposit", amount=Decimal("1.5"), currency="EUR"
    )
    enter(home, ("bucket-transaction:51", moved))
    into, _ = written(home)
    assert asked(into / "satellites.db", "SELECT id FROM bucket_transactions") == [(40,), (51,)]
    assert asked(into / "satellites.db", "SELECT seq FROM sqlite_sequence") == [(51,)]


def test_a_correction_wins_column_by_column_and_the_rest_of_the_row_stays_word_for_word(home: Path) -> None:
    before = asked(
        home.parent / "legacy" / "ledger.db", "SELECT executed_at, created_at, price FROM trades WHERE id = 7"
    )
    corrected = TradeCorrected(**_said(facts(home)["trade:T1", None]) | {"price": Decimal("101.25")})
    enter(home, ("trade:T1", corrected))
    into, result = written(home)
    after = asked(into / "ledger.db", "SELECT executed_at, created_at, price FROM trades WHERE id = 7")
    assert after == [(*before[0][:2], 101.25)]
    assert [(one.file, one.table, one.changed) for one in result.written.tables if one.changed] == [
        ("ledger.db", "trades", 1)
    ]
    assert replayed(into, home.parent / "again")["trade:T1", None]["price"] == "101.25"


def _said(event: dict[str, Any]) -> dict[str, Any]:
    numbers = {"quantity", "price", "amount", "amount_eur", "currency_rate", "value_eur"}
    said = {name: Decimal(value) if name in numbers else value for name, value in event.items()}
    return said | {"assumed": tuple(event.get("assumed", ()))}


def test_what_was_voided_or_removed_here_is_left_out_and_counted(home: Path) -> None:
    enter(
        home,
        ("trade:T1", TradeVoided(occurred_at=AT, reason="never happened")),
        ("setting:a", SettingRemoved(key="a")),
        ("security:OLD.US", SecurityRemoved(symbol="OLD.US")),
        ("trade:N1", bought("N1")),
        ("trade:N1", TradeVoided(occurred_at=AT, reason="nor this")),
    )
    into, result = written(home)
    assert asked(into / "ledger.db", "SELECT order_id FROM trades") == [("T2",)]
    assert asked(into / "config.db", "SELECT key FROM settings ORDER BY key") == [("b",), ("c",)]
    assert asked(into / "config.db", "SELECT symbol FROM securities") == [("AAPL.US",)]
    assert result.written.ended == {"trade-voided.v1": 2, "setting-removed.v1": 1, "security-removed.v1": 1}
    again = replayed(into, home.parent / "again")
    assert {key for key, _ in again} == {key for key, _ in facts(home)}


def test_what_came_back_after_a_removal_is_written(home: Path) -> None:
    enter(
        home, ("setting:a", SettingRemoved(key="a")), ("setting:a", SettingChanged(occurred_at=AT, key="a", value="9"))
    )
    into, _ = written(home)
    assert asked(into / "config.db", "SELECT value, updated_at FROM settings WHERE key = 'a'") == [("9", AT)]


def test_what_the_legacy_system_wrote_after_an_entry_counts(legacy: Legacy, home: Path) -> None:
    enter(home, ("setting:a", SettingChanged(occurred_at=AT, key="a", value="ours")))
    legacy.run("config.db", "UPDATE settings SET value = 'theirs' WHERE key = 'a'")
    legacy.replay()
    into, _ = written(home)
    assert legacy_rows(into) == legacy_rows(legacy.folder)


def test_prices_go_into_the_file_of_the_security_and_a_new_one_gets_a_file_of_its_own(home: Path) -> None:
    for symbol, day in (("AAPL.US", "2025-01-02"), ("NEW-B.CO", "2025-02-03")):
        block = DailyPricesRecorded(occurred_at=day, symbol=symbol, count=1, date=[day], close_price=[55.5], volume=[7])
        enter(home, (f"prices:1d:{symbol}", block))
    into, result = written(home)
    query = "SELECT date, open_price, close_price, volume FROM daily_prices ORDER BY date"
    assert asked(into / "history" / "AAPL_US.db", query) == [
        ("2025-01-01", 10.0, 10.0, 1000),
        ("2025-01-02", 10.0, 55.5, 7),
    ]
    assert asked(into / "history" / "NEW-B_CO.db", query) == [("2025-02-03", None, 55.5, 7)]
    assert asked(into / "history" / "NEW-B_CO.db", "SELECT version FROM schema_version") == [(1,)]
    assert result.exit_code == 0
    enter(home, ("security:NEW-B.CO", SecurityDescribed(occurred_at=AT, symbol="NEW-B.CO", name="New", created_at=AT)))
    assert export(home, home.parent / "with it").into
    again = replayed(home.parent / "with it", home.parent / "again")
    assert again["prices:1d:NEW-B.CO 2025-02-03", None]["close_price"] == 55.5


def test_what_has_no_place_in_the_legacy_schema_is_listed_with_its_reason(home: Path) -> None:
    enter(
        home,
        ("split:AAPL.US:2026-01-02", SharesSplit(symbol="AAPL.US", numerator=Decimal(4), denominator=Decimal(1))),
        ("trade:N1", bought("N1", fee=Decimal("1.25"))),
        ("trade:N2", bought("N2", price="0.12345678901234567890")),
        ("position:X.US", PositionReported(symbol="X.US", quantity=Decimal(1), avg_price=Decimal(1))),
    )
    _, result = written(home)
    listed = {one.what: (one.count, one.reason) for one in result.written.unwritten}
    assert listed == {
        "shares-split.v1": (1, "the legacy system has no table for it"),
        "trade-executed.v1: fee": (1, "the legacy table has no column for it"),
        "trade-executed.v1: price": (1, "the legacy column cannot hold it exactly"),
        "position-reported.v1": (1, "no file of the legacy system has a table for it"),
    }
    assert result.exit_code == 1


def test_two_facts_that_the_legacy_table_cannot_hold_together_are_not_lost_unsaid(home: Path) -> None:
    enter(home, ("trade::other", bought("N1")), ("trade:N1", bought("N1")))
    into, result = written(home)
    assert asked(into / "ledger.db", "SELECT count(*) FROM trades WHERE order_id = 'N1'") == [(1,)]
    (listed,) = result.written.unwritten
    assert "refuses it: UNIQUE" in listed.reason


def test_a_fact_without_an_id_of_its_own_goes_by_its_key_and_is_said_to(home: Path) -> None:
    enter(home, ("trade::key:my%20key", bought(None)))
    into, result = written(home)
    assert asked(into / "ledger.db", "SELECT order_id FROM trades ORDER BY id DESC LIMIT 1") == [("my key",)]
    assert result.written.rekeyed == ["trade::key:my%20key"]


def test_what_the_schema_demands_and_the_entry_leaves_open_is_filled_and_counted(home: Path) -> None:
    flow = CashFlowBooked(occurred_at="2026-11-20", transaction_id="D1", type_doc_id="deposit", amount=Decimal("12.5"),
                          transaction_type="deposit", currency="USD")  # fmt: skip
    enter(home, ("cash-flow:D1", flow))
    into, result = written(home)
    query = (
        "SELECT date, amount, amount_eur, type_doc_id, typeof(type_doc_id) FROM cash_flows WHERE transaction_id = 'D1'"
    )
    assert asked(into / "ledger.db", query) == [("2026-11-20", 12.5, 12.5, "deposit", "text")]
    assert result.written.made == {"amount_eur": 1, "created_at": 1}


def test_the_copy_of_a_corrected_row_in_the_old_place_stays_as_it_was(legacy: Legacy, home: Path) -> None:
    row = {"symbol": "AAPL.US", "cash_flow_id": 1, "amount": 9.5, "currency": "USD", "amount_eur": 9.0,
           "payment_date": "2025-03-04", "created_at": STAMP}  # fmt: skip
    legacy.write("ledger.db", dividend_history=[row]).replay()
    said = _said(facts(home)["dividend:1", None])
    enter(home, ("dividend:1", DividendCorrected(**said | {"amount": Decimal("2.25")})))
    into, _ = written(home)
    assert asked(into / "dividends.db", "SELECT amount, cash_flow_id FROM dividend_history") == [(2.25, 1)]
    assert asked(into / "ledger.db", "SELECT amount FROM dividend_history") == [(9.5,)]
