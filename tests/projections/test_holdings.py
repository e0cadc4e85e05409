"""Positions from trades and reports: an example of each rule."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from domain.event import Event
from domain.portfolio import PositionNoLongerReported, PositionReconciled, PositionReported
from domain.prices import ExchangeRateQuoted
from domain.trading import TradeCorrected, TradeExecuted, TradeVoided
from projections.portfolio import projector
from tests.projections.folded import Given, rows, tables

DAY = "2025-01-0{}T10:00:00.000000Z"
Row = dict[str, Any]  # a row of positions, by column


def trade(side: str, quantity: str, price: str, day: int, **more: Any) -> TradeExecuted:
    fields: Row = {"symbol": "AIR.EU", "currency": "EUR", "side": side, "occurred_at": DAY.format(day), **more}
    return TradeExecuted(quantity=Decimal(quantity), price=Decimal(price), **fields)


def report(**more: Any) -> PositionReported:
    fields: Row = {
        "symbol": "AIR.EU", "quantity": Decimal(6), "avg_price": Decimal("101.5"), "currency": "EUR",
        "occurred_at": DAY.format(8), **more,
    }  # fmt: skip
    return PositionReported(**fields)


def denial(**more: Any) -> PositionReconciled:
    fields: Row = {
        "symbol": "AIR.EU",
        "derived_quantity": Decimal(6),
        "difference": Decimal(-6),
        "reason": "not held",
        **more,
    }
    return PositionReconciled(**fields)


def usd_rate(rate: str, day: int, **more: Any) -> ExchangeRateQuoted:
    return ExchangeRateQuoted(
        from_currency="USD", to_currency="EUR", rate=Decimal(rate), occurred_at=DAY.format(day), **more
    )


def positions(*events: Event | Given) -> list[Row]:
    facts = [one if isinstance(one, Given) else Given(f"thing:{n}", one) for n, one in enumerate(events)]
    whole = rows(projector, "positions", facts)
    assert rows(projector, "positions", *[[fact] for fact in facts]) == whole
    return whole


def only(*events: Event | Given) -> Row:
    (row,) = positions(*events)
    return row


BUY_10 = trade("BUY", "10", "100", 1)
SELL_4 = trade("SELL", "4", "120", 2)


def test_trades_without_a_report_show_what_they_add_up_to() -> None:
    row = only(BUY_10, SELL_4)
    assert (row["quantity"], row["avg_price"], row["cost_basis_eur"]) == (6.0, 100.0, 600.0)
    assert (row["first_bought_at"], row["last_sold_at"], row["last_updated"]) == (
        DAY.format(1), DAY.format(2), DAY.format(2)
    )  # fmt: skip
    assert row["computed"] == "quantity,avg_price,last_updated,first_bought_at,last_sold_at,cost_basis_eur"
    assert row["current_price"] is row["market_value_eur"] is row["unrealized_pnl"] is None


def test_what_is_sold_out_is_not_shown() -> None:
    assert positions(BUY_10, SELL_4, trade("SELL", "6", "130", 3)) == []


def test_selling_more_than_is_held_leaves_nothing() -> None:
    row = only(BUY_10, trade("SELL", "12", "130", 2), trade("BUY", "5", "90", 3))
    assert (row["quantity"], row["avg_price"], row["first_bought_at"]) == (5.0, 90.0, DAY.format(1))


def test_a_report_is_shown_exactly_and_beside_it_what_the_trades_say() -> None:
    row = only(BUY_10, SELL_4, report(first_bought_at="2024-01-01", currency_rate=Decimal(1)))
    assert (row["quantity"], row["avg_price"], row["first_bought_at"]) == (6.0, 101.5, "2024-01-01")
    assert (row["derived_quantity"], row["derived_avg_price"]) == (6.0, 100.0)
    assert (row["cost_basis_eur"], row["computed"]) == (609.0, "cost_basis_eur")


def test_a_report_without_trades_has_nothing_derived() -> None:
    row = only(report())
    assert (row["derived_quantity"], row["derived_avg_price"]) == (0.0, None)


def test_trades_out_of_order_count_in_the_order_of_execution() -> None:
    later_first = [trade("SELL", "4", "120", 3), trade("BUY", "10", "100", 1), trade("BUY", "2", "130", 2)]
    row = only(*later_first)
    assert (row["quantity"], row["derived_avg_price"]) == (8.0, 105.0)


def test_a_correction_replaces_the_trade_whole() -> None:
    corrected = TradeCorrected(
        symbol="SAP.EU", side="BUY", quantity=Decimal(3), price=Decimal(50), occurred_at=DAY.format(1), currency="EUR"
    )
    row = only(Given("trade:1", BUY_10), Given("trade:1", corrected))
    assert (row["symbol"], row["quantity"], row["avg_price"]) == ("SAP.EU", 3.0, 50.0)


def test_a_voided_trade_never_happened() -> None:
    facts = [
        Given("trade:1", BUY_10),
        Given("trade:2", trade("BUY", "1", "70", 2)),
        Given("trade:1", TradeVoided(reason="x")),
    ]
    row = only(*facts)
    assert (row["quantity"], row["avg_price"], row["first_bought_at"]) == (1.0, 70.0, DAY.format(2))


@pytest.mark.parametrize("more", [{"symbol": "USD/EUR"}, {"mode": "research"}, {"order_id": "RESEARCH_1"}])
def test_currency_exchanges_and_paper_trades_hold_nothing(more: Row) -> None:
    assert positions(trade("BUY", "10", "100", 1, **more)) == []
    assert tables(projector, [Given("trade:1", trade("BUY", "10", "100", 1, **more))])["holding_states"] == []


def test_what_the_broker_is_known_not_to_hold_is_not_shown() -> None:
    assert positions(BUY_10, SELL_4, denial()) == []
    assert positions(report(), BUY_10, PositionNoLongerReported(symbol="AIR.EU")) == []


def test_a_difference_in_quantity_hides_nothing() -> None:
    assert only(BUY_10, report(), denial(reported_quantity=Decimal(6)))["quantity"] == 6.0
    assert only(BUY_10, denial(reported_quantity=Decimal(6)))["quantity"] == 10.0


def test_what_was_denied_shows_again_with_a_report_an_agreement_or_a_trade() -> None:
    assert only(BUY_10, denial(), report())["quantity"] == 6.0
    assert only(BUY_10, denial(), denial(difference=Decimal(0)))["quantity"] == 10.0
    assert only(BUY_10, denial(), trade("BUY", "1", "90", 3))["quantity"] == 11.0


def test_values_in_euros_use_the_rate_of_the_report() -> None:
    row = only(
        report(currency="USD", currency_rate=Decimal("1.25"), current_price=Decimal(110), avg_price=Decimal(100))
    )
    assert [row[c] for c in ("market_value_eur", "cost_basis_eur", "unrealized_pnl")] == [528.0, 480.0, 48.0]
    assert row["unrealized_pnl_pct"] == 10.0
    assert row["computed"] == "market_value_eur,cost_basis_eur,unrealized_pnl,unrealized_pnl_pct"


def test_values_that_the_report_gives_are_never_computed() -> None:
    row = only(report(current_price=Decimal(110), market_value_eur=Decimal(1), cost_basis_eur=Decimal(2)))
    assert (row["market_value_eur"], row["cost_basis_eur"]) == (1.0, 2.0)
    assert row["computed"] == "unrealized_pnl,unrealized_pnl_pct"


@pytest.mark.parametrize("rate", [None, Decimal(1), Decimal(0), Decimal(-2)])
def test_a_rate_that_is_none_or_a_fallback_converts_nothing(rate: Decimal | None) -> None:
    row = only(report(currency="USD", currency_rate=rate, current_price=Decimal(110)), usd_rate("1.1", 7))
    assert row["market_value_eur"] is row["cost_basis_eur"] is row["unrealized_pnl"] is None
    assert row["computed"] == "unrealized_pnl_pct"


def test_a_quote_of_the_day_of_the_report_converts_whenever_it_comes() -> None:
    dollars = report(currency="USD", avg_price=Decimal(55), quantity=Decimal(2))
    assert only(usd_rate("1.1", 8), dollars)["cost_basis_eur"] == 100.0
    assert only(dollars, usd_rate("1.1", 8))["cost_basis_eur"] == 100.0
    assert only(dollars, usd_rate("1.0", 7), usd_rate("1.2", 9))["cost_basis_eur"] is None


def test_the_newest_quote_of_a_day_counts_and_on_a_tie_its_proper_home() -> None:
    dollars = report(currency="USD", avg_price=Decimal(55), quantity=Decimal(2))
    copied, proper = usd_rate("2", 8, copy="cache.db/exchange_rates"), usd_rate("1.1", 8)
    assert only(dollars, copied, proper)["cost_basis_eur"] == 100.0
    assert only(dollars, proper, copied)["cost_basis_eur"] == 100.0


def test_an_average_price_of_zero_is_no_gain() -> None:
    assert only(report(avg_price=Decimal(0), current_price=Decimal(5)))["unrealized_pnl_pct"] == 0.0


def test_numbers_too_large_for_eight_decimals_stop_nothing() -> None:
    assert only(report(quantity=Decimal("1e200"), avg_price=Decimal("1e90")))["cost_basis_eur"] == 1e290


def test_an_unreported_position_takes_currency_and_rate_from_its_newest_trade() -> None:
    dollars = {"currency": "USD", "currency_rate": Decimal("1.25"), "isin": "US1", "bucket_id": "core"}
    row = only(trade("BUY", "10", "100", 1, **dollars), trade("BUY", "10", "100", 2, currency=None))
    assert (row["currency"], row["currency_rate"], row["isin"], row["bucket_id"]) == ("USD", 1.25, "US1", "core")
    assert row["cost_basis_eur"] == 1600.0


def test_a_corrected_trade_keeps_its_place_among_trades_of_the_same_second() -> None:
    bought, sold = Given("trade:1", trade("BUY", "10", "100", 1)), Given("trade:2", trade("SELL", "4", "120", 1))
    corrected = TradeCorrected(
        symbol="AIR.EU", side="BUY", quantity=Decimal(5), price=Decimal(100), occurred_at=DAY.format(1), currency="EUR"
    )
    assert only(bought, sold, Given("trade:1", corrected))["quantity"] == 1.0


def test_a_trade_whose_time_nobody_knows_counts_last_and_dates_nothing() -> None:
    timeless = trade("SELL", "4", "120", 1, occurred_at=None)
    row = only(timeless, BUY_10)
    assert (row["quantity"], row["last_updated"], row["last_sold_at"]) == (6.0, DAY.format(1), None)


def test_a_rate_to_another_currency_converts_nothing() -> None:
    dollars = report(currency="USD", avg_price=Decimal(55), quantity=Decimal(2))
    other = ExchangeRateQuoted(from_currency="USD", to_currency="HKD", rate=Decimal(8), occurred_at=DAY.format(8))
    assert only(dollars, other)["cost_basis_eur"] is None
