"""How the events of a batch reach the lanes of a projector."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from operator import itemgetter
from typing import NamedTuple, TypeVar, overload

import apsw
import msgspec

from domain.event import Event, decode
from domain.moments import Instant
from ledger.log import Joined, Log
from projections.projector import Fact, Lane, Projector, StreamFact
from projections.rows import State, row_lane
from projections.topics import topics_of
from projections.valid_time import cut, happened_by

# Of a state as the log hands it out; in C, because each is asked of every event.
_TOPIC, _HASH = itemgetter(1), itemgetter(3)
_HASH_BYTES = 32


class Batch(NamedTuple):
    """Some events of the projector's topics, in log order.

    states: those that are shown. hashes: of all that were read. last: the position of the last that was read; with
    `complete` there are no more of them. streams: by position, when a lane asked for them. joined: the events stand in one
    text instead of in `states`.
    """

    states: Sequence[State]
    hashes: Sequence[bytes]
    last: int
    complete: bool
    streams: dict[int, str]
    joined: Joined | None = None

    def singles(self) -> Iterator[Batch]:
        """The same events, one by one."""
        for state in self.states:
            yield self._replace(states=[state], hashes=[state[3]])


class Plan:
    """The topics that a projector wants, and which lane wants which.

    Lanes touch different tables, so they run one after the other; inside a lane the order of the log is kept.
    """

    def __init__(self, projector: Projector, *, as_of: Instant | None = None, since: Instant = "") -> None:
        self._as_of, self._since = as_of, since
        self._rows = [row_lane(table) for table in projector.rows]
        lanes = projector.all_lanes()
        self._lanes = [(frozenset(t for event in lane.events for t in topics_of(event)), lane) for lane in lanes]
        wanted = [lane.topics for lane in self._rows] + [topics for topics, _ in self._lanes]
        self.topics = frozenset[str]().union(*wanted)
        others = frozenset[str]().union(*(topics for topics, _ in self._lanes))
        self._alone = {
            topic: lane
            for lane in self._rows
            for topic in lane.plain - others
            if sum(topic in other.topics for other in self._rows) == 1
        }
        streamed = [topics for topics, lane in self._lanes if lane.with_streams]
        self._streamed = frozenset[str]().union(*streamed)

    def read(self, log: Log, *, after: int, through: int, limit: int) -> Batch:
        """The next events of the projector, at most `limit` of them."""
        states = log.states(after=after, through=through, topics=self.topics, limit=limit)
        hashes = list(map(_HASH, states))
        last = states[-1][0] if states else after
        batch = Batch(states, hashes, last, len(states) < limit, {})
        if self._as_of is not None:
            batch = _cut(batch, log, after, self.topics, self._as_of)
        # Streams are asked for again, of the few events that need them: reading whole events costs three times as much.
        wanted = self._streamed.intersection(map(_TOPIC, batch.states)) if self._streamed else frozenset[str]()
        if not wanted:
            return batch
        stored = log.read(after=after, through=last, topics=wanted, limit=limit)
        return batch._replace(streams={event.position: event.stream for event in stored})

    def is_alone(self, batch: Batch) -> bool:
        """Whether the events of a batch become rows of one table and nothing else, so that more of the like may follow."""
        if batch.joined is not None:
            return True
        topics = {*map(_TOPIC, batch.states)}
        return self._as_of is None and len(topics) == 1 and topics <= self._alone.keys()

    def read_joined(self, log: Log, *, after: int, through: int, limit: int) -> Batch | None:
        """Like `read`, in one step, for a whole batch of events of which `is_alone` is true; None when there is none."""
        found = log.joined(after=after, through=through, topics=self.topics, limit=limit)
        if found is None or found.topic not in self._alone:
            return None
        hashes = [found.hashes[start : start + _HASH_BYTES] for start in range(0, len(found.hashes), _HASH_BYTES)]
        return Batch([], hashes, found.last, complete=False, streams={}, joined=found)

    def apply(self, db: apsw.Connection, batch: Batch, log: Log) -> None:
        """Write the rows of the batch; the caller commits."""
        if batch.joined is not None:
            self._alone[batch.joined.topic].write_joined(db, batch.joined.states)
            return
        present = set(map(_TOPIC, batch.states))
        for rows in self._rows:
            if not present.isdisjoint(rows.topics):
                rows.apply(db, _of_topics(batch.states, rows.topics, present), present & rows.topics)
        for topics, lane in self._lanes:
            if not present.isdisjoint(topics):
                lane.fold(db, self._facts(lane, _of_topics(batch.states, topics, present), batch, log))

    def _facts(self, lane: Lane, states: Sequence[State], batch: Batch, log: Log) -> Sequence[Fact | StreamFact]:
        def fact(state: State) -> Fact | StreamFact:
            position, topic, text, _ = state
            event = decode(topic, text)
            if self._as_of is not None:
                event = cut(event, self._as_of, self._since)
            if lane.dated and event.occurred_at is None:
                event = _dated(log, position, event)
            return StreamFact(position, batch.streams[position], event) if lane.with_streams else Fact(position, event)

        if lane.apart_by is None:
            return [fact(state) for state in states]
        field = msgspec.json.Decoder(_struct_with(lane.apart_by)).decode
        return _Lazy(sorted(states, key=lambda state: msgspec.structs.astuple(field(state[2]))), fact)


def _of_topics(states: Sequence[State], topics: frozenset[str], present: set[str]) -> Sequence[State]:
    return states if present <= topics else [state for state in states if state[1] in topics]


def _cut(batch: Batch, log: Log, after: int, topics: frozenset[str], as_of: Instant) -> Batch:
    """The batch without the events that had not happened by then."""
    stored = log.read(after=after, through=batch.last, topics=topics, limit=max(len(batch.states), 1))
    shown = {event.position for event in stored if happened_by(as_of, event.state, event.recorded_at)}
    return batch._replace(states=[state for state in batch.states if state[0] in shown])


FactT = TypeVar("FactT")


class _Lazy(Sequence[FactT]):
    """Facts that are decoded when they are reached: of large events only one at a time is held."""

    def __init__(self, states: Sequence[State], fact: Callable[[State], FactT]) -> None:
        self._states = states
        self._fact = fact

    def __len__(self) -> int:
        return len(self._states)

    @overload
    def __getitem__(self, index: int) -> FactT: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[FactT]: ...
    def __getitem__(self, index: int | slice) -> FactT | Sequence[FactT]:
        if isinstance(index, slice):
            return _Lazy(self._states[index], self._fact)
        return self._fact(self._states[index])

    def __iter__(self) -> Iterator[FactT]:
        return map(self._fact, self._states)


@cache
def _struct_with(field: str) -> type[msgspec.Struct]:
    return msgspec.defstruct("Apart", [(field, str)])


def _dated(log: Log, position: int, event: Event) -> Event:
    """The event with a valid time: the source gave none, recorded time stands in."""
    stored = log.read(after=position - 1, through=position, limit=1)[0]
    return msgspec.structs.replace(event, occurred_at=stored.recorded_at)
