"""What changed in a legacy folder since it was last read: which files, and in them which tables."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import msgspec

from replay.freezing import State, state_of
from replay.reading import open_frozen, without_rows

# A kernel stamps files with a clock that ticks this often at most: of two changes within a tick the second may not show.
TICK_NS = 20_000_000

_SIZE = slice(16, 18)  # of a page, in the header of an SQLite file; 1 stands for 65,536
_LARGEST = 65_536
_CHUNK_PAGES = 256
_TOUCHED = "SELECT DISTINCT name FROM dbstat WHERE pageno IN (SELECT value FROM json_each(?))"
_SCHEMA = "SELECT name, rootpage, sql FROM sqlite_schema WHERE type = 'table'"


class Mark(NamedTuple):
    """What a file and its -wal looked like: identity, size, time, header with change counter or salt.

    settled: nothing can have changed within the same tick of the clock.
    """

    state: State
    settled: bool

    def is_still(self, now: Mark) -> bool:
        """Whether the file has certainly not changed until `now`."""
        return self.settled and self.state == now.state


def mark_of(path: Path) -> Mark:
    """What the file looks like now; raises OSError when it cannot be looked at."""
    now = time.time_ns()
    state = state_of(path, journal=False)
    return Mark(state, all(now - modified > TICK_NS for _, _, modified, _ in state))


class Compared(NamedTuple):
    """The tables of a file: those that are as they were, and all others, be they changed, new or gone."""

    same: frozenset[str]
    others: frozenset[str]


def compare_tables(old: Path, new: Path) -> Compared:
    """Compare a frozen file with an older copy of it: a table is the same whose every page is, byte for byte.

    Pages refer to each other by number: a table whose pages are all where they were, with what they held, is as it was.
    """
    pages = _differing_pages(old, new)
    with closing(open_frozen(old)) as before, closing(open_frozen(new)) as after:
        tables = {*before.execute(_SCHEMA)}, {*after.execute(_SCHEMA)}
        names = frozenset(str(name) for name, _, _ in tables[0] | tables[1])
        if pages is None:
            return Compared(frozenset(), names)
        touched = {name for (name,) in after.execute(_TOUCHED, (msgspec.json.encode(pages).decode(),))}
        elsewhere = without_rows(after)
    same = frozenset(str(name) for name, _, _ in tables[0] & tables[1] if name not in touched | elsewhere)
    return Compared(same, names - same)


def _differing_pages(old: Path, new: Path) -> list[int] | None:
    """The numbers of the pages that an older copy has not, or has otherwise; None when they cannot be compared."""
    with old.open("rb") as before, new.open("rb") as after:
        heads = before.read(100), after.read(100)
        sizes = {int.from_bytes(head[_SIZE]) for head in heads}
        if len(sizes) != 1 or any(len(head) < 100 for head in heads):
            return None
        size = sizes.pop()
        size = _LARGEST if size == 1 else size
        before.seek(0)
        after.seek(0)
        found: list[int] = []
        number = 1
        while chunk := after.read(size * _CHUNK_PAGES):
            other = before.read(size * _CHUNK_PAGES)
            if chunk != other:
                found += [number + place for place in _unlike(chunk, other, size)]
            number += _CHUNK_PAGES
        return found


def _unlike(chunk: bytes, other: bytes, size: int) -> Iterator[int]:
    for place in range(-(-len(chunk) // size)):
        part = slice(place * size, (place + 1) * size)
        if chunk[part] != other[part]:
            yield place
