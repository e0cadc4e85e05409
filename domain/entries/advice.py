"""Entries about recommendations, their outcomes, and the configuration of agents."""

from __future__ import annotations

import tomllib
from typing import Literal

import msgspec

from domain.advice import RecommendationIssued
from domain.agents import AgentConfigArchived, AgentConfigured
from domain.entries import checks
from domain.entries.base import Amount, Currency, Entry, Fact, Mode, Name, Standing, Symbol
from domain.entries.refusal import Refused
from domain.streams import stream
from domain.trading import Side


class Recommendation(Entry, frozen=True, kw_only=True, tag="recommendation"):
    """A trade is recommended. amount, estimated_value: EUR; estimated_price: per share in `currency`; quantity: shares."""

    uuid: Name
    symbol: Symbol
    side: Side
    reason: Name
    portfolio_hash: str = ""
    isin: str | None = None
    name: str | None = None
    amount: Amount | None = None
    quantity: Amount | None = None
    estimated_price: Amount | None = None
    estimated_value: Amount | None = None
    country: str | None = None
    industry: str | None = None
    currency: Currency | None = None
    priority: Amount | None = None
    current_portfolio_score: Amount | None = None
    new_portfolio_score: Amount | None = None
    score_change: Amount | None = None

    def facts(self, standing: Standing) -> list[Fact]:
        """The recommendation, pending."""
        checks.symbol(self.symbol)
        for name in ("quantity", "estimated_price", "amount", "estimated_value"):
            value = getattr(self, name)
            if value is not None:
                checks.positive(name, value)
        for name in ("priority", "current_portfolio_score", "new_portfolio_score", "score_change"):
            checks.finite(name, getattr(self, name))
        if self.currency is not None:
            checks.currency("currency", self.currency)
        at = checks.moment(self.at, standing.clock)
        fields = {name: getattr(self, name) for name in self.__struct_fields__ if name not in {"at", "key"}}
        issued = RecommendationIssued(occurred_at=at, created_at=at, status="pending", **fields)
        return [Fact(stream("recommendation", self.uuid), issued, Mode.ONCE)]


class RecommendationOutcome(Entry, frozen=True, kw_only=True, tag="recommendation-outcome"):
    """What became of a recommendation; it is decided once."""

    uuid: Name
    status: Literal["executed", "dismissed", "rejected", "expired", "failed"]

    def facts(self, standing: Standing) -> list[Fact]:
        """The recommendation with its outcome."""
        name = stream("recommendation", self.uuid)
        held = standing.newest(name)
        if not isinstance(held, RecommendationIssued):
            raise Refused("unknown", f"there is no recommendation {self.uuid}")
        if held.status == self.status:
            return []
        if held.status not in {None, "", "pending"}:
            raise Refused("transition", f"recommendation {self.uuid} is {held.status}, it cannot become {self.status}")
        at = checks.moment(self.at, standing.clock)
        decided = msgspec.structs.replace(
            held, occurred_at=at, assumed=(), repaired=None, copy=None, status=self.status,
            executed_at=at if self.status == "executed" else None,
            dismissed_at=at if self.status == "dismissed" else None,
        )  # fmt: skip
        return [Fact(name, decided, Mode.CHANGE)]


class AgentConfig(Entry, frozen=True, kw_only=True, tag="agent-config"):
    """A strategy was written or changed. toml_config: TOML; bucket_id: null for a template. The earlier text is kept."""

    id: Name
    name: Name
    toml_config: str
    bucket_id: Name | None = None

    def facts(self, standing: Standing) -> list[Fact]:
        """The strategy from now on, and the text before it."""
        checks.text("name", self.name)
        checks.text("id", self.id)
        try:
            tomllib.loads(self.toml_config)
        except tomllib.TOMLDecodeError as error:
            raise Refused("toml", f"toml_config of {self.id}: {error}") from error
        at = checks.moment(self.at, standing.clock)
        name = stream("agent", self.id)
        held = standing.newest(name)
        before = held if isinstance(held, AgentConfigured) else None
        config = AgentConfigured(
            occurred_at=at, id=self.id, name=self.name, toml_config=self.toml_config, bucket_id=self.bucket_id,
            created_at=before.created_at if before else at,
        )  # fmt: skip
        if before is None or before.toml_config == self.toml_config:
            return [Fact(name, config)]
        number = f"{self.id}:{len(standing.history(name))}"
        kept = AgentConfigArchived(
            occurred_at=at, id=number, agent_config_id=self.id, name=before.name, toml_config=before.toml_config
        )
        return [Fact(stream("agent-config", number), kept, Mode.CHANGE), Fact(name, config)]
