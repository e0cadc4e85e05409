"""Row numbers for the rows of a legacy table that do not know theirs, between those that do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from heapq import heappop, heappush
from typing import Any, NamedTuple

from replay.legacy_file import Row

_NUMBER_MAX = 2**63 - 1


class Placed(NamedTuple):
    """A row on its way to its place. number: of the row, where it is known. key: what it shares with others; None for no key.
    twin: which of the rows with that key it was.
    """

    cells: Sequence[Any]
    number: int | None
    key: str | None
    twin: int


def numbered(rows: Iterable[Placed]) -> Iterator[Row]:
    """Give row numbers to the rows that do not know theirs, between those that do: of the rows with one key each is again which
    of them it was. Rows keep their order as far as that allows.
    """
    held = list(rows)
    known: dict[str | None, list[int]] = {}
    for number, key in sorted((one.number, one.key) for one in held if one.number is not None and one.key is not None):
        known.setdefault(key, []).append(number)
    seen, waiting = Counter[str | None](), list[_Waiting]()
    for place, one in enumerate(held):
        if one.number is not None:
            yield Row(one.cells, one.number)
            continue
        others = known.get(one.key, [])
        missing = min(max(0, one.twin - 1 - seen[one.key]), len(others))
        seen[one.key] += 1
        first = others[missing - 1] + 1 if missing else 1
        before = others[missing] if missing < len(others) else _NUMBER_MAX
        # Where there is no room behind the last number, before it.
        waiting.append(_Waiting(first if first + len(held) < _NUMBER_MAX else 1, before, place, one))
    yield from _between(waiting, {one.number for one in held if one.number is not None})


class _Waiting(NamedTuple):
    """A row that may have a number from `first` on, and needs one below `before`. place: among the rows."""

    first: int
    before: int
    place: int
    row: Placed


def _between(waiting: list[_Waiting], taken: Collection[int]) -> Iterator[Row]:
    """Each number goes to the row that needs it soonest: if all can have one in time, then all do."""
    waiting.sort(reverse=True)
    ready, number = list[tuple[int, int, Placed]](), 0
    while ready or waiting:
        number = number + 1 if ready else waiting[-1].first
        while number in taken:
            number += 1
        while waiting and waiting[-1].first <= number:
            heappush(ready, waiting.pop()[1:])
        yield Row(heappop(ready)[2].cells, number)
