"""agents.db: the planner's strategies, the sequences of trades it proposed, and how they were evaluated."""

from __future__ import annotations

import msgspec
from msgspec import field

from domain.agents import (
    AgentConfigArchived,
    AgentConfigured,
    AgentRemoved,
    BestSequenceChosen,
    BestSequenceDropped,
    EvaluationForgotten,
    SequenceEvaluated,
    SequenceForgotten,
    SequenceProposed,
)
from projections.projector import Projector, RowTable


class AgentConfig(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row of `agent_configs`."""

    id: str
    name: str
    toml_config: str
    bucket_id: str | None = None
    created_at: str
    updated_at: str | None = field(name="occurred_at", default=None)


class ArchivedConfig(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row of `config_history`."""

    id: str
    agent_config_id: str
    name: str | None = None
    toml_config: str | None = None
    saved_at: str | None = field(name="occurred_at", default=None)
    performance_score: float | None = None


class ProposedSequence(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row of `sequences`."""

    sequence_hash: str
    portfolio_hash: str
    priority: float
    sequence_json: str
    depth: int | float
    pattern_type: str | None = None
    completed: int | None = None
    evaluated_at: str | None = None
    created_at: str | None = field(name="occurred_at", default=None)


class Evaluation(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row of `evaluations`."""

    sequence_hash: str
    portfolio_hash: str
    end_score: float
    breakdown_json: str
    end_cash: float
    end_context_positions_json: str
    div_score: float
    total_value: float
    evaluated_at: str | None = field(name="occurred_at", default=None)


class BestResult(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row of `best_result`."""

    portfolio_hash: str
    best_sequence_hash: str
    best_score: float
    updated_at: str | None = field(name="occurred_at", default=None)
    plan_data: str | None = None
    created_at: str | None = None


_SEQUENCE = ("sequence_hash", "portfolio_hash")

projector = Projector(
    name="agents",
    version=3,
    rows=(
        RowTable("agent_configs", AgentConfig, ("id",), (AgentConfigured,), (AgentRemoved,)),
        RowTable("config_history", ArchivedConfig, ("id",), (AgentConfigArchived,)),
        RowTable("sequences", ProposedSequence, _SEQUENCE, (SequenceProposed,), (SequenceForgotten,)),
        RowTable("evaluations", Evaluation, _SEQUENCE, (SequenceEvaluated,), (EvaluationForgotten,)),
        RowTable("best_result", BestResult, ("portfolio_hash",), (BestSequenceChosen,), (BestSequenceDropped,)),
    ),
)
