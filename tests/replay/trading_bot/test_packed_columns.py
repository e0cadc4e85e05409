"""Columns of blocks as replay writes them: a list, or one value for all rows."""

from __future__ import annotations

import json

from hypothesis import example, given
from hypothesis import strategies as st

from replay import market_blocks

CELLS = st.none() | st.integers(-9, 99) | st.sampled_from([0.0, -0.0, 0.5]) | st.text('",[null\\', max_size=4)


@given(column=st.lists(CELLS, min_size=1, max_size=6) | st.builds(lambda cell, n: [cell] * n, CELLS, st.integers(1, 6)))
@example(column=[None, ",null,"])  # twice the text `null,"`
def test_a_column_is_written_once_only_where_all_its_values_are_written_alike(column: list[object]) -> None:
    listed = json.dumps(column, separators=(",", ":"))
    alike = len({json.dumps(cell) for cell in column}) == 1
    assert market_blocks._packed(listed, len(column)) == (json.dumps(column[0]) if alike else listed)
