"""Each rule refuses what it names, records nothing, and leaves what is right alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from domain.entries.catalog import KINDS, tag_of
from domain.entries.refusal import HINTS, Conflict, Refused
from operations.ledger import Ledger
from tests.entries.given import Fields, bar, count, deposit, events, opened, trade


@pytest.fixture
def ledger(home: Path) -> Iterator[Ledger]:
    with opened(home) as opened_ledger:
        yield opened_ledger


def refused(ledger: Ledger, *entries: Fields, rule: str, **how: Any) -> Refused:
    """The last entry breaks this rule, and nothing of the call is recorded."""
    before = ledger.position
    with pytest.raises(Refused) as caught:
        ledger.record(list(entries), **how)
    assert caught.value.rule == rule, caught.value
    assert caught.value.hint
    assert caught.value.exit_code == 2
    assert ledger.position == before
    return caught.value


SETTING = {"entry": "setting", "name": "x", "value": "1"}
SATELLITE = {"entry": "bucket-open", "id": "s1", "name": "S"}
SECURITY = {"entry": "security", "symbol": "X.US", "name": "X", "product_type": "ETF", "currency": "USD"}
ADVICE = {"entry": "recommendation", "uuid": "u1", "symbol": "X.US", "side": "BUY", "reason": "cheap"}
BUDGET = {"entry": "setting", "name": "satellite_budget_pct", "value": "0.2", "allocation": True}
CORE_CASH = deposit("D-1", bucket_id="core")
AGENT = {"entry": "agent-config", "id": "g1", "name": "G", "toml_config": "a = 1"}
METRIC = {"entry": "metric", "symbol": "X.US", "metric": "RSI_14", "value": "50"}
SPLIT = {"entry": "split", "symbol": "AAPL.US", "numerator": "1", "denominator": "2", "date": "2026-01-02"}


def transfer(amount: str, to: str = "s1", key: str | None = "t", **more: Any) -> Fields:
    fields = {"entry": "bucket-transfer", "from_bucket": "core", "to_bucket": to, "amount": amount, "currency": "EUR"}
    return fields | ({"key": key} if key else {}) | more


WRONG: list[tuple[str, list[Fields]]] = [
    ("identity", [trade(None)]),
    ("identity", [{k: v for k, v in deposit("x").items() if k != "transaction_id"}]),
    ("symbol", [trade("A", symbol="A B")]),
    ("symbol", [SECURITY | {"isin": "US037833100"}]),
    ("positive", [trade("A", quantity="0")]),
    ("positive", [trade("A", quantity="-1")]),
    ("positive", [trade("A", price="0")]),
    ("positive", [deposit("D", amount="-5")]),
    ("positive", [{"entry": "dividend", "symbol": "X", "amount": "0", "currency": "EUR", "transaction_id": "D"}]),
    ("positive", [trade("A", currency_rate="0")]),
    ("positive", [trade("A", fee="-1")]),
    ("positive", [bar("X", "2026-01-01", 0.0)]),
    ("number", [trade("A", quantity="NaN")]),
    ("number", [trade("A", price="Infinity")]),
    ("number", [trade("A", price="1e400")]),
    ("number", [METRIC | {"value": "sNaN"}]),
    ("currency", [trade("A", currency="USX")]),
    ("currency", [deposit("D", currency="eur")]),
    ("time", [trade("A", at="2026-11-20T18:00:00")]),
    ("time", [trade("A", at="1969-12-31T23:59:59Z")]),
    ("time", [trade("A", at="2026-11-21T18:00:01Z")]),
    ("time", [trade("A", at="0001-01-01T00:00:00+14:00")]),
    ("time", [trade("A", at="yesterday")]),
    ("time", [bar("X", "2026-02-30")]),
    ("time", [bar("X", "2027-01-01")]),
    ("text", [SETTING | {"name": " "}]),
    ("text", [deposit("D", description="a\x1b[2J")]),
    ("choice", [{"entry": "bucket-open", "id": "s1", "name": "S", "type": "core"}]),
    ("choice", [SECURITY | {"product_type": "UNKNOWN"}]),
    ("fraction", [{"entry": "allocation-target", "type": "country", "name": "US", "target_pct": "1.01"}]),
    ("fraction", [{"entry": "score", "symbol": "X", "total_score": "2"}]),
    ("fraction", [SATELLITE, SETTING | {"name": "risk_appetite", "value": "1.1", "satellite_id": "s1"}]),
    ("choice", [SATELLITE, SETTING | {"name": "colour", "value": "1", "satellite_id": "s1"}]),
    ("limits", [SECURITY | {"min_portfolio_target": "10", "max_portfolio_target": "5"}]),
    ("limits", [SECURITY | {"max_portfolio_target": "31"}]),
    ("limits", [bar("X", "2026-01-01", low_price=11.0, high_price=10.0)]),
    ("shape", [{"entry": "score", "symbol": "X"}]),
    ("shape", [trade("A") | {"colour": "red"}]),
    ("shape", [{"entry": "trades"}]),
    ("shape", [trade("A", side="HOLD")]),
    ("shape", [trade("A", quantity=True)]),
    ("oversell", [trade("A", "SELL")]),
    ("oversell", [trade("A"), trade("B", "SELL", "10.5")]),
    ("oversell", [trade("A", at="2026-01-02T00:00:00Z"), trade("B", "SELL", "1", at="2026-01-01T00:00:00Z")]),
    ("oversell", [trade("A"), trade("B", "SELL"), {"entry": "void", "what": "A"}]),
    ("oversell", [trade("A"), trade("B", "SELL"), {"entry": "correct", "what": "A", "changes": {"quantity": "9"}}]),
    ("oversell", [trade("A"), trade("B", "SELL"), {"entry": "correct", "what": "A", "changes": {"symbol": "B.US"}}]),
    ("oversell", [trade("A", at="2026-01-01T00:00:00Z"), trade("B", "SELL", "6", at="2026-01-03T00:00:00Z"), SPLIT]),
    ("bucket-unknown", [trade("A", bucket_id="s9")]),
    ("bucket-unknown", [deposit("D", bucket_id="s9")]),
    ("bucket-unknown", [{"entry": "bucket-pause", "id": "s9"}]),
    ("bucket-status", [SATELLITE, trade("A", bucket_id="s1")]),
    ("bucket-status", [SATELLITE, {"entry": "bucket-retire", "id": "s1"}]),
    ("bucket-status", [SATELLITE, {"entry": "bucket-resume", "id": "s1"}]),
    ("bucket-core", [SATELLITE | {"id": "core", "type": "core"}, {"entry": "bucket-retire", "id": "core"}]),
    ("bucket-core", [SATELLITE | {"id": "core", "type": "core"},
                     {"entry": "bucket-change", "id": "core", "status": "hibernating"}]),
    ("bucket-cash", [SATELLITE, deposit("D", "0.02", bucket_id="s1"), {"entry": "bucket-pause", "id": "s1"},
                     {"entry": "bucket-retire", "id": "s1"}]),
    ("budget", [SATELLITE | {"target_pct": "0.31"}]),
    ("budget", [SATELLITE | {"target_pct": "0.2"}, SATELLITE | {"id": "s2", "target_pct": "0.11"}]),
    ("budget", [BUDGET | {"value": "0.31"}]),
    ("identity", [SATELLITE, CORE_CASH, BUDGET, transfer("1", key=None)]),
    ("funds", [SATELLITE, CORE_CASH, BUDGET, transfer("1001")]),
    ("core-minimum", [SATELLITE, CORE_CASH, BUDGET, transfer("200.01")]),
    ("choice", [CORE_CASH, transfer("1", to="core")]),
    ("funds", [CORE_CASH, {"entry": "withdrawal", "transaction_id": "W", "amount": "1001", "currency": "EUR",
                           "bucket_id": "core"}]),
    ("transition", [ADVICE, {"entry": "recommendation-outcome", "uuid": "u1", "status": "executed"},
                    {"entry": "recommendation-outcome", "uuid": "u1", "status": "dismissed"}]),
    ("unknown", [{"entry": "recommendation-outcome", "uuid": "u9", "status": "executed"}]),
    ("unknown", [{"entry": "correct", "what": "A-9", "changes": {"price": "1"}}]),
    ("unknown", [{"entry": "void", "what": "trade:A-9"}]),
    ("unknown", [trade("X"), deposit("X"), {"entry": "void", "what": "X"}]),
    ("void", [trade("A"), {"entry": "void", "what": "A"}, {"entry": "correct", "what": "A", "changes": {"price": "1"}}]),
    ("void", [trade("A"), {"entry": "void", "what": "A"}, trade("A", price="7")]),
    ("not-correctable", [SETTING, {"entry": "correct", "what": "setting:x", "changes": {"value": "2"}}]),
    ("shape", [trade("A"), {"entry": "correct", "what": "A", "changes": {"colour": "red"}}]),
    ("shape", [trade("A"), {"entry": "correct", "what": "A", "changes": {"order_id": "B"}}]),
    ("shape", [trade("A"), {"entry": "correct", "what": "A", "changes": {"quantity": "many"}}]),
    ("positive", [trade("A"), {"entry": "correct", "what": "A", "changes": {"quantity": "0"}}]),
    ("number", [trade("A"), {"entry": "correct", "what": "A", "changes": {"price": "NaN"}}]),
    ("security-unknown", [{"entry": "security-change", "symbol": "X.US", "name": "Y"}]),
    ("security-unknown", [{"entry": "security-remove", "symbol": "X.US"}]),
    ("security-unknown", [SECURITY, {"entry": "security-remove", "symbol": "X.US"},
                          {"entry": "security-change", "symbol": "X.US", "name": "Y"}]),
    ("security-known", [SECURITY, {"entry": "security-remove", "symbol": "X.US"}, SECURITY | {"name": "Y"}]),
    ("conflict", [SECURITY, SECURITY | {"name": "Y"}]),
    ("toml", [AGENT | {"toml_config": "a ="}]),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "entries"), WRONG, ids=[f"{n}-{rule}" for n, (rule, _) in enumerate(WRONG)])
def test_what_breaks_a_rule_is_refused_by_its_name_and_nothing_is_recorded(
    ledger: Ledger, rule: str, entries: list[Fields]
) -> None:
    refused(ledger, *entries, rule=rule)
    # The entries before it are right, and each of them alone is recorded.
    for entry in entries[:-1]:
        assert ledger.record(entry).status == "recorded"
    refused(ledger, entries[-1], rule=rule)


def test_every_rule_has_a_case() -> None:
    assert set(HINTS) == {rule for rule, _ in WRONG}


RIGHT: list[Fields] = [
    trade("A"), trade("B", "SELL", "4", currency_rate="1.05", fee="1"), trade(None, key="k"), CORE_CASH, SATELLITE, BUDGET,
    {"entry": "withdrawal", "transaction_id": "W", "amount": "1", "currency": "EUR"},
    {"entry": "fee", "order_id": "A", "amount": "1", "currency": "EUR"},
    {"entry": "interest", "key": "i", "amount": "1", "currency": "EUR"},
    {"entry": "dividend", "symbol": "AAPL.US", "amount": "1", "currency": "USD", "transaction_id": "V", "at": "2026-01-05"},
    {"entry": "split", "symbol": "AAPL.US", "numerator": "2", "denominator": "1", "date": "2026-11-20"},
    SECURITY, {"entry": "security-change", "symbol": "X.US", "name": "Y", "isin": "US0378331005"},
    {"entry": "security-remove", "symbol": "X.US"}, {"entry": "security-restore", "symbol": "X.US"},
    SETTING, SETTING | {"name": "risk_appetite", "value": 0.5, "satellite_id": "s1"},
    {"entry": "allocation-target", "type": "country", "name": "US", "target_pct": "0.5"},
    transfer("200"), {"entry": "bucket-change", "id": "s1", "target_pct": "0.1", "status": "accumulating"},
    {"entry": "bucket-pause", "id": "s1"}, {"entry": "bucket-resume", "id": "s1"}, AGENT,
    {"entry": "score", "symbol": "X.US", "total_score": "0.5"}, METRIC,
    {"entry": "snapshot", "date": "2026-11-20", "total_value": "100", "cash_balance": "5"},
    bar("X.US", "2026-11-20"), {"entry": "monthly-prices", "symbol": "X.US", "year_month": "2026-10", "avg_close": 5.5},
    {"entry": "exchange-rate", "from_currency": "USD", "rate": "1.05"},
    ADVICE, {"entry": "recommendation-outcome", "uuid": "u1", "status": "executed"},
    {"entry": "correct", "what": "A", "changes": {"price": "99", "at": "2026-11-19T10:00:00Z"}},
    {"entry": "bucket-open", "id": "s3", "name": "T"}, {"entry": "bucket-pause", "id": "s3"},
    {"entry": "bucket-retire", "id": "s3"}, {"entry": "void", "what": "setting:x"},
]  # fmt: skip


def test_every_kind_of_entry_is_recorded_one_by_one_and_all_at_once(tmp_path: Path) -> None:
    assert {tag_of(kind) for kind in KINDS} == {str(one["entry"]) for one in RIGHT}
    with opened(tmp_path / "singly") as singly:
        for entry in RIGHT:
            assert singly.record(entry).status == "recorded", entry
    with opened(tmp_path / "at once") as at_once:
        assert [one.status for one in at_once.record(RIGHT).entries] == ["recorded"] * len(RIGHT)
    told = [sorted(map(str, events(tmp_path / name))) for name in ("singly", "at once")]
    assert told[0] == told[1]


LATER_MEANS_OTHERWISE = {
    "bucket-pause",
    "bucket-resume",
    "setting",
    "security-remove",
    "security-restore",
    "bucket-change",
}
"""What these said no longer holds after RIGHT, so the same words are news again."""


def test_the_same_entries_again_append_nothing(tmp_path: Path) -> None:
    with opened(tmp_path / "home") as ledger:
        ledger.record(RIGHT)
        before = count(tmp_path / "home")
        for entry in RIGHT:
            if entry["entry"] not in LATER_MEANS_OTHERWISE:
                assert ledger.record(entry).status == "already there", entry
        assert count(tmp_path / "home") == before


def test_a_change_said_twice_at_once_appends_nothing_the_second_time(ledger: Ledger) -> None:
    ledger.record([SATELLITE, SECURITY, CORE_CASH])
    for entry in RIGHT:
        if entry["entry"] in LATER_MEANS_OTHERWISE and entry.get("id") != "s3":
            ledger.record(entry)
            assert ledger.record(entry).status == "already there", entry


def test_the_same_order_id_with_other_content_names_field_recorded_and_given(ledger: Ledger) -> None:
    ledger.record(trade("A"))
    with pytest.raises(Conflict) as caught:
        ledger.record(trade("A", price="101", fee="2"))
    assert [tuple(one) for one in caught.value.differences] == [("price", 100, 101), ("fee", None, 2)]
    assert "price: recorded 100, given 101" in str(caught.value)


def test_the_same_key_with_other_content_names_the_difference_even_when_the_value_changed_since(ledger: Ledger) -> None:
    ledger.record(SETTING | {"key": "k"})
    ledger.record(SETTING | {"value": "2"})
    assert ledger.record(SETTING | {"key": "k"}).status == "already there"
    error = refused(ledger, SETTING | {"value": "3", "key": "k"}, rule="conflict")
    assert "value: recorded 1, given 3" in str(error)


def test_a_retry_after_a_correction_or_a_void_is_already_there(ledger: Ledger) -> None:
    ledger.record([trade("A"), {"entry": "correct", "what": "A", "changes": {"price": "99"}}])
    assert ledger.record(trade("A")).status == "already there"
    assert ledger.record(trade("A", price="99")).status == "already there"
    ledger.record({"entry": "void", "what": "A"})
    assert ledger.record(trade("A")).status == "already there"
    assert ledger.record({"entry": "void", "what": "A"}).status == "already there"


def test_numbers_that_are_equal_are_the_same_however_they_are_written(ledger: Ledger) -> None:
    ledger.record(trade("A", quantity="10.0"))
    assert ledger.record(trade("A", quantity=10)).status == "already there"
    assert ledger.record(trade("A", quantity="1E+1")).status == "already there"


def test_a_short_sale_is_allowed_when_asked_for_and_marked_only_when_it_is_one(ledger: Ledger, tmp_path: Path) -> None:
    ledger.record([trade("A"), trade("B", "SELL", "4"), trade("C", "SELL", "7")], allow_short=True)
    told = {stream: content.get("short") for stream, _, content in events(tmp_path / "home", "trade:")}
    assert told == {"trade:A": None, "trade:B": None, "trade:C": 1}
    assert ledger.record(trade("C", "SELL", "7")).status == "already there"


def test_a_split_changes_how_many_shares_may_be_sold(ledger: Ledger) -> None:
    split = {"entry": "split", "symbol": "AAPL.US", "numerator": "4", "denominator": "1", "date": "2026-01-02"}
    ledger.record([trade("A", at="2026-01-01T00:00:00Z"), split, trade("B", "SELL", "40")])
    refused(ledger, {"entry": "void", "what": "split:AAPL.US:2026-01-02"}, rule="oversell")


def test_research_trades_and_currency_exchanges_hold_nothing(ledger: Ledger) -> None:
    ledger.record(
        [trade("A", "SELL", mode="research"), trade("B", "SELL", symbol="USD/EUR"), trade("RESEARCH_1", "SELL")]
    )
    refused(ledger, trade("C", "SELL"), rule="oversell")


def test_transfers_move_cash_and_a_corrected_or_voided_deposit_moves_its_bucket(ledger: Ledger, tmp_path: Path) -> None:
    def balance(bucket: str) -> str:
        return str(events(tmp_path / "home", f"bucket-balance:{bucket}:EUR")[-1][2]["balance"])

    ledger.record([SATELLITE, CORE_CASH, BUDGET, transfer("150.5")])
    assert (balance("core"), balance("s1")) == ("849.5", "150.5")
    ledger.record({"entry": "correct", "what": "D-1", "changes": {"amount": "900"}})
    assert balance("core") == "749.5"
    refused(ledger, {"entry": "void", "what": "D-1"}, rule="funds")
    ledger.record(transfer("150.5", to="core", from_bucket="s1", key="back"))
    ledger.record({"entry": "void", "what": "D-1"})
    assert balance("core") == "0.0"


def test_an_earlier_text_of_a_strategy_is_kept(ledger: Ledger, tmp_path: Path) -> None:
    ledger.record([AGENT, AGENT | {"toml_config": "a = 2"}, AGENT | {"toml_config": "a = 3"}])
    kept = [content["toml_config"] for _, _, content in events(tmp_path / "home", "agent-config:")]
    assert kept == ["a = 1", "a = 2"]


def test_bars_entered_together_share_a_block_and_only_new_ones_are_recorded(ledger: Ledger, tmp_path: Path) -> None:
    bars = [bar("X", f"2026-01-{day:02}") for day in range(1, 11)]
    ledger.record(bars[:6])
    done = ledger.record([*bars, bars[0] | {"close_price": 9.0}])
    assert [one.status for one in done.entries] == ["already there"] * 6 + ["recorded"] * 5
    blocks = [content["date"] for _, _, content in events(tmp_path / "home", "prices:1d:X")]
    assert blocks == [[one["date"] for one in bars[:6]], ["2026-01-01", *(one["date"] for one in bars[6:])]]


def test_a_dry_run_says_what_would_be_recorded_and_records_nothing(ledger: Ledger) -> None:
    done = ledger.record([trade("A"), trade("B", "SELL")], dry_run=True)
    assert done.positions == [1, 2]
    assert ledger.position == 0
    refused(ledger, trade("B", "SELL"), rule="oversell")


def test_one_entry_of_several_that_breaks_a_rule_is_named_by_its_number(ledger: Ledger) -> None:
    error = refused(ledger, trade("A"), trade("B", "SELL", "11"), rule="oversell")
    assert error.message.startswith("entry 2: oversell: 1 shares of AAPL.US")


def test_a_clock_that_went_backwards_does_not_reorder_what_was_recorded(tmp_path: Path) -> None:
    from tests.entries.given import NOW

    home = tmp_path / "home"
    with opened(home) as ledger:
        ledger.record(trade("A"))
    with opened(home, clock=lambda: NOW.replace(year=2020)) as ledger:
        ledger.record(trade("B", at="2019-01-01T00:00:00Z"))
        refused(ledger, trade("C", at="2026-01-01T00:00:00Z"), rule="time")
