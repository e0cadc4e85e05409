"""Tables as they were at some moments: derived from one reading of the log, and only as far as somebody reads the rows.

Where events say of which thing they are, and things do not touch each other, as the bars of two securities, one thing after
the other is derived. Where rows of different days do not touch each other either, and the ledger knew the same at both
moments, the days up to the first moment are left out of a comparison: they are the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import NamedTuple, Self

import msgspec

from domain.event import topics as registered
from domain.moments import Instant
from ledger.concerning import concerning, pages
from ledger.log import Log, Stored
from operations.tables import Key, ModelTable, Past, Row, Table, happened, rows_in, written_together
from projections.valid_time import is_block, valid_time

# Blocks are as large as some hundred other events.
_PAGE_EVENTS, _PAGE_BLOCKS = 5_000, 500


class Moment(NamedTuple):
    """A point in both times. as_of: what had happened; through: the last position that the ledger had then."""

    as_of: Instant
    through: int


class _Thing(NamedTuple):
    """What some events are about, by name, and where they stand in the log."""

    name: str
    positions: list[int]


class Pasts:
    """Some tables that the same code writes, alike in what `way` says, at each of the moments; a context manager."""

    def __init__(self, log: Log, tables: Sequence[Table], key: Key, moments: Sequence[Moment]) -> None:
        self._log, self._table, self._key, self._moments = log, tables[0], key, moments
        self._through = max(moment.through for moment in moments)
        self._opened = ExitStack()
        self._pasts = [self._past(moment.as_of) for moment in moments]
        self._later: Past | None = None
        if way(self._table).is_dated and len(moments) == 2 and moments[0].through == moments[1].through:
            self._later = self._past(moments[1].as_of, since=moments[0].as_of)
        kinds = registered()
        self._page = _PAGE_BLOCKS if any(is_block(kinds[topic]) for topic in self._table.topics) else _PAGE_EVENTS
        self._things = None if key else self._all_things()
        self._read: list[list[Past | None]] = []
        self._is_read = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def rows(self, number: int, table: Table) -> Iterator[Row]:
        """The rows of a table at one of the moments, in the order of its key; perhaps without those that all have."""
        if self._things is None:
            self._read_all()
            yield from rows_in(self._pasts[number], table, self._key)
            return
        if not way(table).is_ordered:
            while len(self._read) < len(self._things):
                self._read_thing(self._things[len(self._read)])
            yield from rows_in(self._pasts[number], table)
            return
        for place, thing in enumerate(self._things):
            if place == len(self._read):
                self._read_thing(thing)
            past = self._read[place][number]
            if past is not None:
                yield from rows_in(past, table, {table.keys[0][0]: thing.name})

    def _past(self, as_of: Instant, since: Instant = "") -> Past:
        past: Past = self._table.past(self._log, as_of, since=since)
        self._opened.callback(past.close)
        return past

    def _read_all(self) -> None:
        if self._is_read:
            return
        self._is_read = True
        for page in self._events():
            self._put(page)

    def _events(self) -> Iterator[list[Stored]]:
        if self._key:
            found = concerning(self._log, self._table.sought(self._key), through=self._through)
            yield from pages(self._log, found.positions)
            return
        after, topics = 0, self._table.topics
        while page := self._log.read(after=after, through=self._through, topics=topics, limit=self._page):
            yield page
            after = page[-1].position

    def _put(self, events: Sequence[Stored]) -> None:
        dated = [(valid_time(one.state, one.recorded_at), one) for one in events]
        for (as_of, through), past in zip(self._moments, self._pasts, strict=True):
            past.put([one for when, one in dated if when <= as_of and one.position <= through])

    def _all_things(self) -> list[_Thing] | None:
        """What the events are about, by name; None where they do not say it."""
        if not isinstance(self._table, ModelTable) or self._table.declared.apart_by is None:
            return None
        field, makers = self._table.declared.apart_by, self._table.declared.rows_from
        told = msgspec.defstruct("About", [(field, str)])
        name_of = msgspec.json.Decoder(told).decode
        found: dict[str, list[int]] = {}
        made, after = set[str](), 0
        while page := self._log.states(after=after, through=self._through, topics=self._table.topics, limit=self._page):
            for position, topic, state, _ in page:
                name = str(getattr(name_of(state), field))
                found.setdefault(name, []).append(position)
                if makers is None or topic in makers:
                    made.add(name)
            after = page[-1][0]
        return [_Thing(name, found[name]) for name in sorted(made)]

    def _read_thing(self, thing: _Thing) -> None:
        events = [one for page in pages(self._log, thing.positions) for one in page]
        if self._later is None or self._something_happened(events):
            self._put(events)
            self._read.append([*self._pasts])
        else:
            self._later.put(happened(events, self._moments[1].as_of))
            self._read.append([None, self._later])

    def _something_happened(self, events: Sequence[Stored]) -> bool:
        """Whether anything but rows of blocks came between the two moments."""
        kinds = registered()
        others = [one for one in events if not is_block(kinds[one.topic])]
        return happened(others, self._moments[0].as_of) != happened(others, self._moments[1].as_of)


class Way(NamedTuple):
    """How a table can be derived bit by bit. is_ordered: thing by thing its rows come in the order of the key; is_dated:
    rows of different days do not touch each other; makers: the topics without one of which a thing has no row.
    """

    is_ordered: bool = False
    is_dated: bool = False
    makers: frozenset[str] | None = None


def way(table: Table) -> Way:
    """How a table can be derived bit by bit."""
    if not isinstance(table, ModelTable) or table.declared.apart_by is None:
        return Way()
    declared = table.declared
    return Way(declared.is_ordered, declared.is_ordered and declared.dated_by is not None, declared.rows_from)


def together(tables: Sequence[Table]) -> list[list[Table]]:
    """Tables that can be derived the same way stand together, so that the log is read once for all of them."""
    found: dict[tuple[str, Way], list[Table]] = {}
    for table in tables:
        model = table.declared.model if isinstance(table, ModelTable) else table.name
        found.setdefault((model, way(table)), []).append(table)
    return [written_together(some) for some in found.values()]
