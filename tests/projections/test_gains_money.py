"""Realised gains: an example of each rule about fees, rates and currencies."""

from __future__ import annotations

from decimal import Decimal

import pytest

from domain.event import Event
from domain.trading import CashFlowCorrected, CashFlowVoided
from tests.projections.folded import Given
from tests.projections.gained import AMOUNTS, DOLLARS, EUROS, flow, gains, lots, picked, told
from tests.projections.test_holdings import BUY_10, DAY, SELL_4, trade, usd_rate


def test_fees_of_both_sides_lower_the_gain_in_proportion_to_the_shares() -> None:
    events = (
        trade("BUY", "10", "100", 1, fee=Decimal(5)), trade("SELL", "4", "120", 2, fee=Decimal(3), fee_currency="EUR"),
        trade("SELL", "6", "120", 3),
    )  # fmt: skip
    for method in ("fifo", "average"):
        assert [picked(row, *AMOUNTS) for row in gains(method, *events)] == [
            (4.0, 480.0, 400.0, 5.0, 75.0), (6.0, 720.0, 600.0, 3.0, 117.0)
        ]  # fmt: skip
    assert picked(lots(*events)[0], "cost", "fee", "fee_eur") == (1000.0, 5.0, 5.0)


def test_a_short_gain_is_lowered_by_fees_too() -> None:
    short = trade("SELL", "5", "100", 1, short=1, fee=Decimal(2))
    (row,) = gains("fifo", short, trade("BUY", "5", "80", 3, fee=Decimal(1)))
    assert picked(row, "fees", "gain", "gain_eur") == (3.0, 97.0, 97.0)


@pytest.mark.parametrize("place", range(4))
def test_a_booked_fee_finds_its_trade_whenever_it_comes(place: int) -> None:
    events: list[Given] = [
        Given("trade:7", BUY_10),
        Given("trade:8", SELL_4),
        Given("trade:9", trade("SELL", "6", "1", 3)),
    ]
    events.insert(place, flow("7", "5"))
    assert [row["fees"] for row in gains("fifo", *events)] == [2.0, 3.0]


def test_a_booked_fee_is_known_by_the_order_in_its_id() -> None:
    trades = (Given("trade:7", BUY_10), Given("trade:8", SELL_4))
    for named in ({"transaction_id": "8_fee"}, {"transaction_id": "trade_fee_8", "transaction_type": None}):
        assert gains("average", *trades, flow("x", "5", **named))[0]["fees"] == 5.0
    for other in (
        {"transaction_id": "8_fee", "transaction_type": "withdrawal_fee"}, {"transaction_id": "88_fee"},
        {"transaction_id": "trade_fee_"}, {"status_c": 4}, {"status": "processing"},
    ):  # fmt: skip
        assert gains("average", *trades, flow("8", "5", **other))[0]["fees"] == 0.0


def test_a_booked_fee_can_be_corrected_and_voided() -> None:
    trades = (Given("trade:7", BUY_10), Given("trade:8", SELL_4), flow("8", "5"))
    assert gains("fifo", *trades, flow("8", "6", event=CashFlowCorrected))[0]["fees"] == 6.0
    other = flow("8", "5", event=CashFlowCorrected, transaction_id="trade_fee_7")
    assert gains("fifo", *trades, other)[0]["fees"] == 2.0
    assert gains("fifo", *trades, Given("cash-flow:8", CashFlowVoided(reason="x")))[0]["fees"] == 0.0


def test_the_fee_that_a_trade_states_is_not_counted_again_when_it_is_booked() -> None:
    sold = Given("trade:8", trade("SELL", "4", "120", 2, fee=Decimal(3)))
    assert gains("fifo", Given("trade:7", BUY_10), sold, flow("8", "3"))[0]["fees"] == 3.0


def test_each_side_is_in_euros_at_the_rate_of_its_own_day() -> None:
    bought = trade("BUY", "10", "100", 1, **DOLLARS, currency_rate=Decimal("1.25"))
    sold = trade("SELL", "10", "100", 2, **DOLLARS)
    (row,) = gains("fifo", bought, sold, usd_rate("1", 1), usd_rate("1.6", 2))
    assert picked(row, "currency", *AMOUNTS, *EUROS, "reason") == (
        "USD", 10.0, 1000.0, 1000.0, 0.0, 0.0, 625.0, 800.0, 0.0, -175.0, None
    )  # fmt: skip


@pytest.mark.parametrize("place", range(3))
def test_a_quote_of_the_day_converts_whenever_it_comes(place: int) -> None:
    events: list[Event] = [
        trade("BUY", "10", "100", 1, **DOLLARS, currency_rate=Decimal("1.25")), trade("SELL", "10", "100", 2, **DOLLARS)
    ]  # fmt: skip
    events.insert(place, usd_rate("1.6", 2))
    assert [row["gain_eur"] for row in gains("average", *events)] == [-175.0]


@pytest.mark.parametrize("own", [None, Decimal(1)])
def test_without_a_rate_the_gain_is_known_in_its_own_currency_only(own: Decimal | None) -> None:
    events = (trade("BUY", "10", "100", 1, **DOLLARS, currency_rate=own), trade("SELL", "4", "120", 2, **DOLLARS))
    for method in ("fifo", "average"):
        (row,) = gains(method, *events, usd_rate("1.1", 3))
        assert picked(row, "gain", "gain_eur", "reason") == (80.0, None, "no-rate")
    (position,) = told(*events)["positions"]
    assert picked(position, "realized_pnl", "realized_pnl_unknown") == (0.0, 1)


def test_without_a_currency_there_is_no_gain_in_euros() -> None:
    (row,) = gains("fifo", trade("BUY", "10", "100", 1, currency=None), trade("SELL", "4", "120", 2, currency=""))
    assert picked(row, "currency", "gain", "gain_eur", "reason") == (None, 80.0, None, "no-currency")


def test_a_fee_in_another_currency_is_converted_through_euros() -> None:
    dollars = {**DOLLARS, "currency_rate": Decimal("1.25")}
    bought = trade("BUY", "10", "100", 1, **dollars)
    sold = trade("SELL", "10", "110", 2, **dollars, fee=Decimal(4), fee_currency="EUR")
    (row,) = gains("fifo", bought, sold)
    assert picked(row, "fees", "fees_eur", "gain", "gain_eur") == (5.0, 4.0, 95.0, 76.0)


def test_a_fee_that_cannot_be_converted_leaves_the_gain_unknown_until_a_rate_comes() -> None:
    bought, sold = trade("BUY", "10", "100", 1), trade("SELL", "10", "110", 2, fee=Decimal(11), fee_currency="USD")
    (row,) = gains("fifo", bought, sold)
    assert picked(row, "proceeds", "cost", "fees", "gain", "reason") == (1100.0, 1000.0, None, None, "no-rate")
    (row,) = gains("fifo", bought, sold, usd_rate("1.1", 2))
    assert picked(row, "fees", "gain", "gain_eur", "reason") == (10.0, 90.0, 90.0, None)
    booked = [Given("trade:1", bought), Given("trade:2", trade("SELL", "10", "110", 2))]
    booked.append(flow("2", "11", currency="USD", occurred_at=DAY.format(2)[:10]))
    (row,) = gains("fifo", *booked, usd_rate("1.1", 2))
    assert picked(row, "fees", "gain_eur") == (10.0, 90.0)


def test_shares_bought_in_another_currency_have_a_gain_in_euros_only() -> None:
    bought = trade("BUY", "10", "100", 1, **DOLLARS, currency_rate=Decimal("1.25"))
    for method in ("fifo", "average"):
        (row,) = gains(method, bought, trade("SELL", "10", "90", 2))
        assert picked(row, "currency", "proceeds", "cost", "gain", "cost_eur", "gain_eur", "reason") == (
            "EUR", 900.0, None, None, 800.0, 100.0, "currencies-differ"
        )  # fmt: skip
    mixed = (bought, trade("BUY", "10", "100", 2), trade("SELL", "20", "100", 3))
    (pooled,) = gains("average", *mixed)
    assert picked(pooled, "gain", "gain_eur", "reason") == (None, 200.0, "currencies-differ")
    (pooled,) = gains("average", *mixed[:2], trade("SELL", "20", "125", 3, **DOLLARS, currency_rate=Decimal("1.25")))
    assert picked(pooled, "gain", "gain_eur", "reason") == (None, 200.0, "currencies-differ")
