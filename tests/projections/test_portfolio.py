"""portfolio.db beside its positions: what reconciling found, and scores and snapshots that two files hold."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.portfolio import CashReconciled, PortfolioValued, PositionReconciled, ScoreCalculated, ScoreRemoved
from projections.portfolio import projector
from tests.projections import folded
from tests.projections.folded import rows, tables
from tests.strategies import events


def found(difference: str, symbol: str = "AIR.EU", **more: Any) -> PositionReconciled:
    fields: dict[str, Any] = {"derived_quantity": Decimal(5), "reason": "a residue", **more}
    return PositionReconciled(symbol=symbol, difference=Decimal(difference), **fields)


def cash(difference: str, date: str = "2025-12-28") -> CashReconciled:
    return CashReconciled(
        date=date, derived_eur=Decimal(100), reported_eur=Decimal(100) + Decimal(difference),
        difference_eur=Decimal(difference), reason="buckets and cash", occurred_at=date,
    )  # fmt: skip


def open_ones(*given_events: PositionReconciled | CashReconciled) -> list[tuple[int, int]]:
    facts = folded.given(given_events)
    whole = rows(projector, "reconciliations", facts)
    assert rows(projector, "reconciliations", *[[fact] for fact in facts]) == whole
    return [(row["position"], row["open"]) for row in whole]


def test_a_reconciliation_is_a_row_with_its_place_in_the_log() -> None:
    event = found("-5", reported_quantity=Decimal("0.5"), derived_avg_price=Decimal("9.99"), occurred_at="2025-12-28")
    assert rows(projector, "reconciliations", folded.given([cash("0.5"), event])) == [
        {
            "position": 1, "kind": "cash", "subject": "2025-12-28", "occurred_at": "2025-12-28", "derived_quantity": 100.0,
            "reported_quantity": 100.5, "difference": 0.5, "derived_avg_price": None, "reported_avg_price": None,
            "reason": "buckets and cash", "open": 1,
        },
        {
            "position": 2, "kind": "position", "subject": "AIR.EU", "occurred_at": "2025-12-28", "derived_quantity": 5.0,
            "reported_quantity": 0.5, "difference": -5.0, "derived_avg_price": 9.99, "reported_avg_price": None,
            "reason": "a residue", "open": 1,
        },
    ]  # fmt: skip


def test_only_the_newest_of_a_subject_is_open() -> None:
    assert open_ones(found("1"), found("2"), found("3", "SAP.EU")) == [(1, 0), (2, 1), (3, 1)]


def test_what_agrees_again_is_closed() -> None:
    assert open_ones(found("1"), found("0")) == [(1, 0), (2, 0)]
    assert open_ones(cash("5"), cash("0.004")) == [(1, 0), (2, 0)]


def test_a_symbol_and_a_day_of_the_same_name_are_two_subjects() -> None:
    assert open_ones(found("1", "2025-12-28"), cash("5")) == [(1, 1), (2, 1)]


@pytest.mark.parametrize(("reported", "is_open"), [("10.1235", 0), ("10.12", 0), ("10.2", 1), (None, 0)])
def test_a_difference_in_price_alone_keeps_it_open(reported: str | None, is_open: int) -> None:
    price = None if reported is None else Decimal(reported)
    event = found("0", derived_avg_price=Decimal("10.12345678"), reported_avg_price=price)
    assert open_ones(event) == [(1, is_open)]


@given(history=st.lists(st.builds(found, st.sampled_from(["0", "1"]), st.sampled_from(["A", "B"])), max_size=10))
def test_each_subject_has_at_most_one_open_reconciliation(history: list[PositionReconciled]) -> None:
    last = {event.symbol: (n, event) for n, event in enumerate(history, 1)}
    wanted = {n for n, event in last.values() if event.difference != 0}
    assert {n for n, is_open in open_ones(*history) if is_open} == wanted


def score(value: str, day: int, copy: str | None = None) -> ScoreCalculated:
    return ScoreCalculated(symbol="AIR.EU", total_score=Decimal(value), occurred_at=f"2025-12-0{day}", copy=copy)


def shown_score(*given_events: ScoreCalculated | ScoreRemoved) -> list[float]:
    return [row["total_score"] for row in rows(projector, "scores", folded.given(given_events))]


def test_of_two_scores_the_newest_is_shown_and_on_a_tie_that_of_its_proper_home() -> None:
    assert shown_score(score("0.5", 2), score("0.7", 1, "state.db")) == [0.5]
    assert shown_score(score("0.5", 2), score("0.7", 3, "state.db")) == [0.7]
    assert shown_score(score("0.7", 2, "state.db"), score("0.5", 2)) == [0.5]


def test_a_copy_that_vanishes_uncovers_the_other() -> None:
    gone = ScoreRemoved(symbol="AIR.EU", copy="state.db")
    assert shown_score(score("0.5", 2), score("0.7", 3, "state.db"), gone) == [0.5]


@given(data=st.data())
def test_snapshots_of_two_files_do_not_depend_on_order(data: st.DataObject) -> None:
    days = st.sampled_from(["2025-12-27", "2025-12-28"])
    stamps = st.integers(1, 9).map("2025-12-28T00:00:00.00000{}Z".format)
    copies = st.lists(
        events(PortfolioValued, occurred_at=days, copy=st.sampled_from([None, "state.db"]), created_at=stamps),
        max_size=4, unique_by=(lambda event: event.created_at, lambda event: (event.occurred_at, event.copy)),
    )  # fmt: skip
    some = data.draw(copies)
    other = data.draw(st.permutations(some))
    wanted = tables(projector, folded.given(some))["portfolio_snapshots"]
    assert tables(projector, *[[fact] for fact in folded.given(other)])["portfolio_snapshots"] == wanted
