"""satellites.db: which strategy runs which bucket."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from domain.agents import AgentConfigured, AgentRemoved
from domain.event import Event
from domain.satellites import BucketDescribed, BucketRemoved
from projections.satellites import Bucket, projector
from tests.projections import folded
from tests.projections.folded import rows, tables
from tests.projections.test_row_tables import stored
from tests.strategies import events

NOW = "2025-12-28T10:00:00.000000Z"


def bucket(bucket_id: str = "core", agent_id: str | None = None) -> BucketDescribed:
    return BucketDescribed(id=bucket_id, name="Core", type="core", created_at=NOW, occurred_at=NOW, agent_id=agent_id)


def agent(agent_id: str, bucket_id: str | None) -> AgentConfigured:
    return AgentConfigured(id=agent_id, name="A", toml_config="", bucket_id=bucket_id, created_at=NOW, occurred_at=NOW)


def agents_of(*given_events: Event) -> dict[str, str | None]:
    facts = folded.given(given_events)
    assert tables(projector, *[[fact] for fact in facts]) == tables(projector, facts)
    return {row["id"]: row["agent_id"] for row in rows(projector, "buckets", facts)}


@given(event=events(BucketDescribed))
def test_a_bucket_is_shown_as_it_was_described(event: BucketDescribed) -> None:
    (row,) = rows(projector, "buckets", folded.given([event]))
    names = {name: "occurred_at" if name == "updated_at" else name for name in Bucket.__struct_fields__}
    assert row == {column: stored(getattr(event, field)) for column, field in names.items()}


def test_a_bucket_without_a_strategy_names_none() -> None:
    assert agents_of(bucket()) == {"core": None}
    assert agents_of(bucket(), agent("a1", None), agent("a2", "other")) == {"core": None}


def test_the_only_strategy_that_names_a_bucket_runs_it() -> None:
    assert agents_of(bucket(), agent("a1", "core")) == {"core": "a1"}
    assert agents_of(agent("a1", "core"), bucket()) == {"core": "a1"}


def test_of_two_strategies_that_name_a_bucket_none_runs_it() -> None:
    assert agents_of(bucket(), agent("a1", "core"), agent("a2", "core")) == {"core": None}


def test_a_strategy_that_leaves_makes_room() -> None:
    both = (bucket(), agent("a1", "core"), agent("a2", "core"))
    assert agents_of(*both, AgentRemoved(id="a1")) == {"core": "a2"}
    assert agents_of(*both, agent("a1", None)) == {"core": "a2"}
    assert agents_of(*both, bucket("next"), agent("a1", "next")) == {"core": "a2", "next": "a1"}


def test_what_the_bucket_says_itself_counts_first() -> None:
    assert agents_of(agent("a1", "core"), bucket(agent_id="a9")) == {"core": "a9"}
    assert agents_of(bucket(agent_id="a9"), agent("a1", "core"), bucket()) == {"core": "a1"}


def test_a_bucket_that_is_removed_is_gone_and_may_come_back() -> None:
    assert agents_of(bucket(agent_id="a9"), agent("a1", "core"), BucketRemoved(id="core")) == {}
    assert rows(projector, "bucket_agents", folded.given([bucket(agent_id="a9"), BucketRemoved(id="core")])) == []
    assert agents_of(bucket(agent_id="a9"), agent("a1", "core"), BucketRemoved(id="core"), bucket()) == {"core": "a1"}


names = st.sampled_from(["b1", "b2"])
agent_ids = st.sampled_from(["a1", "a2", "a3"])
happenings: st.SearchStrategy[Event] = st.one_of(
    st.builds(bucket, names, st.none() | agent_ids),
    st.builds(lambda bucket_id: BucketRemoved(id=bucket_id), names),
    st.builds(agent, agent_ids, st.none() | names),
    st.builds(lambda agent_id: AgentRemoved(id=agent_id), agent_ids),
)


@given(history=st.lists(happenings, max_size=12))
def test_the_links_are_what_the_last_words_say(history: list[Any]) -> None:
    described: dict[str, str | None] = {}
    named: dict[str, str | None] = {}
    for event in history:
        if isinstance(event, BucketDescribed):
            described[event.id] = event.agent_id
        elif isinstance(event, BucketRemoved):
            described.pop(event.id, None)
        else:
            named[event.id] = event.bucket_id if isinstance(event, AgentConfigured) else None
    wanted = {}
    for bucket_id, own in described.items():
        claims = [agent_id for agent_id, target in named.items() if target == bucket_id]
        wanted[bucket_id] = own or (claims[0] if len(claims) == 1 else None)
    assert agents_of(*history) == wanted
