"""Lots and realised gains: an example of each rule about shares, told as trades and the rows they leave."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.trading import SharesSplitCorrected, SharesSplitVoided, TradeCorrected, TradeVoided
from tests.projections.folded import Given
from tests.projections.gained import AMOUNTS, gains, lots, picked, read, split, told, without_places
from tests.projections.test_holdings import BUY_10, DAY, SELL_4, Row, report, trade
from tests.searching import examples

shares = st.decimals("0.01", "500", places=3)
BUY_10_AT_130 = trade("BUY", "10", "130", 2)


def test_a_sale_closes_the_oldest_lots_first_and_the_pool_at_its_average() -> None:
    events = (BUY_10, BUY_10_AT_130, trade("SELL", "15", "140", 5))
    first, second = gains("fifo", *events)
    assert picked(first, *AMOUNTS) == (10.0, 1400.0, 1000.0, 0.0, 400.0)
    assert picked(second, *AMOUNTS) == (5.0, 700.0, 650.0, 0.0, 50.0)
    assert picked(first, "opened_at", "holding_days", "closed_at", "part") == (DAY.format(1), 4, DAY.format(5), 1)
    assert picked(second, "opened_at", "holding_days", "opened_position", "part") == (DAY.format(2), 3, 2, 2)
    (pooled,) = gains("average", *events)
    assert picked(pooled, *AMOUNTS) == (15.0, 2100.0, 1725.0, 0.0, 375.0)
    assert picked(pooled, "opened_at", "holding_days", "opened_position", "reason") == (None, None, None, None)


def test_a_lot_keeps_what_it_was_and_says_what_is_left() -> None:
    opened, partly = lots(BUY_10, BUY_10_AT_130, trade("SELL", "15", "140", 5))
    assert picked(opened, "side", "quantity", "remaining", "remaining_cost", "closed_at") == (
        "long", 10.0, 0.0, 0.0, DAY.format(5)
    )  # fmt: skip
    assert picked(partly, "quantity", "price", "cost", "remaining", "remaining_cost", "remaining_cost_eur") == (
        10.0, 130.0, 1300.0, 5.0, 650.0, 650.0
    )  # fmt: skip
    assert partly["closed_at"] is None


def test_partial_fills_are_lots_of_their_own_and_add_up_to_the_whole_cost() -> None:
    fills = [trade("BUY", "1", "10", 1), trade("BUY", "2", "10.01", 1), trade("SELL", "0.7", "11", 2)]
    thirds = [*fills, trade("SELL", "0.7", "11", 2), trade("SELL", "1.6", "11", 2)]
    assert len(lots(*fills)) == 2
    for method in ("fifo", "average"):
        assert sum(row["cost"] for row in gains(method, *thirds)) == pytest.approx(30.02, abs=1e-12)


def test_shares_sold_that_were_not_held_have_no_cost_and_no_gain() -> None:
    closed, oversold = gains("fifo", BUY_10, trade("SELL", "12", "130", 2))
    assert picked(closed, "quantity", "gain", "reason") == (10.0, 300.0, None)
    assert picked(oversold, *AMOUNTS, "reason") == (2.0, 260.0, None, 0.0, None, "oversold")
    assert len(lots(BUY_10, trade("SELL", "12", "130", 2))) == 1
    (_, pooled) = gains("average", BUY_10, trade("SELL", "12", "130", 2))
    assert picked(pooled, "quantity", "gain_eur", "reason") == (2.0, None, "oversold")


def test_a_purchase_after_an_oversale_starts_anew() -> None:
    events = (trade("SELL", "5", "100", 1), trade("BUY", "5", "90", 2), trade("SELL", "5", "95", 3))
    assert [picked(row, "gain", "reason") for row in gains("fifo", *events)] == [(None, "oversold"), (25.0, None)]


def test_a_short_sale_opens_a_lot_that_a_purchase_closes() -> None:
    short = trade("SELL", "5", "100", 1, short=1)
    (open_lot,) = lots(short)
    assert picked(open_lot, "side", "remaining", "cost") == ("short", 5.0, 500.0)
    for method in ("fifo", "average"):
        (row,) = gains(method, short, trade("BUY", "5", "80", 3))
        assert picked(row, "side", *AMOUNTS) == ("short", 5.0, 500.0, 400.0, 0.0, 100.0)


def test_what_is_owed_is_shown_as_a_negative_position() -> None:
    shorts = [trade("SELL", "5", "100", 1, short=1), trade("SELL", "5", "120", 2, short=1), trade("BUY", "2", "90", 3)]
    (position,) = told(*shorts)["positions"]
    assert picked(position, "quantity", "avg_price", "cost_basis_eur", "realized_pnl") == (-8.0, 110.0, -880.0, 40.0)
    assert told(*shorts, trade("BUY", "8", "90", 4))["positions"] == []


def test_selling_more_of_what_is_owed_without_saying_so_is_an_oversale() -> None:
    found = told(trade("SELL", "5", "100", 1, short=1), trade("SELL", "3", "110", 2))
    assert [picked(lot, "side", "remaining") for lot in found["lots"]] == [("short", 5.0)]
    assert {picked(row, "quantity", "reason") for row in found["realized_gains"]} == {(3.0, "oversold")}
    assert [position["quantity"] for position in found["positions"]] == [-5.0]


def test_a_flip_closes_all_and_opens_the_other_side_with_the_rest() -> None:
    flip = trade("SELL", "15", "120", 2, short=1)
    (closed,) = gains("fifo", BUY_10, flip)
    assert picked(closed, "side", "quantity", "gain") == ("long", 10.0, 200.0)
    assert [picked(lot, "side", "quantity", "remaining") for lot in lots(BUY_10, flip)] == [
        ("long", 10.0, 0.0), ("short", 5.0, 5.0)
    ]  # fmt: skip
    back = trade("BUY", "8", "110", 3)
    assert [picked(row, "side", "gain") for row in gains("average", BUY_10, flip, back)] == [
        ("long", 200.0), ("short", 50.0)
    ]  # fmt: skip
    (position,) = told(BUY_10, flip, back)["positions"]
    assert picked(position, "quantity", "avg_price", "realized_pnl") == (3.0, 110.0, 250.0)


def test_a_split_changes_the_shares_and_not_what_they_cost() -> None:
    events = (BUY_10, BUY_10_AT_130, split(4, 1, 3), trade("SELL", "60", "35", 4))
    assert [picked(row, "quantity", "cost", "gain") for row in gains("fifo", *events)] == [
        (40.0, 1000.0, 400.0), (20.0, 650.0, 50.0)
    ]  # fmt: skip
    assert [picked(row, "quantity", "cost") for row in gains("average", *events)] == [(60.0, 1725.0)]
    rest = lots(*events)[1]
    assert picked(rest, "quantity", "price", "cost", "remaining", "remaining_cost") == (40.0, 32.5, 1300.0, 20.0, 650.0)
    (position,) = told(*events)["positions"]
    assert picked(position, "quantity", "avg_price", "derived_quantity") == (20.0, 28.75, 20.0)


def test_a_reverse_split_that_leaves_fractions_loses_no_share_of_the_whole() -> None:
    bought = [trade("BUY", "1", "10", 1), trade("BUY", "1", "10", 1), trade("BUY", "1", "10", 1)]
    events = (*bought, split(1, 6, 2), trade("SELL", "0.5", "90", 3))
    assert [picked(row, "cost", "reason") for row in gains("fifo", *events)] == [(10.0, None)] * 3
    assert [lot["remaining"] for lot in lots(*events)] == [0.0, 0.0, 0.0]
    assert told(*events)["positions"] == []


def test_trades_on_the_day_of_a_split_are_in_new_shares() -> None:
    (position,) = told(trade("BUY", "4", "25", 2), BUY_10, split(4, 1, 2))["positions"]
    assert position["quantity"] == 44.0


def test_a_split_can_be_corrected_and_voided() -> None:
    at = "split:AIR.EU:1"
    wrong, right = split(4, 1, 3), split(2, 1, 3, event=SharesSplitCorrected)
    (corrected,) = told(BUY_10, Given(at, wrong), Given(at, right))["positions"]
    assert corrected["quantity"] == 20.0
    (voided,) = told(BUY_10, Given(at, wrong), Given(at, SharesSplitVoided(reason="x")))["positions"]
    assert voided["quantity"] == 10.0


@pytest.mark.parametrize("nonsense", [(0, 1), (1, 0), (-2, 1)])
def test_a_split_without_a_positive_ratio_changes_nothing(nonsense: tuple[int, int]) -> None:
    (position,) = told(BUY_10, split(*nonsense, 2))["positions"]
    assert position["quantity"] == 10.0


def test_trades_of_the_same_second_count_in_the_order_of_entry() -> None:
    (row,) = gains("fifo", trade("BUY", "1", "10", 1), trade("BUY", "1", "20", 1), trade("SELL", "1", "30", 1))
    assert picked(row, "gain", "holding_days") == (20.0, 0)
    assert gains("fifo", trade("SELL", "1", "30", 1), trade("BUY", "1", "10", 1))[0]["reason"] == "oversold"


def test_a_trade_whose_time_nobody_knows_counts_last() -> None:
    timeless = trade("SELL", "4", "120", 1, occurred_at=None)
    (row,) = gains("fifo", timeless, BUY_10)
    assert picked(row, "gain", "closed_at", "opened_at", "holding_days") == (80.0, None, DAY.format(1), None)
    (lot,) = lots(trade("BUY", "4", "120", 1, occurred_at=None))
    assert picked(lot, "opened_at", "remaining") == (None, 4.0)


def test_a_trade_that_comes_late_changes_the_gains_after_it() -> None:
    sold = trade("SELL", "10", "140", 5)
    assert gains("fifo", BUY_10_AT_130, sold)[0]["gain"] == 100.0
    assert [row["gain"] for row in gains("fifo", BUY_10_AT_130, sold, BUY_10)] == [400.0]


def test_a_voided_purchase_leaves_the_sale_without_a_cost() -> None:
    facts = [Given("trade:1", BUY_10), Given("trade:2", SELL_4), Given("trade:1", TradeVoided(reason="x"))]
    (row,) = gains("fifo", *facts)
    assert picked(row, "gain", "reason") == (None, "oversold")
    assert lots(*facts) == []


def test_a_corrected_price_corrects_the_gain() -> None:
    right = TradeCorrected(
        symbol="AIR.EU", side="BUY", quantity=Decimal(10), price=Decimal(110), occurred_at=DAY.format(1), currency="EUR"
    )
    facts = [Given("trade:1", BUY_10), Given("trade:2", SELL_4), Given("trade:1", right)]
    (row,) = gains("average", *facts)
    assert picked(row, "gain", "position") == (40.0, 2)


def test_a_trade_corrected_to_another_symbol_leaves_nothing_behind() -> None:
    moved = TradeCorrected(
        symbol="SAP.EU", side="BUY", quantity=Decimal(10), price=Decimal(50), occurred_at=DAY.format(1), currency="EUR"
    )
    found = told(Given("trade:1", BUY_10), Given("trade:2", SELL_4), Given("trade:1", moved))
    assert [lot["symbol"] for lot in found["lots"]] == ["SAP.EU"]
    assert {row["reason"] for row in found["realized_gains"]} == {"oversold"}


@pytest.mark.parametrize("more", [{"symbol": "USD/EUR"}, {"mode": "research"}, {"order_id": "RESEARCH_1"}])
def test_currency_exchanges_and_paper_trades_gain_nothing(more: Row) -> None:
    found = told(trade("BUY", "10", "100", 1, **more), trade("SELL", "10", "120", 2, **more))
    assert found["lots"] == found["realized_gains"] == []


@pytest.mark.parametrize("quantity", ["0", "-3"])
def test_trades_of_no_shares_open_and_close_nothing(quantity: str) -> None:
    found = told(trade("BUY", quantity, "100", 1), trade("SELL", quantity, "120", 2))
    assert found["lots"] == found["realized_gains"] == []


def test_a_gain_belongs_to_the_bucket_that_sold_and_a_lot_to_the_one_that_bought() -> None:
    events = (trade("BUY", "10", "100", 1, bucket_id="core"), trade("SELL", "4", "120", 2, bucket_id="momentum"))
    assert {row["bucket_id"] for row in told(*events)["realized_gains"]} == {"momentum"}
    assert [lot["bucket_id"] for lot in lots(*events)] == ["core"]


def test_a_position_shows_the_sum_of_its_gains_at_average_cost() -> None:
    events = (BUY_10, BUY_10_AT_130, trade("SELL", "5", "140", 3), trade("SELL", "5", "120", 4, fee=Decimal(1)))
    (position,) = told(*events, report())["positions"]
    assert picked(position, "realized_pnl", "realized_pnl_unknown", "quantity") == (149.0, 0, 6.0)
    assert picked(told(report())["positions"][0], "realized_pnl", "realized_pnl_unknown") == (0.0, 0)


def test_what_was_sold_out_and_bought_again_keeps_its_gain() -> None:
    (position,) = told(BUY_10, trade("SELL", "10", "120", 2), trade("BUY", "1", "100", 3))["positions"]
    assert position["realized_pnl"] == 200.0


@settings(max_examples=examples(20))
@given(data=st.data(), bought=st.lists(st.tuples(shares, shares, st.sampled_from(["BUY", "SELL"])), max_size=8))
def test_the_order_of_entry_does_not_matter(data: st.DataObject, bought: list[tuple[Decimal, Decimal, str]]) -> None:
    in_order = [
        Given(f"trade:{day}", trade(side, str(quantity), str(price), day))
        for day, (quantity, price, side) in enumerate(bought, 1)
    ]
    shuffled = data.draw(st.permutations(in_order))
    cut = data.draw(st.integers(0, len(bought)))
    assert unplaced(shuffled[:cut], shuffled[cut:]) == unplaced(in_order)


def unplaced(*pieces: Sequence[Given]) -> dict[str, list[Row]]:
    """The tables without the place in the log, in the order of the streams."""
    found = without_places(read(*pieces))
    return {
        table: sorted(rows, key=lambda row: (row.get("stream", ""), row.get("method", ""), row.get("part", 0)))
        for table, rows in found.items()
    }
