"""Rows that do not know their row number get one between those that do."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from replay.numbering import Placed, numbered

# Of each row of a table: the gap before it, its key, whether its number is known, and where it comes in the log.
tables = st.lists(
    st.tuples(st.integers(1, 3), st.sampled_from("abc"), st.booleans(), st.integers(0, 9)), min_size=1, max_size=12
)


@given(table=tables)
def test_each_row_is_again_which_of_those_with_its_key_it_was(table: list[tuple[int, str, bool, int]]) -> None:
    twins, number, rows = Counter[str](), 0, list[tuple[int, int, Placed]]()
    for gap, key, is_known, place in table:
        number, twins[key] = number + gap, twins[key] + 1
        one = Placed((key, twins[key], number), number if is_known else None, key, twins[key])
        rows.append((3 if is_known else 2 * twins[key], place, one))
    given = [one for _, _, one in sorted(rows, key=lambda row: row[:2])]
    found = sorted(numbered(given), key=lambda row: row.number or 0)
    assert len({row.number for row in found}) == len(table)
    assert {row.cells: row.number for row in found}.items() >= {
        one.cells: one.number for one in given if one.number
    }.items()
    for key in twins:
        assert [row.cells[1] for row in found if row.cells[0] == key] == list(range(1, twins[key] + 1))


def test_a_row_that_must_precede_another_does_not_lose_its_place_to_one_that_need_not() -> None:
    free = [Placed(("x", at), None, "x", at) for at in (1, 2, 3)]
    known = [Placed(("k", at), number, "k", at) for at, number in ((1, 2), (3, 5))]
    found = {row.cells: row.number for row in numbered([*free, Placed(("k", 2), None, "k", 2), *known])}
    assert found[("k", 2)] in (3, 4)
    assert found[("x", 3)] == 6


def test_a_row_behind_the_greatest_number_there_is_gets_one_that_is_free() -> None:
    greatest = 2**63 - 1
    rows = [Placed((1,), greatest, "k", 1), Placed((2,), None, "k", 2), Placed((3,), None, "k", 3)]
    assert sorted(row.number or 0 for row in numbered(rows)) == [1, 2, greatest]
