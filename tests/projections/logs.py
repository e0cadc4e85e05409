"""Logs that tests make up: in memory for properties, a real ledger where processes or files are at stake."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any, cast

from hypothesis import strategies as st

from domain.event import Event, encode, topic_of
from domain.universe import SettingChanged
from ledger.chain import START, Head, next_hash
from ledger.log import Entry, Joined, Log, Stored, open_log
from projections import catalog
from projections.building import standing
from projections.checkpoint import Checkpoint
from projections.comparing import table_digests
from projections.projector import Projector
from tests import strategies

Content = tuple[dict[str, tuple[int, str]], Checkpoint]


def setting(number: int, value: str = "on", **more: Any) -> SettingChanged:
    return SettingChanged(key=f"key {number}", value=value, **more)


SETTINGS = [setting(number) for number in range(6)]


def content(path: Path) -> Content:
    found = standing(path)
    assert found is not None
    return table_digests(path), found.mark


NOON = "2026-01-01T12:00:00.000000Z"


class ListedLog:
    """A log that is a list: the events, chained as the ledger chains them, one recorded at each second."""

    def __init__(self, events: Iterable[Event] = ()) -> None:
        self.stored: list[Stored] = []
        self.extend(events)

    def extend(self, events: Iterable[Event]) -> ListedLog:
        for event in events:
            position = len(self.stored) + 1
            row = (f"thing:{position}", 1, topic_of(type(event)), encode(event).decode())
            recorded_at = f"2026-01-01T{position // 3600:02}:{position // 60 % 60:02}:{position % 60:02}.000000Z"
            stream, version, topic, state = row
            found = next_hash(self.head().hash, position, stream, version, topic, recorded_at, state, None)
            self.stored.append(Stored(position, stream, version, topic, state, recorded_at, None, found))
        return self

    def head(self) -> Head:
        return Head(self.stored[-1].position, self.stored[-1].hash) if self.stored else Head(0, START)

    def read(
        self, *, after: int = 0, through: int | None = None, topics: Collection[str] | None = None, limit: int = 10_000
    ) -> list[Stored]:
        found = self.stored[after:through]
        return [event for event in found if topics is None or event.topic in topics][:limit]

    def states(
        self, *, after: int, through: int | None, topics: Collection[str] | None, limit: int
    ) -> list[tuple[int, str, str, bytes]]:
        found = self.read(after=after, through=through, topics=topics, limit=limit)
        return [(event.position, event.topic, event.state, event.hash) for event in found]

    def joined(self, *, after: int, through: int, topics: Collection[str], limit: int) -> Joined | None:
        found = self.read(after=after, through=through, topics=topics, limit=limit)
        if len(found) < limit or len({event.topic for event in found}) != 1:
            return None
        states = f"[{','.join(event.state for event in found)}]"
        return Joined(found[0].topic, found[-1].position, states, b"".join(event.hash for event in found))

    def hashes(
        self, *, after: int, through: int | None, topics: Collection[str] | None, limit: int
    ) -> list[tuple[int, bytes]]:
        return [
            (place, of_event)
            for place, _, _, of_event in self.states(after=after, through=through, topics=topics, limit=limit)
        ]

    def count(self, *, through: int, topics: Collection[str]) -> int:
        return sum(event.topic in topics for event in self.stored if event.position <= through)

    def recorded_position(self, known_at: str) -> int:
        return sum(event.recorded_at <= known_at for event in self.stored)


def log_of(*events: Event) -> Log:
    return cast("Log", ListedLog(events))


def ledger_of(home: Path, events: Sequence[Event]) -> None:
    """A real ledger.db in `home` that holds these events."""
    entries = [Entry(f"thing:{number}", topic_of(type(event)), encode(event)) for number, event in enumerate(events, 1)]
    with open_log(home, create=True, write=True) as log:
        log.append(entries, recorded_at=NOON)


def events_of(projector: Projector) -> list[type[Event]]:
    """The events that the projector wants, in a steady order."""
    wanted = {event for table in projector.rows for event in (*table.stated, *table.removed)}
    wanted |= {event for lane in projector.all_lanes() for event in lane.events}
    return sorted(wanted, key=lambda event: event.__name__)


def histories(projector: Projector, max_size: int = 12) -> st.SearchStrategy[list[Event]]:
    """Histories of the projector's events, with events of others between them."""
    others = events_of(catalog.find("config" if projector.name != "config" else "universe"))
    kinds = [*events_of(projector), *others[:1]]
    return st.lists(st.sampled_from(kinds).flatmap(strategies.events), max_size=max_size)
