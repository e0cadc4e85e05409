"""The same fact entered here and coming from the legacy system: counted once, proven, and reported when the two differ."""

from __future__ import annotations

from typing import Any

from operations.verifying import verify
from replay.report import RunReport
from tests import legacy as old
from tests.entries.given import bar, deposit, events, opened, trade
from tests.legacy import Legacy

AT = "2025-03-03T15:30:06Z"


def write(legacy: Legacy, **cells: Any) -> Legacy:
    rows = [old.trade("A-1", **cells)]
    return legacy.write("ledger.db", "ledger_v4", trades=rows, cash_flows=[old.cash_flow("C-1")])


def entry_breaks(report: RunReport) -> list[str]:
    return [f"{one.subject}: {one.expected}; {one.found}" for one in report.breaks if one.kind == "entry"]


def held(legacy: Legacy) -> list[tuple[Any, ...]]:
    return legacy.model("portfolio", "SELECT symbol, quantity, avg_price FROM positions")


def test_a_legacy_row_that_says_what_was_entered_is_counted_once_and_proven(legacy: Legacy) -> None:
    with opened(legacy.home) as ledger:
        ledger.record(trade("A-1", at=AT))
        ledger.record({"entry": "dividend", "symbol": "AAPL.US", "amount": "12.5", "currency": "USD", "at": "2025-03-04",
                       "transaction_id": "C-1"})  # fmt: skip
    report = write(legacy).replay()
    assert entry_breaks(report) == []
    assert held(legacy) == [("AAPL.US", 10.0, 100.0)]
    assert legacy.ledger("SELECT count(*) FROM trades") == [(1,)]
    assert legacy.ledger("SELECT count(*) FROM cash_flows") == [(1,)]
    assert verify(legacy.home, "all", repair=False, tell=lambda *_: None).exit_code == 0
    assert legacy.replay().events_appended == 0


def test_a_legacy_row_that_says_otherwise_counts_and_is_a_break_until_somebody_settles_it(legacy: Legacy) -> None:
    with opened(legacy.home) as ledger:
        ledger.record(trade("A-1", quantity="7", at=AT))
    report = write(legacy).replay()
    assert entry_breaks(report) == ["trade:A-1: entered: quantity 7; legacy: quantity 10.0"]
    assert report.exit_code == 1
    assert held(legacy) == [("AAPL.US", 10.0, 100.0)]
    assert entry_breaks(legacy.replay()) != []
    with opened(legacy.home) as ledger:
        ledger.record({"entry": "correct", "what": "A-1", "changes": {"quantity": "7"}})
    assert entry_breaks(legacy.replay()) == []
    assert held(legacy) == [("AAPL.US", 7.0, 100.0)]


def test_a_legacy_row_of_something_that_was_void_is_a_break(legacy: Legacy) -> None:
    with opened(legacy.home) as ledger:
        ledger.record(trade("A-1", at=AT))
        ledger.record({"entry": "void", "what": "A-1"})
    assert entry_breaks(write(legacy).replay()) == ["trade:A-1: entered: void; legacy: the row is there"]


def test_an_entry_of_what_a_legacy_row_said_before_appends_nothing(legacy: Legacy) -> None:
    write(legacy, currency="USD", value_eur=950.0, bucket_id="core").replay()
    before = legacy.ledger("SELECT count(*) FROM stored_events")
    with opened(legacy.home) as ledger:
        assert ledger.record(trade("A-1")).status == "already there"
        assert ledger.record(trade("A-1", at=AT)).status == "already there"
    assert legacy.ledger("SELECT count(*) FROM stored_events") == before


def test_what_was_corrected_or_voided_here_stays_so_when_the_legacy_row_comes_again_unchanged(legacy: Legacy) -> None:
    write(legacy).replay()
    with opened(legacy.home) as ledger:
        ledger.record({"entry": "correct", "what": "A-1", "changes": {"price": "99"}})
        ledger.record({"entry": "void", "what": "C-1"})
    report = legacy.replay()
    assert report.events_appended == 0
    assert held(legacy) == [("AAPL.US", 10.0, 99.0)]
    assert legacy.ledger("SELECT count(*) FROM cash_flows") == [(0,)]
    assert verify(legacy.home, "sources", repair=False, tell=lambda *_: None).exit_code == 0


def test_entered_cash_and_legacy_cash_have_streams_of_the_same_names(legacy: Legacy) -> None:
    with opened(legacy.home) as ledger:
        ledger.record(deposit("C-1"))
    report = write(legacy).replay()
    assert len(events(legacy.home, "cash-flow:")) == 2
    assert "amount 1000" in entry_breaks(report)[0]


def test_what_an_entry_said_and_the_legacy_row_leaves_out_stays(legacy: Legacy) -> None:
    with opened(legacy.home) as ledger:
        ledger.record(trade("A-1", "SELL", at=AT, fee="1.50"), allow_short=True)
    write(legacy, side="SELL").replay()
    assert {(one[2].get("short"), one[2].get("fee")) for one in events(legacy.home, "trade:A-1")} == {(1, "1.50")}
    assert legacy.replay().events_appended == 0


def test_a_bar_that_was_entered_is_shown_and_the_replay_is_proven_all_the_same(legacy: Legacy) -> None:
    legacy.write("config.db", "config_v12", securities=[old.security("AAPL.US")])
    legacy.write("history/AAPL_US.db", "history_v1", daily_prices=[old.bar("2025-03-03"), old.bar("2025-03-04")])
    legacy.replay()
    with opened(legacy.home) as ledger:
        same = ledger.record(bar("AAPL.US", "2025-03-03", 10.0, open_price=10.0, high_price=10.0, low_price=10.0,
                                 volume=1000, source="yahoo"))  # fmt: skip
        assert same.status == "already there"
        ledger.record(bar("AAPL.US", "2025-03-03", 11.0))
    assert legacy.replay().events_appended == 0
    closes = legacy.model("history", "SELECT date, close_price FROM daily_prices ORDER BY date")
    assert closes == [("2025-03-03", 11.0), ("2025-03-04", 10.0)]


def test_every_kind_of_entry_uses_the_stream_of_its_legacy_table(legacy: Legacy) -> None:
    folder = legacy.write("config.db", "config_v12", settings=[{"key": "a", "value": "1", "updated_at": old.NOW}],
        allocation_targets=[{"type": "country", "name": "US", "target_pct": 0.5, "created_at": old.NOW, "updated_at": old.NOW}],
        securities=[old.security("AAPL.US", min_lot=1, active=1, allow_buy=1, allow_sell=1)])  # fmt: skip
    folder.write("calculations.db", "calculations_v3", scores=[old.score("AAPL.US", "2025-01-01T00:00:00Z")],
        calculated_metrics=[{"symbol": "AAPL.US", "metric": "RSI_14", "value": 50.0, "calculated_at": "2025-01-01T00:00:00Z",
                             "source": "calculated"}])  # fmt: skip
    folder.write("snapshots.db", "snapshots_v2", portfolio_snapshots=[old.snapshot("2025-01-01", 100.0)])
    folder.write("rates.db", "rates_v1", exchange_rates=[old.rate("USD", 1.05, "2025-01-01T00:00:00Z")])
    folder.replay()
    before = len(events(legacy.home))
    entries: list[dict[str, Any]] = [
        {"entry": "setting", "name": "a", "value": "1"},
        {"entry": "allocation-target", "type": "country", "name": "US", "target_pct": "0.5"},
        {"entry": "score", "symbol": "AAPL.US", "total_score": "0.5"},
        {"entry": "metric", "symbol": "AAPL.US", "metric": "RSI_14", "value": "50"},
        {"entry": "snapshot", "date": "2025-01-01", "total_value": "100", "cash_balance": "1"},
        {"entry": "exchange-rate", "from_currency": "USD", "rate": "1.05", "expires_at": "2025-01-01T00:00:00Z"},
        {"entry": "security", "symbol": "AAPL.US", "name": "AAPL.US Inc.", "currency": "USD", "product_type": "EQUITY"},
    ]
    with opened(legacy.home) as ledger:
        for entry in entries:
            assert ledger.record(entry).status == "already there", entry
    assert len(events(legacy.home)) == before
