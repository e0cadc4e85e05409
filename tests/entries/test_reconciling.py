"""What the log says is held, beside what the broker reports: splits and short sales that were entered are no breaks."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple, cast

from hypothesis import given, settings

from domain.event import Event, encode, topic_of
from domain.portfolio import PortfolioValuationVoided, PortfolioValued
from domain.prices import ExchangeRateQuoted, ExchangeRatesVoided
from domain.satellites import BucketBalanceStated
from domain.trading import TradeCorrected, TradeExecuted
from ledger.log import Entry, Log, open_log
from projections.portfolio import projector
from replay.reconciling import holdings, reconcile
from replay.report import RunReport
from tests import legacy as old
from tests.entries.given import opened, trade
from tests.legacy import Legacy
from tests.projections.folded import Given, database
from tests.projections.test_gains_oracle import histories

NOON = "2025-01-01T12:00:00.000000Z"
SPLIT = {"entry": "split", "symbol": "AAPL.US", "numerator": "4", "denominator": "1", "date": "2025-06-01", "key": "s"}


def position_breaks(report: RunReport) -> list[tuple[str, str, str]]:
    return [(one.subject, one.expected, one.found) for one in report.breaks if one.kind == "position"]


def write(legacy: Legacy, quantity: float, avg_price: float) -> Legacy:
    """The broker's trade of ten shares at 100, and what it reports."""
    legacy.write("ledger.db", "ledger_v4", trades=[old.trade("A-1")])
    return legacy.write("state.db", "state_v4", positions=[old.position("AAPL.US", quantity, avg_price)])


def record(legacy: Legacy, *entries: dict[str, Any], **how: Any) -> None:
    with opened(legacy.home) as ledger:
        ledger.record(list(entries), **how)


def test_shares_that_were_split_are_no_break(legacy: Legacy) -> None:
    assert position_breaks(write(legacy, 40.0, 25.0).replay()) != []
    record(legacy, SPLIT)
    assert position_breaks(legacy.replay()) == []


def test_a_split_that_is_corrected_or_void_counts_as_it_is_known_now(legacy: Legacy) -> None:
    write(legacy, 20.0, 50.0).replay()
    record(legacy, SPLIT)
    told = ("AAPL.US", "40 shares at 25 from the trades", "20 shares at 50 reported")
    assert position_breaks(legacy.replay()) == [told]
    (name,) = {stream for (stream,) in legacy.ledger("SELECT stream FROM events WHERE type = 'shares-split'")}
    record(legacy, {"entry": "correct", "what": name, "changes": {"numerator": "2"}})
    assert position_breaks(legacy.replay()) == []
    record(legacy, {"entry": "void", "what": name})
    assert position_breaks(legacy.replay())[0][1] == "10 shares at 100 from the trades"


def test_shares_that_were_sold_short_are_owed_and_no_break(legacy: Legacy) -> None:
    write(legacy, -2.0, 110.0).replay()
    record(legacy, trade("B-1", "SELL", "12", price="110", at="2025-06-01T10:00:00Z"), allow_short=True)
    assert position_breaks(legacy.replay()) == []
    record(legacy, trade("B-2", "BUY", "2", price="90", at="2025-06-02T10:00:00Z"))
    assert position_breaks(legacy.replay())[0][1] == "0 shares at no price from the trades"


def test_cash_is_compared_with_what_stands_and_not_with_what_is_void(home: Path) -> None:
    def valued(day: str, cash: str) -> tuple[str, Event]:
        event = PortfolioValued(occurred_at=day, total_value=Decimal(100), cash_balance=Decimal(cash), created_at=NOON)
        return f"snapshot:{day}", event

    def quoted(day: str, rate: str) -> tuple[str, Event]:
        event = ExchangeRateQuoted(
            occurred_at=f"{day}T10:00:00.000000Z", from_currency="USD", to_currency="EUR", rate=Decimal(rate)
        )
        return "exchange-rate:USD:EUR", event

    void_day = ("snapshot:2025-01-03", PortfolioValuationVoided(occurred_at="2025-01-03", reason="x"))
    void_rate = ("exchange-rate:USD:EUR", ExchangeRatesVoided(occurred_at="2025-01-02", from_currency="USD", to_currency="EUR",
                                                              date="2025-01-02", reason="x"))  # fmt: skip
    balance = BucketBalanceStated(occurred_at="2025-01-02", bucket_id="core", currency="USD", balance=Decimal(10))
    facts: list[tuple[str, Event]] = [
        ("bucket-balance:core:USD", balance), quoted("2025-01-01", "2"), quoted("2025-01-02", "4"), valued("2025-01-02", "5"),
        valued("2025-01-03", "7"),
    ]  # fmt: skip

    def cash_breaks(*more: tuple[str, Event]) -> list[tuple[str, str, str]]:
        with open_log(home, write=True) as log:
            log.append([Entry(name, topic_of(type(event)), encode(event)) for name, event in more])
            return [(one.subject, one.expected, one.found) for one in reconcile(log)[1] if one.kind == "cash"]

    assert cash_breaks(*facts) == [("2025-01-03", "2.5 EUR in the buckets", "7 EUR reported")]
    assert cash_breaks(void_day) == [("2025-01-02", "2.5 EUR in the buckets", "5 EUR reported")]
    assert cash_breaks(void_rate) == []


class Row(NamedTuple):
    """An event as the log hands it out, as far as this needs it."""

    position: int
    stream: str
    topic: str
    state: str
    recorded_at: str


class GivenLog:
    """A log that is a list of facts with their streams."""

    def __init__(self, facts: Sequence[Given]) -> None:
        self._rows = [
            Row(number, stream, topic_of(type(event)), encode(event).decode(), "2026-01-01T00:00:00.000000Z")
            for number, (stream, event) in enumerate(facts, 1)
        ]

    def read(self, *, after: int, topics: Collection[str], limit: int) -> list[Row]:
        return [row for row in self._rows[after:] if row.topic in topics][:limit]


def test_a_trade_that_is_corrected_keeps_its_place_among_those_of_its_moment() -> None:
    bought: dict[str, Any] = {"symbol": "X", "side": "BUY", "price": Decimal(100), "occurred_at": NOON}
    sold = TradeExecuted(symbol="X", side="SELL", quantity=Decimal(1), price=Decimal(120), occurred_at=NOON)
    facts: list[Given] = [
        Given("trade:1", TradeExecuted(quantity=Decimal(1), **bought)),
        Given("trade:2", sold),
        Given("trade:1", TradeCorrected(quantity=Decimal(2), **bought)),
    ]
    assert [(at, tuple(held)) for _, at, held in holdings(cast("Log", GivenLog(facts)))] == [
        (NOON, (Decimal(1), Decimal(100), Decimal(0)))
    ]


@settings(max_examples=60, deadline=None)
@given(history=histories)
def test_what_reconciling_counts_is_what_the_read_model_holds(history: list[Given]) -> None:
    counted = {symbol: held for symbol, _, held in holdings(cast("Log", GivenLog(history)))}
    states = database(projector, history).execute("SELECT symbol, derived FROM holding_states").fetchall()
    shown = {str(symbol): json.loads(str(derived)).get("held") for symbol, derived in states}
    kept = {symbol: tuple(map(Decimal, held)) for symbol, held in shown.items() if held}
    nothing = (Decimal(0),) * 3
    for symbol in {*counted, *kept}:
        assert tuple(counted.get(symbol, nothing)) == kept.get(symbol, nothing), symbol
