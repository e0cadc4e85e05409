"""A number that is stated again in another notation leaves the same rows: catching up, in any batches, is rebuilding."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.event import Event
from domain.money import normalised
from domain.prices import ExchangeRateQuoted
from domain.trading import (
    CashFlowBooked,
    CashFlowCorrected,
    SharesSplit,
    SharesSplitCorrected,
    TradeCorrected,
    TradeExecuted,
)
from projections.portfolio import projector
from tests.projections.folded import Given, Tables, tables
from tests.projections.gained import flow, split
from tests.projections.test_holdings import DAY, trade, usd_rate
from tests.searching import examples

NOTATIONS = ("{}", "{}.0", "{}.00", "{}E+0", "{}0E-1")


@st.composite
def facts(draw: st.DrawFn) -> Given:
    """One of few trades, splits, fees and rates, most of them stated several times, now and then otherwise."""
    number, version = draw(st.integers(1, 2)), draw(st.sampled_from([1, 1, 1, 2]))

    def said(content: int) -> Decimal:
        return Decimal(draw(st.sampled_from(NOTATIONS)).format(content))

    event: Event
    match draw(st.sampled_from(["trade", "trade", "trade", "split", "fee", "rate"])):
        case "trade":
            made: type[TradeExecuted] = draw(st.sampled_from([TradeExecuted, TradeCorrected]))
            event = made(
                symbol="AIR.EU", side="SELL" if number == 2 else "BUY", quantity=said(4 - number), price=said(100),
                currency="USD", currency_rate=said(version + 1) if number == 1 else None, occurred_at=DAY.format(version),
                fee=said(version) if number == 1 else None, fee_currency="EUR", short=version - 1,
            )  # fmt: skip
            return Given(f"trade:{number}", event)
        case "split":
            divided: type[SharesSplit] = draw(st.sampled_from([SharesSplit, SharesSplitCorrected]))
            day = DAY.format(version)[:10]
            event = divided(symbol="AIR.EU", numerator=said(2), denominator=said(1), occurred_at=day)
            return Given("split:1", event)
        case "fee":
            booked: type[CashFlowBooked] = draw(st.sampled_from([CashFlowBooked, CashFlowCorrected]))
            return flow("2", str(said(version)), event=booked)
        case _:
            return Given("rate:1", usd_rate(str(said(version + 1)), 1))


@settings(max_examples=examples(25), deadline=None)
@given(history=st.lists(facts(), max_size=14), cuts=st.lists(st.integers(0, 14), max_size=5))
def test_catching_up_in_any_batches_leaves_what_rebuilding_leaves(history: list[Given], cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(history)]
    pieces = [history[start:end] for start, end in pairwise(places)]
    assert tables(projector, *pieces) == tables(projector, history)


RATE = usd_rate("2", 1)
FEE = flow("1", "2")
AGAIN: dict[str, Sequence[Event | Given]] = {
    "trade": [trade("BUY", "3", "100", 1), trade("BUY", "3.0", "1E+2", 1)],
    "fee of its own": [trade("BUY", "3", "5", 1, fee=Decimal(1)), trade("BUY", "3", "5", 1, fee=Decimal("1.00"))],
    "rate of its own": [
        trade("BUY", "3", "5", 1, currency="USD", currency_rate=Decimal(number)) for number in ("2", "2.0")
    ],
    "split": [
        split(4, 2, 2),
        SharesSplitCorrected(
            symbol="AIR.EU", occurred_at=DAY.format(2)[:10], numerator=Decimal("4.0"), denominator=Decimal("2.00")
        ),
    ],
    "booked fee": [FEE, flow("1", "2.00", event=CashFlowCorrected)],
    "quoted rate": [RATE, ExchangeRateQuoted(**{**{name: getattr(RATE, name) for name in RATE.__struct_fields__},
                                                "rate": Decimal("2.00")})],
}  # fmt: skip


@pytest.mark.parametrize("restated", AGAIN.values(), ids=AGAIN)
def test_each_number_may_be_restated_in_another_notation(restated: Sequence[Event | Given]) -> None:
    def told(one: Event | Given) -> Given:
        return one if isinstance(one, Given) else Given("fact:1", one)

    bought = Given("trade:1", trade("BUY", "3.0", "7", 1, currency="USD"))
    sold = Given("trade:9", trade("SELL", "1", "9.0", 3, currency="USD"))
    history = [bought, told(restated[0]), sold, told(restated[1])]
    caught_up: Tables = tables(projector, *[[one] for one in history])
    assert caught_up == tables(projector, history)
    assert caught_up == tables(projector, history[:2], history[2:])


def test_a_number_has_one_notation() -> None:
    same = {
        "3": ["3", "3.0", "3E+0", "30E-1", "0.3E1"],
        "300": ["3E+2", "300.00"],
        "0": ["0", "-0.0", "0E+5", "0.000"],
        "-0.001": ["-0.001", "-1E-3", "-0.0010"],
        "1234567890123456789012345678901.5": ["1234567890123456789012345678901.50"],
    }
    found = {text: {str(normalised(Decimal(one))) for one in told} for text, told in same.items()}
    assert found == {text: {text} for text in same}
