"""Events of the planner: strategy configurations, proposed sequences of trades, their evaluation (legacy planner.db)."""

from __future__ import annotations

from decimal import Decimal

from domain.event import Count, Event, Flag, register
from domain.moments import Instant


@register
class AgentConfigured(Event, frozen=True, kw_only=True, tag="agent-configured.v1"):
    """A strategy was written or changed. Legacy `planner_configs`; occurred_at from updated_at.

    bucket_id: None for a template that belongs to no bucket.
    """

    id: str
    name: str
    toml_config: str
    bucket_id: str | None = None
    created_at: Instant


@register
class AgentRemoved(Event, frozen=True, kw_only=True, tag="agent-removed.v1"):
    """A strategy was deleted. A legacy `planner_configs` row that vanished."""

    id: str


@register
class AgentConfigArchived(Event, frozen=True, kw_only=True, tag="agent-config-archived.v1"):
    """An earlier text of a strategy was kept. Legacy `planner_config_history`; occurred_at from saved_at.

    agent_config_id: from planner_config_id, whose strategy may be gone. performance_score: never in a legacy file.
    """

    id: str
    agent_config_id: str
    name: str | None = None
    toml_config: str | None = None
    performance_score: Decimal | None = None


@register
class SequenceProposed(Event, frozen=True, kw_only=True, tag="sequence-proposed.v1"):
    """The planner proposed a sequence of trades. Legacy `sequences`; occurred_at from created_at.

    sequence_hash: MD5 of the JSON; depth: number of trades (1 to 5); completed: 0 or 1.
    """

    sequence_hash: str
    portfolio_hash: str
    priority: Decimal
    sequence_json: str
    depth: Count
    pattern_type: str | None = None
    completed: Flag | None = None
    evaluated_at: Instant | None = None


@register
class SequenceEvaluated(Event, frozen=True, kw_only=True, tag="sequence-evaluated.v1"):
    """A proposed sequence was evaluated. Legacy `evaluations`; occurred_at from evaluated_at.

    end_score, div_score: fractions; end_cash, total_value: EUR.
    """

    sequence_hash: str
    portfolio_hash: str
    end_score: Decimal
    breakdown_json: str
    end_cash: Decimal
    end_context_positions_json: str
    div_score: Decimal
    total_value: Decimal


@register
class SequenceForgotten(Event, frozen=True, kw_only=True, tag="sequence-forgotten.v1"):
    """The read models need not show a proposed sequence any longer, because it is old; the log keeps it."""

    sequence_hash: str
    portfolio_hash: str


@register
class EvaluationForgotten(Event, frozen=True, kw_only=True, tag="evaluation-forgotten.v1"):
    """The read models need not show an evaluation any longer, because it is old; the log keeps it."""

    sequence_hash: str
    portfolio_hash: str


@register
class BestSequenceChosen(Event, frozen=True, kw_only=True, tag="best-sequence-chosen.v1"):
    """The best sequence for a portfolio. Legacy `best_result`; occurred_at from updated_at.

    plan_data and created_at: only the eight-database layout had them.
    """

    portfolio_hash: str
    best_sequence_hash: str
    best_score: Decimal
    plan_data: str | None = None
    created_at: Instant | None = None


@register
class BestSequenceDropped(Event, frozen=True, kw_only=True, tag="best-sequence-dropped.v1"):
    """A portfolio has no best sequence any more. A legacy `best_result` row that vanished."""

    portfolio_hash: str
