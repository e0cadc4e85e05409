"""Which copy is shown: the election against a plain oracle, in any order of batches."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import NamedTuple

import apsw
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from migrations.runner import read_model_script
from projections.copies import Copies
from tests.searching import examples

RATES = Copies(
    "exchange_rates",
    "exchange_rate_copies",
    columns=("from_currency", "to_currency", "date", "rate", "fetched_at", "expires_at"),
    key=("from_currency", "to_currency", "date"),
    newest="fetched_at",
)
SHOWN = "SELECT from_currency, rate FROM exchange_rates ORDER BY 1"
COPIES = "SELECT from_currency, copy, rate FROM exchange_rate_copies ORDER BY 1, 2"


class Step(NamedTuple):
    """A copy of a rate is stated, or, without a rate, removed."""

    currency: str
    copy: str | None
    fetched_at: str
    rate: float | None


steps = st.lists(
    st.builds(
        Step,
        st.sampled_from("AB"),
        st.sampled_from([None, "old", "older"]),
        st.sampled_from(["2025-01-01", "2025-01-02"]),
        st.none() | st.sampled_from([1.0, 2.0, 3.0, 4.0]),
    ),
    max_size=14,
)


@cache
def empty() -> bytes:
    """A history without rows, as SQLite keeps it."""
    db = apsw.Connection(":memory:")
    db.execute(read_model_script("history"))
    return db.serialize("main")


def after(history: list[Step], cuts: list[int]) -> tuple[list[object], list[object]]:
    """The rows shown and the copies kept, when the history comes in these batches."""
    db = apsw.Connection(":memory:")
    db.deserialize("main", empty())
    bounds = [0, *sorted(cut for cut in cuts if cut <= len(history)), len(history)]
    for start, end in pairwise(bounds):
        rows: list[Step] = []
        for step in history[start:end]:
            if step.rate is not None:
                rows.append(step)
                continue
            RATES.state(db, [_row(one) for one in rows])
            rows = []
            RATES.remove(db, (step.currency, "EUR", "2025-01-01"), step.copy)
        RATES.state(db, [_row(one) for one in rows])
    return list(db.execute(SHOWN)), list(db.execute(COPIES))


def _row(step: Step) -> tuple[str | float | None, ...]:
    return (step.currency, "EUR", "2025-01-01", step.rate, step.fetched_at, None, step.copy)


def oracle(history: list[Step]) -> list[object]:
    """All copies by currency in the order of their last event; the newest is shown, then the proper one, then the last."""
    held: dict[str, dict[str | None, Step]] = {"A": {}, "B": {}}
    for step in history:
        held[step.currency].pop(step.copy, None)
        if step.rate is not None:
            held[step.currency][step.copy] = step
    shown: list[object] = []
    for currency, found in held.items():
        ranked = [(step.fetched_at, step.copy is None, place) for place, step in enumerate(found.values())]
        if ranked:
            shown.append((currency, list(found.values())[max(ranked)[2]].rate))
    return shown


HISTORIES = {"history": steps, "cuts": st.lists(st.integers(0, 14), max_size=5)}


def elected(history: list[Step], cuts: list[int]) -> None:
    shown, kept = after(history, cuts)
    assert shown == oracle(history)
    assert (shown, kept) == after(history, [])


@given(**HISTORIES)
@settings(max_examples=examples(100), deadline=None)
def test_the_elected_row_is_the_newest_whatever_the_batches(history: list[Step], cuts: list[int]) -> None:
    elected(history, cuts)


def test_a_tie_between_further_copies_goes_to_the_later_event() -> None:
    first, second = Step("A", "old", "2025-01-01", 1.0), Step("A", "older", "2025-01-01", 2.0)
    assert after([first, second], [1])[0] == [("A", 2.0)]
    assert after([second, first], [1])[0] == [("A", 1.0)]


def test_copies_are_kept_only_where_there_is_a_further_one() -> None:
    proper, further = Step("A", None, "2025-01-01", 1.0), Step("A", "old", "2025-01-02", 2.0)
    assert after([proper], [])[1] == []
    assert after([proper, further], [1])[1] == [("A", "", 1.0), ("A", "old", 2.0)]
    assert after([proper, further, further._replace(rate=None)], [1]) == ([("A", 1.0)], [])


@pytest.mark.parametrize("fault", ["rowid DESC", "copy = '' DESC,", "DESC, copy"])
def test_an_election_by_other_rules_is_caught(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    spoiled = RATES._elect.replace(fault, {"rowid DESC": "rowid", "DESC, copy": "ASC, copy"}.get(fault, ""))
    assert spoiled != RATES._elect
    monkeypatch.setattr(RATES, "_elect", spoiled)
    # That an example is found is enough; a smaller one would take seconds to find.
    search = settings(max_examples=300, deadline=None, phases=[Phase.generate], report_multiple_bugs=False)
    with pytest.raises(AssertionError):
        search(given(**HISTORIES)(elected))()


def test_a_proper_row_that_was_not_adopted_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RATES, "_adopt", "SELECT ?1, ?2, ?3")
    with pytest.raises(AssertionError):
        test_copies_are_kept_only_where_there_is_a_further_one()
