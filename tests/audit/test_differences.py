"""What `audit diff` says changed is what differs between two read models that were rebuilt as of the two moments."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.prices import DailyPricesRecorded, PriceHistoryPurged, PricesVoided
from domain.universe import SecurityDescribed, SecurityRemoved
from ledger.log import open_log
from operations import past
from projections import catalog
from projections.narrowing import events_of, find, shown_tables
from projections.projector import Projector
from projections.rebuilding import model_path, rebuild
from tests.audit.keyed import DAYS, RECORDED, Told, told, write
from tests.searching import examples

EVERYTHING = 1_000_000
PROJECTORS = {one.name: replace(one, files=None) for one in catalog.projectors()}
OF_BARS = [DailyPricesRecorded, PricesVoided, PriceHistoryPurged, SecurityDescribed, SecurityRemoved]

Cells = dict[str, Any]
Changes = dict[tuple[Any, ...], tuple[str, dict[str, tuple[Any, Any]]]]


def rows_of(path: Path, model: str, table: str) -> dict[tuple[Any, ...], Cells]:
    """The rows of a table by their keys, by plain SQL."""
    about = find(model, table)
    columns = ", ".join(f'"{column}"' for column in about.columns)
    db = apsw.Connection(str(model_path(path, model)), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        rows = [dict(zip(about.columns, row, strict=True)) for row in db.execute(f'SELECT {columns} FROM "{table}"')]
    finally:
        db.close()
    return {(table, *(row[column] for column in about.key)): row for row in rows}


def changed(before: dict[tuple[Any, ...], Cells], after: dict[tuple[Any, ...], Cells]) -> Changes:
    found: Changes = {}
    for key in before.keys() | after.keys():
        old, new = before.get(key, {}), after.get(key, {})
        cells = {name: (old.get(name), new.get(name)) for name in {*old, *new}}
        cells = {name: (one, two) for name, (one, two) in cells.items() if one != two or type(one) is not type(two)}
        if cells:
            found[key] = ("changed" if old and new else "added" if new else "removed", cells)
    return found


def check(projector: Projector, facts: list[Told], days: list[str], known: list[str | None]) -> None:
    first, second = sorted(days)
    with tempfile.TemporaryDirectory() as place:
        home = Path(place)
        write(home, facts)
        with open_log(home) as log:
            for name, day, known_at in zip(("one", "two"), (first, second), known, strict=True):
                when = past.moment(log, day, known_at)
                rebuild(projector, log, home, as_of=when.as_of, known_at=known_at, into=home / name)
        for table in shown_tables(projector):
            expected = changed(*(rows_of(home / name, projector.name, table) for name in ("one", "two")))
            for question in (f"{projector.name}.{table}", projector.name):
                found, _ = past.diff(home, first, second, question, [], known_at=known, rows_max=EVERYTHING)
                mine = [one for one in found if one.place == f"{projector.name}.{table}"]
                assert {(table, *one.key.values()): (one.change, one.cells) for one in mine} == expected


@pytest.mark.parametrize("name", PROJECTORS)
@settings(max_examples=examples(2))
@given(data=st.data())
def test_a_difference_is_that_of_two_rebuilt_models(name: str, data: st.DataObject) -> None:
    facts = data.draw(st.lists(st.sampled_from(events_of(PROJECTORS[name])).flatmap(told), max_size=14))
    known = data.draw(st.lists(st.none() | st.sampled_from(RECORDED), min_size=2, max_size=2))
    check(PROJECTORS[name], facts, data.draw(st.lists(st.sampled_from(DAYS), min_size=2, max_size=2)), known)


@settings(max_examples=examples(4))
@given(
    facts=st.lists(st.sampled_from(OF_BARS).flatmap(told), max_size=14),
    days=st.lists(st.sampled_from(DAYS), min_size=2, max_size=2),
)
def test_the_days_that_are_left_out_of_a_comparison_are_the_same(facts: list[Told], days: list[str]) -> None:
    check(PROJECTORS["history"], facts, days, [None, None])
