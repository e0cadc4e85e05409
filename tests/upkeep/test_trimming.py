"""Trimming: the read models forget what is old, the log does not, and it makes no difference how often one begins."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from domain.agents import BestSequenceChosen, SequenceEvaluated, SequenceProposed
from domain.event import Event, encode, topic_of
from domain.moments import instant
from domain.prices import LegacyPricesDeleted, PriceHistoryPurged
from domain.streams import stream
from ledger.log import Entry, Log, open_log
from operations import past
from operations.rebuilding import catch_up_all
from operations.retention import purges_of
from operations.trimming import PAGE, trim_plans
from operations.upkeep import Outcome, maintain
from operations.verifying import verify
from projections import catalog
from projections.engine import catch_up, model_path
from tests.cli.program import run_json
from tests.health.test_health import quiet
from tests.legacy import NOW as WRITTEN
from tests.legacy import Legacy

NOW = datetime(2026, 6, 1, 4, tzinfo=UTC)


def ago(days: float) -> str:
    return instant(NOW - timedelta(days=days))


def proposed(name: str, days: float) -> tuple[str, Event]:
    event = SequenceProposed(
        occurred_at=ago(days), sequence_hash=name, portfolio_hash="p", priority=Decimal(1), sequence_json="[]", depth=1
    )
    return stream("sequence", name, "p"), event


def evaluated(name: str, days: float) -> tuple[str, Event]:
    event = SequenceEvaluated(
        occurred_at=ago(days), sequence_hash=name, portfolio_hash="p", end_score=Decimal("0.5"), breakdown_json="{}",
        end_cash=Decimal(1), end_context_positions_json="{}", div_score=Decimal(1), total_value=Decimal(1),
    )  # fmt: skip
    return stream("evaluation", name, "p"), event


def said(home: Path, *facts: tuple[str, Event]) -> Path:
    with open_log(home, create=True, write=True) as log:
        log.append([Entry(name, topic_of(type(event)), encode(event)) for name, event in facts])
    return home


def rows(home: Path, model: str, query: str) -> list[Any]:
    with open_log(home) as log:
        catch_up(catalog.find(model), log, model_path(home, model))
    with closing(sqlite3.connect(home / f"{model}.db")) as db:
        return [row[0] for row in db.execute(query)]


def sequences(home: Path) -> list[str]:
    return rows(home, "agents", "SELECT sequence_hash FROM sequences ORDER BY 1")


def evaluations(home: Path) -> list[str]:
    return rows(home, "agents", "SELECT sequence_hash FROM evaluations ORDER BY 1")


def positions(home: Path) -> int:
    with open_log(home) as log:
        return log.head().position


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Plans of 89, 90 and 91 days ago; the one of 200 days ago is the best of its portfolio."""
    best = BestSequenceChosen(portfolio_hash="p", best_sequence_hash="best", best_score=Decimal(1))
    days = {"new": 89, "limit": 90, "old": 91, "best": 200}
    return said(
        tmp_path, *(proposed(name, age) for name, age in days.items()),
        *(evaluated(name, age) for name, age in days.items()), (stream("best-sequence", "p"), best),
    )  # fmt: skip


def test_plans_of_more_than_90_days_ago_are_forgotten_but_the_best_of_a_portfolio(home: Path) -> None:
    assert trim_plans(home, now=NOW).rows == {"sequences": 1, "evaluations": 1}
    assert sequences(home) == evaluations(home) == ["best", "limit", "new"]
    catch_up_all(home, tell=quiet)
    assert verify(home, "all", repair=False, tell=quiet).exit_code == 0


def test_the_log_keeps_what_is_forgotten_and_the_past_shows_it(home: Path) -> None:
    before = positions(home)
    trim_plans(home, now=NOW)
    for table in ("agents.sequences", "agents.evaluations"):
        for moment, is_there in ((ago(1), True), (ago(0), False)):
            found = past.as_of(home, moment, None, table, ("old", "p"), rows_max=9)
            assert bool(found.rows) is is_there
    with open_log(home) as log:
        assert [one.topic for one in log.read(after=before, through=before + 9, limit=9)] == [
            "sequence-forgotten.v1", "evaluation-forgotten.v1"
        ]  # fmt: skip


def test_a_second_time_nothing_is_said(home: Path) -> None:
    trim_plans(home, now=NOW)
    after = positions(home)
    assert trim_plans(home, now=NOW).total == 0
    assert positions(home) == after


def test_a_plan_that_is_proposed_again_is_shown_again(home: Path) -> None:
    trim_plans(home, now=NOW)
    said(home, proposed("old", 0))
    assert "old" in sequences(home)
    assert trim_plans(home, now=NOW).total == 0


@given(ages=st.lists(st.integers(0, 200), max_size=12), page=st.integers(1, 4), killed_after=st.integers(0, 4))
@example(ages=[100] * 5, page=2, killed_after=1)
@settings(max_examples=5)
def test_killed_between_any_two_appends_and_run_again_the_same_rows_are_left(
    tmp_path_factory: pytest.TempPathFactory, ages: list[int], page: int, killed_after: int
) -> None:
    home = tmp_path_factory.mktemp("trimmed")
    plans = {f"s{number:02}": age for number, age in enumerate(ages)}
    said(home, *(proposed(name, age) for name, age in plans.items()), *(evaluated(*one) for one in plans.items()))
    left = sorted(name for name, age in plans.items() if age <= 90)
    append = Log.append
    appended: list[list[Entry]] = []

    def stopping(log: Log, entries: list[Entry]) -> Any:
        if len(appended) == killed_after:
            raise KeyboardInterrupt
        appended.append(entries)
        return append(log, entries)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Log, "append", stopping)
        try:
            trim_plans(home, now=NOW, page=page)
        except KeyboardInterrupt:
            assert len(left) < len(ages)
    trim_plans(home, now=NOW, page=page)
    assert sequences(home) == evaluations(home) == left
    assert positions(home) == 2 * len(ages) + 2 * (len(ages) - len(left))


def test_a_year_after_it_the_record_of_a_purge_is_forgotten(tmp_path: Path) -> None:
    purges = [(purges_of(name), PriceHistoryPurged(occurred_at=ago(days), symbol=name, cleanup_reason="x"))
              for name, days in (("A", 364), ("B", 365.5), ("A", 800))]  # fmt: skip
    legacy = [(stream("cleanup", str(number)), LegacyPricesDeleted(occurred_at=ago(days), id=number, symbol="A"))
              for number, days in ((1, 364), (2, 366))]  # fmt: skip
    said(tmp_path, *purges, *legacy)
    catch_up_all(tmp_path, tell=quiet)
    (step, _) = maintain(tmp_path, "weekly", now=NOW, tell=quiet).steps
    assert step.outcome is Outcome.DONE
    assert step.said.endswith("cleanup_log 2, legacy_cleanup_log 1")
    assert rows(tmp_path, "history", "SELECT id FROM cleanup_log ORDER BY id") == [1]
    assert rows(tmp_path, "history", "SELECT id FROM legacy_cleanup_log") == [1]
    assert verify(tmp_path, "projections", repair=False, tell=quiet).exit_code == 0
    assert maintain(tmp_path, "weekly", now=NOW, tell=quiet).steps[0].outcome is Outcome.SKIPPED


def test_a_month_trims_and_a_home_can_set_the_days(home: Path) -> None:
    (home / "daybook.toml").write_text("[retention]\nplan_days = 300\n", encoding="utf-8")
    steps = {step.name: step for step in maintain(home, "monthly", now=NOW, tell=quiet).steps}
    assert steps["old plans"].outcome is Outcome.SKIPPED
    (home / "daybook.toml").write_text("[retention]\nplan_days = 10\n", encoding="utf-8")
    steps = {step.name: step for step in maintain(home, "monthly", now=NOW, tell=quiet).steps}
    assert "sequences 3, evaluations 3" in steps["old plans"].said


def test_a_legacy_row_that_was_forgotten_is_no_difference_and_is_not_replayed_again(legacy: Legacy) -> None:
    cells = {"portfolio_hash": "12345678", "priority": 1.0, "sequence_json": "[]", "depth": 1, "created_at": WRITTEN}
    legacy.write("planner.db", "planner_v0", sequences=[{"sequence_hash": name} | cells for name in "ab"])
    legacy.replay()
    assert trim_plans(legacy.home, now=NOW, page=PAGE).rows["sequences"] == 2
    before = positions(legacy.home)
    assert legacy.replay().proven  # which fails at any difference
    assert positions(legacy.home) == before
    assert sequences(legacy.home) == []
    written = run_json("export-legacy", legacy.home.parent / "again", home=legacy.home)["written"]
    assert written["ended"] == {"sequence-forgotten.v1": 2}
    assert not written["unwritten"]
