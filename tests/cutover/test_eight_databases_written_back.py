"""The layout with eight databases is written again as well: prices of all securities in one table, times in unix seconds."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import pytest

from domain.prices import DailyPricesRecorded
from domain.trading import TradeExecuted
from operations.cutover import CutOverRequest, cut_over
from operations.replaying import silent
from tests.cutover.asking import asked, copied, enter, export, facts, replayed, schemas
from tests.legacy import Cells, Legacy
from tests.replay.oracle import legacy_rows
from tests.replay.target_folders import DESIGNED, LATER, build

STATES = [(DESIGNED, "designed"), (LATER, "unix")]
AT = "2026-01-04T10:00:00.000000Z"


@pytest.mark.parametrize(("files", "state"), STATES)
def test_either_state_comes_back_by_value_and_is_replayed_to_the_same(
    legacy: Legacy, files: Mapping[str, Mapping[str, list[Cells]]], state: str
) -> None:
    build(legacy, files, state).replay()
    into = legacy.home.parent / "written"
    assert export(legacy.home, into).exit_code == 0
    assert legacy_rows(into) == legacy_rows(copied(legacy.folder))
    assert schemas(into) == schemas(legacy.folder)
    assert replayed(into, legacy.home.parent / "again") == facts(legacy.home)


@pytest.mark.parametrize(("files", "state"), STATES)
def test_the_rehearsal_finds_the_way_back(
    legacy: Legacy, files: Mapping[str, Mapping[str, list[Cells]]], state: str
) -> None:
    build(legacy, files, state)
    report = cut_over(legacy.home, CutOverRequest(source=legacy.folder, accept=["*"]), tell=silent)
    assert {step.name: step.found for step in report.steps if step.found} in ({}, {
        "no difference": ["* was to be accepted and is not open"]
    })  # fmt: skip


@pytest.mark.parametrize(("files", "state"), STATES)
def test_what_was_entered_is_written_in_the_words_of_that_state(
    legacy: Legacy, files: Mapping[str, Mapping[str, list[Cells]]], state: str
) -> None:
    build(legacy, files, state).replay()
    bought = TradeExecuted(
        occurred_at=AT, symbol="AAPL.US", side="BUY", quantity=Decimal("2.5"), price=Decimal("19.5"), order_id="N1",
        currency="USD", value_eur=Decimal("40.25"), source="manual", bucket_id="core", mode="live", created_at=AT,
    )  # fmt: skip
    block = DailyPricesRecorded(
        occurred_at="2026-01-05", symbol="AAPL.US", count=1, date=["2026-01-05"], open_price=[1.5], high_price=[3.5],
        low_price=[1.25], close_price=[2.5], volume=[7],
    )  # fmt: skip
    enter(legacy.home, ("trade:N1", bought), ("prices:1d:AAPL.US", block))
    into = legacy.home.parent / "written"
    assert export(legacy.home, into).exit_code == 0
    again = replayed(into, legacy.home.parent / "again")
    for key in (("trade:N1", None), ("prices:1d:AAPL.US 2026-01-05", None)):
        entered = {name: value for name, value in facts(legacy.home)[key].items() if value is not None}
        assert {name: again[key].get(name) for name in entered} == entered
    sides = asked(into / "ledger.db", "SELECT side, typeof(executed_at) FROM trades WHERE order_id = 'N1'")
    assert sides == [("buy", "text") if state == "designed" else ("BUY", "integer")]
