"""cache.db: recommendations of two files, elected whatever the order, and cached data."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.advice import CacheEntryDropped, CacheEntryStored, RecommendationIssued, RecommendationRemoved
from domain.event import Event
from projections.cache import projector
from projections.recommendations import Recommendation
from tests.projections import folded
from tests.projections.folded import Given, rows, tables
from tests.projections.test_row_tables import stored
from tests.strategies import events

STAMP = "2025-12-28T10:00:0{}.000000Z"


def issued(
    uuid: str, second: int, *, copy: str | None = None, symbol: str = "AIR.EU", status: str = "pending"
) -> Event:
    return RecommendationIssued(
        uuid=uuid, symbol=symbol, side="BUY", reason="cheap", portfolio_hash="12345678", status=status, copy=copy,
        created_at=STAMP.format(0), occurred_at=STAMP.format(second),
    )  # fmt: skip


def shown(*given_events: Event) -> list[tuple[str, str]]:
    facts = folded.given(given_events)
    assert tables(projector, *[[fact] for fact in facts]) == tables(projector, facts)
    return [(row["uuid"], row["status"]) for row in rows(projector, "recommendations", facts)]


@given(event=events(RecommendationIssued))
def test_every_column_is_filled_from_its_field(event: RecommendationIssued) -> None:
    (row,) = rows(projector, "recommendations", folded.given([event]))
    names = {name: "occurred_at" if name == "updated_at" else name for name in Recommendation.__struct_fields__}
    assert row == {column: stored(getattr(event, field)) for column, field in names.items()}


@pytest.mark.parametrize(("text", "kind"), [("10", int), ("10.5", float)])
def test_a_whole_quantity_stays_whole(text: str, kind: type) -> None:
    event = RecommendationIssued(
        uuid="u",
        symbol="A",
        side="BUY",
        reason="",
        portfolio_hash="",
        created_at=STAMP.format(0),
        quantity=Decimal(text),
    )
    assert type(rows(projector, "recommendations", folded.given([event]))[0]["quantity"]) is kind


def test_of_one_uuid_in_two_files_the_newest_is_shown() -> None:
    assert shown(issued("u1", 1), issued("u1", 2, copy="config.db", status="executed")) == [("u1", "executed")]
    assert shown(issued("u1", 2), issued("u1", 1, copy="config.db", status="executed")) == [("u1", "pending")]


def test_on_a_tie_the_proper_home_is_shown() -> None:
    copied = issued("u1", 1, copy="config.db", status="executed")
    assert shown(issued("u1", 1), copied) == shown(copied, issued("u1", 1)) == [("u1", "pending")]


def test_of_two_uuids_that_recommend_the_same_the_newest_is_shown_and_none_is_lost() -> None:
    rivals = [issued("u1", 1), issued("u2", 2, copy="config.db"), issued("u3", 1, symbol="SAP.EU")]
    assert shown(*rivals) == [("u2", "pending"), ("u3", "pending")]
    kept = rows(projector, "recommendations_copies", folded.given(rivals))
    assert [(row["uuid"], row["copy"]) for row in kept] == [("u1", ""), ("u3", ""), ("u2", "config.db")]


def test_what_was_outdone_comes_back_when_the_other_goes() -> None:
    rivals = [issued("u1", 1), issued("u2", 2, copy="config.db", status="executed")]
    assert shown(*rivals, RecommendationRemoved(uuid="u2", copy="config.db")) == [("u1", "pending")]
    assert shown(*rivals, RecommendationRemoved(uuid="u2")) == [("u2", "executed")]


def test_a_recommendation_that_changes_its_subject_frees_the_old_one() -> None:
    rivals = [issued("u1", 1), issued("u2", 2), issued("u2", 3, symbol="SAP.EU")]
    assert shown(*rivals) == [("u1", "pending"), ("u2", "pending")]


def test_a_rival_that_is_shown_elsewhere_is_left_alone() -> None:
    split = [issued("u1", 1, copy="config.db", symbol="A"), issued("u1", 2, symbol="B")]
    assert shown(*split, issued("u2", 3, symbol="B"), issued("u3", 1, symbol="A")) == [
        ("u2", "pending"),
        ("u3", "pending"),
    ]


uuids, copies = st.sampled_from(["u1", "u2", "u3"]), st.sampled_from([None, "config.db"])
issues = st.builds(
    lambda uuid, second, copy, symbol: issued(uuid, second, copy=copy, symbol=symbol),
    uuids, st.integers(1, 4), copies, st.sampled_from(["A", "B"]),
)  # fmt: skip
happenings = st.one_of(issues, issues, st.builds(lambda u, c: RecommendationRemoved(uuid=u, copy=c), uuids, copies))


def expected(history: list[Event]) -> set[tuple[str, str, str]]:
    """The elected, from the definition: of each (uuid, copy) the last, of each uuid the newest, of each subject too."""
    last: dict[tuple[str, str], tuple[tuple[str, bool, int], RecommendationIssued]] = {}
    for position, event in enumerate(history, 1):
        if isinstance(event, RecommendationIssued):
            last[event.uuid, event.copy or ""] = ((event.occurred_at or "", event.copy is None, position), event)
        elif isinstance(event, RecommendationRemoved):
            last.pop((event.uuid, event.copy or ""), None)
    ranked = sorted(last.values(), key=lambda pair: pair[0])
    of_uuid = {event.uuid: (rank, event) for rank, event in ranked}
    of_subject = {event.symbol: event for _, event in sorted(of_uuid.values(), key=lambda pair: pair[0])}
    return {(event.uuid, event.symbol, event.occurred_at or "") for event in of_subject.values()}


@given(history=st.lists(happenings, max_size=10), cut=st.integers(0, 10))
def test_the_elected_are_those_of_the_definition_in_any_batches(history: list[Event], cut: int) -> None:
    facts = folded.given(history)
    found = rows(projector, "recommendations", facts)
    assert {(row["uuid"], row["symbol"], row["updated_at"]) for row in found} == expected(history)
    assert tables(projector, facts[:cut], facts[cut:]) == tables(projector, facts)


distinct = st.lists(issues, max_size=6, unique_by=(lambda one: (one.uuid, one.copy), lambda one: one.occurred_at))


@given(
    data=st.data(),
    history=distinct,
)
def test_order_does_not_matter(data: st.DataObject, history: list[Event]) -> None:
    other = data.draw(st.permutations(history))
    wanted = rows(projector, "recommendations", folded.given(history))
    assert rows(projector, "recommendations", *[[fact] for fact in folded.given(other)]) == wanted


def test_a_cached_thing_is_kept_until_it_is_dropped() -> None:
    entry = CacheEntryStored(cache="cache_entries", cache_key="score:A", cache_value="1", occurred_at=STAMP.format(1))
    facts = [
        Given("c:1", entry),
        Given("c:2", CacheEntryStored(cache="yahoo_cache", cache_key="yahoo_cache:A:b", cache_value="2")),
    ]
    assert [row["cache_value"] for row in rows(projector, "cache_data", facts)] == ["1", "2"]
    dropped = Given("c:1", CacheEntryDropped(cache="cache_entries", cache_key="score:A"))
    assert [row["cache_value"] for row in rows(projector, "cache_data", [*facts, dropped])] == ["2"]
