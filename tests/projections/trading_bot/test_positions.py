"""The trading bot's positions: the fold of its fills, whatever the batches and the order they come in."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.bot_trading import (
    BotPositionNoLongerReported,
    BotPositionReconciled,
    BotPositionReported,
    FillCorrected,
    FillRecorded,
)
from domain.event import Event, decode, encode, topic_of
from ledger.log import Entry, open_log
from projections.trading_bot.trading import projector
from replay.trading_bot.reconciling import reconcile
from tests.projections import folded
from tests.projections.folded import Given, rows, tables
from tests.trading_bot.rows import FILLS, RELIANCE
from tests.trading_bot.samples import fill


def ordered(fills: Sequence[FillRecorded]) -> list[FillRecorded]:
    return sorted((one for one in fills if one.status in (None, "FILLED")), key=lambda one: one.occurred_at or "~")


def by_lots(fills: Sequence[FillRecorded]) -> tuple[Fraction, Fraction, Fraction]:
    """Quantity, average and realised profit by other words: units are counted one by one, each at the average."""
    quantity = average = realized = Fraction(0)
    for one in ordered(fills):
        price, sign = Fraction(one.price), 1 if one.side == "BUY" else -1
        for _ in range(int(one.quantity)):
            if quantity * sign >= 0:
                average = (average * abs(quantity) + price) / (abs(quantity) + 1)
            else:
                realized += (price - average) * -sign
            quantity += sign
            average = average if quantity else Fraction(0)
    return quantity, average, realized


def position(*events: Event) -> dict[str, object]:
    (row,) = rows(projector, "positions", [Given(_stream(event), event) for event in events])
    return row


def _stream(event: Event) -> str:
    return f"bot-fill:{event.trade_id}" if isinstance(event, FillRecorded) else "bot-position:x"


def test_increase_reduce_and_flip() -> None:
    row = position(
        *(fill(name, side, quantity, price, minute=n) for n, (name, side, quantity, price) in enumerate(FILLS))
    )
    assert (row["quantity"], row["avg_entry_price"]) == (-50.0, 1445.0)
    assert row["realized_pnl"] == pytest.approx(120 * (1450.5 - 1410) + 30 * (1445 - 1410))
    assert row["updated_at"] == "2026-02-02T10:03:00.000000Z"


def test_flat_there_is_no_average() -> None:
    row = position(fill("a", "SELL", 10, 5.0), fill("b", "BUY", 10, 4.0, minute=1))
    assert (row["quantity"], row["avg_entry_price"], row["realized_pnl"]) == (0.0, 0.0, 10.0)


@pytest.mark.parametrize("status", ["REJECTED", "CANCELLED", "PENDING", " rejected "])
def test_what_was_not_filled_changes_nothing(status: str) -> None:
    row = position(fill("a", "BUY", 10, 5.0), fill("b", "BUY", 99, 9.0, minute=1, status=status))
    assert (row["quantity"], row["avg_entry_price"]) == (10.0, 5.0)


def test_a_correction_moves_a_fill_to_another_symbol() -> None:
    first, second = fill("a", "BUY", 10, 5.0), fill("b", "BUY", 1, 5.0, minute=1)
    moved = fill("a", "BUY", 4, 5.0, symbol="NSE_EQ|X", kind=FillCorrected)
    found = rows(projector, "positions", [Given(_stream(one), one) for one in (first, second, moved)])
    assert {row["symbol"]: row["quantity"] for row in found} == {RELIANCE: 1.0, "NSE_EQ|X": 4.0}


def test_what_the_bot_reported_stands_beside_until_it_is_dropped() -> None:
    said = reported("7")
    assert position(said, fill("a", "BUY", 10, 5.0))["reported_quantity"] == 7.0
    gone = BotPositionNoLongerReported(symbol=RELIANCE)
    assert position(said, fill("a", "BUY", 10, 5.0), gone)["reported_quantity"] is None
    assert rows(projector, "positions", [Given("bot-position:x", said), Given("bot-position:x", gone)]) == []


FILL = st.builds(
    fill, st.sampled_from("abcdef"), st.sampled_from(("BUY", "SELL")), st.integers(0, 12), st.sampled_from((1.0, 2.5, 3.7)),
    minute=st.none() | st.integers(0, 5), symbol=st.sampled_from((RELIANCE, "X")), kind=st.just(FillCorrected),
    status=st.sampled_from((None, "FILLED", "REJECTED")),
)  # fmt: skip


@settings(max_examples=25)
@given(history=st.lists(FILL, max_size=14), cuts=st.lists(st.integers(0, 14), max_size=3))
def test_positions_are_what_counting_units_one_by_one_gives(history: list[FillRecorded], cuts: list[int]) -> None:
    facts = [Given(_stream(one), one) for one in history]
    edges = [0, *sorted(cuts), len(facts)]
    found = tables(projector, *(facts[start:end] for start, end in pairwise(edges)))
    assert found == tables(projector, facts)
    last = {one.trade_id: one for one in history}
    places: dict[str | None, int] = {}
    for number, one in enumerate(history):
        # Of fills at an unknown time the order is that in which they began to count.
        if one.status == "REJECTED":
            places.pop(one.trade_id, None)
        else:
            places.setdefault(one.trade_id, number)
    counted = sorted(last.values(), key=lambda one: places.get(one.trade_id, 0))
    shown = {str(row["symbol"]): row for row in rows(projector, "positions", facts)}
    for symbol in (RELIANCE, "X"):
        own = [one for one in counted if one.symbol == symbol]
        if not ordered(own):
            assert symbol not in shown
            continue
        quantity, average, realized = by_lots(own)
        row = shown[symbol]
        assert row["quantity"] == quantity
        assert row["avg_entry_price"] == pytest.approx(float(average), abs=1e-7)
        assert row["realized_pnl"] == pytest.approx(float(realized), abs=1e-7)


def reported(quantity: str, price: str = "0.0") -> BotPositionReported:
    made = decode(
        "bot-position-reported.v1",
        f'{{"symbol":"{RELIANCE}","quantity":"{quantity}","avg_entry_price":"{price}"}}',
    )
    assert isinstance(made, BotPositionReported)
    return made


def recorded(home: Path, *events: Event) -> tuple[list[Event], list[str]]:
    """Record these, reconcile, and record what that found: the new events, and the reasons of the open breaks."""
    with open_log(home, create=True, write=True) as log:
        log.append([Entry(_stream(one), topic_of(type(one)), encode(one)) for one in events])
        entries, breaks = reconcile(log)
        log.append(entries)
    return [decode(entry.topic, entry.state) for entry in entries], [one.reason for one in breaks]


@pytest.mark.parametrize(
    ("said", "reason", "difference"),
    [
        (reported("100.0"), "the position was written down before its last fill", "20.0"),
        (reported("80"), "agrees", None),
        (reported("80", "1400"), "agrees", None),
        (reported("80", "1399"), "the reported average price is not that of the fills", "0"),
        (
            reported("5"),
            "the fills do not explain the reported quantity: fills are missing, or were made elsewhere",
            "-75",
        ),
    ],
)
def test_reconciling_names_what_a_difference_looks_like(
    said: BotPositionReported, reason: str, difference: str | None, tmp_path: Path
) -> None:
    history = [fill("a", "BUY", 100, 1400.0), said, fill("b", "SELL", 20, 1500.0, minute=1)]
    found, breaks = recorded(tmp_path, *history)
    assert breaks == ([] if reason == "agrees" else [reason])
    differences = [one.difference for one in found if isinstance(one, BotPositionReconciled)]
    assert differences == ([] if difference is None else [Decimal(difference)])


def test_a_break_is_open_until_it_is_said_that_both_sides_agree(tmp_path: Path) -> None:
    first, _ = recorded(tmp_path, fill("a", "BUY", 100, 1400.0), reported("0"))
    assert recorded(tmp_path) == ([], ["the position was written down before its last fill"])
    second, breaks = recorded(tmp_path, reported("100"))
    assert breaks == []
    assert recorded(tmp_path) == ([], [])
    shown = [rows(projector, "reconciliations", folded.given(found)) for found in (first, [*first, *second])]
    assert [[row["open"] for row in found] for found in shown] == [[1], [0, 0]]


def test_without_a_report_there_is_nothing_to_compare(tmp_path: Path) -> None:
    assert recorded(tmp_path, fill("a", "BUY", 1, 1.0)) == ([], [])
