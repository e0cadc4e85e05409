"""agents.db: strategies, their history, and what the planner proposed."""

from __future__ import annotations

from decimal import Decimal

from domain.agents import (
    AgentConfigArchived,
    AgentConfigured,
    AgentRemoved,
    BestSequenceChosen,
    BestSequenceDropped,
    SequenceProposed,
)
from projections.agents import projector
from tests.projections import folded
from tests.projections.folded import rows

NOW = "2025-12-28T10:00:00.000000Z"


def test_a_strategy_that_is_removed_leaves_its_history() -> None:
    facts = folded.given([
        AgentConfigured(id="a1", name="A", toml_config="x = 1", created_at=NOW, occurred_at=NOW),
        AgentConfigArchived(id="h1", agent_config_id="a1", toml_config="x = 0", occurred_at=NOW),
        AgentConfigArchived(id="h2", agent_config_id="gone", performance_score=Decimal("0.25")),
        AgentRemoved(id="a1"),
    ])  # fmt: skip
    assert rows(projector, "agent_configs", facts) == []
    found = rows(projector, "config_history", facts)
    assert [(row["agent_config_id"], row["saved_at"], row["performance_score"]) for row in found] == [
        ("a1", NOW, None), ("gone", None, 0.25)
    ]  # fmt: skip


def test_one_sequence_may_be_proposed_for_two_portfolios() -> None:
    proposed = [
        SequenceProposed(
            sequence_hash="s", portfolio_hash=portfolio, priority=Decimal(1), sequence_json="[]", depth=depth
        )
        for portfolio, depth in [("12345678", 3), ("12345678:9abcdef0", 2.5), ("12345678", 4)]
    ]
    found = rows(projector, "sequences", folded.given(proposed))
    assert [(row["portfolio_hash"], row["depth"]) for row in found] == [("12345678", 4), ("12345678:9abcdef0", 2.5)]


def test_a_portfolio_has_one_best_sequence_or_none() -> None:
    best = [BestSequenceChosen(portfolio_hash="p", best_sequence_hash=name, best_score=Decimal("0.5")) for name in "ab"]
    assert [row["best_sequence_hash"] for row in rows(projector, "best_result", folded.given(best))] == ["b"]
    assert rows(projector, "best_result", folded.given([*best, BestSequenceDropped(portfolio_hash="p")])) == []
