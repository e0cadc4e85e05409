"""Two ledgers that should know the same of a legacy system: what differs between what stands in the one and in the other."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from operator import itemgetter
from pathlib import Path

import msgspec

from domain import event as events
from domain.event import Event
from ledger.log import Stored
from replay.reading import Table, open_frozen, tables
from replay.standing_rows import At, StandingRows
from replay.system import WritingBack
from replay.written_prices import Prices

NAMED_MAX = 20


def differences(mine: StandingRows, other: StandingRows, back: WritingBack, folder: Path) -> list[str]:
    """What the other ledger, made from the files in the folder, does not know as this one does: a sentence each.

    What was entered here is compared when it is written; prices are compared with what was entered of them.
    """
    found: list[str] = []
    prices = Prices(mine, back), Prices(other, back)
    shapes = _Shapes(folder)
    for at in sorted({*mine.tables(), *other.tables()}):
        found += _in_rows(mine, other, at)
        table = shapes.of(at)
        if table is not None:
            found += _in_prices(*prices, at, table)
    return found[:NAMED_MAX]


class _Shapes:
    """The tables of the written files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, dict[str, Table]] = {}

    def of(self, at: At) -> Table | None:
        if at.file not in self._known:
            db = open_frozen(self._folder / at.file)
            self._known[at.file] = {table.name: table for table in tables(db)}
            db.close()
        return self._known[at.file].get(at.table)


def _in_rows(mine: StandingRows, other: StandingRows, at: At) -> Iterator[str]:
    """Both sides come in the order of their streams."""
    theirs = other.by_stream(at)
    there = next(theirs, None)
    for recorded, later in mine.by_stream(at):
        while there is not None and there[0].stream < recorded.stream:
            there = next(theirs, None)
        if there is None or there[0].stream != recorded.stream:
            yield f"{at.file} {at.table}: {recorded.stream} is missing"
        elif later is None and (unlike := _unlike(recorded, there[0])):
            yield f"{at.file} {at.table}: {recorded.stream} differs in {', '.join(unlike)}"


def _unlike(one: Stored, other: Stored) -> list[str]:
    """The fields that differ; a correction of what stood before is the fact itself where nothing stood before."""
    if one.state == other.state:
        return []
    mine, theirs = events.decode(one.topic, one.state), events.decode(other.topic, other.state)
    # What was assumed depends on what the rest of the folder said at that time.
    left_out = {*mine.assumed, *theirs.assumed, "assumed"}
    return [name for name in mine.__struct_fields__ if name not in left_out and not _same(mine, theirs, name)]


def _same(one: Event, other: Event, field: str) -> bool:
    values = getattr(one, field), getattr(other, field, None)
    return bool(values[0] == values[1]) or msgspec.to_builtins(values[0]) == msgspec.to_builtins(values[1])


def _in_prices(mine: Prices, other: Prices, at: At, table: Table) -> Iterator[str]:
    """Series come in order on both sides, and in each its rows."""
    for one, there in zip_longest(mine.rows(at, table), other.rows(at, table)):
        if one != there:
            stream, key, _ = min((pair for pair in (one, there) if pair is not None), key=itemgetter(0, 1))
            yield f"{at.file} {at.table}: the rows differ from {stream} {key} on"
            return
