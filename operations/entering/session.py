"""Judging entries inside one transaction: what they become, whether it is there already, what the rules may ask."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import cache
from typing import Any

import msgspec
from msgspec import Struct

from domain.entered import EntryAccepted
from domain.entries.base import Clock, Entry, Fact, Mode
from domain.entries.catalog import read_fields
from domain.entries.changes import GONE, Void
from domain.entries.comparing import differences
from domain.entries.figures import Bar
from domain.entries.holding import Move, move_of
from domain.entries.refusal import Conflict, Refused
from domain.event import Event, decode, encode, topic_of
from domain.secrets import Mask, Names
from domain.streams import stream
from domain.universe import SecurityRemoved
from ledger.writing import Found, Unwritten, Writing
from operations.entering.bars import BarBuffer
from operations.entering.shares import Shares

RECORDED, THERE = "recorded", "already there"


class Place(Struct, frozen=True):
    """Where something was recorded. type: of the event, such as trade-executed."""

    position: int
    stream: str
    type: str


class Taken(Struct):
    """What became of an entry: recorded, or already there, in which case there are no places."""

    entry: str
    status: str
    places: list[Place]


class Held(Struct):
    """The newest event of a stream, decoded when it is asked for."""

    version: int
    topic: str
    state: str | bytes
    entered: bool
    event: Event | None = None

    def read(self) -> Event:
        """The event."""
        if self.event is None:
            self.event = decode(self.topic, self.state)
        return self.event


class Session:
    """One transaction of entries. Answers what the rules ask (domain.entries.base.Standing), earlier entries included.

    names: what tells of a secret, so that a conflict does not show one.
    """

    def __init__(
        self, writing: Writing, shares: Shares, clock: Clock, *, allow_short: bool, names: Callable[[], Names] = Names
    ) -> None:
        self.clock, self.allow_short = clock, allow_short
        self._writing, self._shares, self._names = writing, shares, names
        self._held: dict[str, Held | None] = {}
        self._pending: list[Unwritten] = []
        self._unwritten: set[str] = set()
        self._bars = BarBuffer(self)

    @property
    def position(self) -> int:
        """The newest position of the log, what was taken included."""
        return self._writing.position + len(self._pending)

    def newest(self, stream: str) -> Event | None:
        """The newest event of a stream, None when there is none."""
        held = self.held(stream)
        return None if held is None else held.read()

    def history(self, stream: str) -> Sequence[Event]:
        """All events of a stream, oldest first."""
        return [decode(one.topic, one.state) for one in self.found(stream)]

    def newest_of_all(self, prefix: str) -> Sequence[Event]:
        """The newest event of every stream whose name begins so."""
        self.write()
        names = self._writing.streams(prefix)
        self.look_up(names)
        return [event for name in names if (event := self.newest(name)) is not None]

    def oversold(self, symbol: str, stream: str, move: Move | None) -> Decimal:
        """How many more shares would be sold that are not held, at some moment, if the trade of this stream read so."""
        return self._shares.oversold(symbol, stream, move, is_new=self.held(stream) is None)

    def found(self, stream: str) -> list[Found]:
        """All events of a stream as they are stored, oldest first."""
        if stream in self._unwritten:
            self.write()
        return self._writing.history(stream)

    def greatest(self, stream: str, column: str) -> str | None:
        """The greatest last cell of a column over the blocks of a stream that the log holds."""
        return self._writing.greatest(stream, column)

    def held(self, stream: str) -> Held | None:
        """The newest event of a stream with its version."""
        try:
            return self._held[stream]
        except KeyError:
            self.look_up([stream])
            return self._held[stream]

    def look_up(self, streams: Sequence[str]) -> None:
        """Read the newest events of these streams at once."""
        unknown = [name for name in streams if name not in self._held]
        if unknown:
            self._held |= dict.fromkeys(unknown)
            for name, version, _, topic, state, entered in self._writing.newest(unknown):
                self._held[name] = Held(version, topic, state, entered)

    def prepare(self, entries: Sequence[Entry]) -> None:
        """Look up at once what these entries will ask for, as far as they know; forget what others asked for."""
        self.write()
        self._held = {}
        self.look_up(list({name for entry in entries for name in entry.about()}))

    def take(self, entry: Entry) -> Taken:
        """Record the entry unless it is there. Raises Refused, and then nothing of it was recorded."""
        taken = Taken(str(type(entry).__struct_config__.tag), THERE, [])
        accepted = stream("entry", entry.key) if entry.key is not None else None
        if accepted is not None and self._was_accepted(accepted, entry):
            return taken
        if isinstance(entry, Void):
            self._bars.write()  # it may be about one of them
        facts = entry.facts(self)
        if isinstance(entry, Bar) and accepted is None:
            self._bars.take(facts[0], taken)
            return taken
        fresh = [fact for fact in facts if not self._is_there(fact, entry)]
        if accepted is not None and entry.key is not None:
            said = msgspec.to_builtins(entry)
            self._append(
                accepted, EntryAccepted(key=entry.key, entry=said, streams=[one.stream for one in fresh]), taken
            )
        for fact in fresh:
            self._append(fact.stream, fact.event, taken)
        if fresh or accepted:
            taken.status = RECORDED
        return taken

    def write(self) -> None:
        """Append what was taken to the log."""
        if self._pending:
            self._writing.append(self._pending)
            self._pending = []
            self._unwritten.clear()

    def finish(self) -> None:
        """Append all that was taken, bars included."""
        self._bars.write()
        self.write()

    def append_block(self, name: str, block: Event, takens: Sequence[Taken]) -> None:
        """A block of bars, for the entries that it was made of."""
        place = self._place(name, block)
        for taken in takens:
            taken.places.append(place)

    def _append(self, name: str, event: Event, taken: Taken) -> None:
        self._follow(name, event)
        taken.places.append(self._place(name, event))

    def _place(self, name: str, event: Event) -> Place:
        held = self.held(name)
        version = 1 if held is None else held.version + 1
        topic, kind = _names(type(event))
        state = encode(event)
        self._held[name] = Held(version, topic, state, entered=True, event=event)
        self._pending.append(Unwritten(name, version, topic, state))
        self._unwritten.add(name)
        return Place(self.position, name, kind)

    def _follow(self, name: str, event: Event) -> None:
        """Keep the shares up to date."""
        held = self.held(name)
        now = move_of(event)
        if held is None:
            before = None
        elif held.topic.startswith(_TRADES):
            before = self._last_move(name)
        else:
            return
        position = self.position + 1
        if before is not None and (now is None or now[0] != before[0]):
            self._shares.put(before[0], name, None, position, is_new=False)
        if now is not None:
            self._shares.put(now[0], name, now[1], position, is_new=before is None)

    def _last_move(self, name: str) -> tuple[str, Move] | None:
        newest = self.newest(name)
        return None if newest is None else move_of(newest)

    def _was_accepted(self, name: str, entry: Entry) -> bool:
        held = self.newest(name)
        if held is None:
            return False
        assert isinstance(held, EntryAccepted)
        given = msgspec.to_builtins(entry)
        try:
            same = read_fields(held.entry) == entry
        except Refused:
            same = held.entry == given  # an entry of an older version
        if not same:
            raise Conflict(f"the key {held.key}", self._told(held.entry, given))
        return True

    def _is_there(self, fact: Fact, entry: Entry) -> bool:
        """Whether the log says it already; raises Conflict when it says otherwise of a thing that happens once."""
        held = self.held(fact.stream)
        if held is None or fact.mode is Mode.CHANGE:
            return False
        if fact.mode is Mode.STATE:
            recorded = held.read()
            return isinstance(recorded, type(fact.event)) and not differences(recorded, fact.event, entry, entered=True)
        found = self.found(fact.stream)
        entered = all(one.entered for one in found)
        told = [
            differences(recorded, fact.event, entry, entered=entered)
            for recorded in (decode(one.topic, one.state) for one in found)
            if isinstance(recorded, type(fact.event)) or isinstance(fact.event, type(recorded))
        ]
        if any(not one for one in told):
            return True
        if isinstance(held.read(), SecurityRemoved):
            raise Refused("security-known", f"{fact.stream} was removed from the universe")
        if isinstance(held.read(), GONE):
            raise Refused("void", f"{fact.stream} was recorded with other content, and is void")
        before, now = ({one.field: one.recorded for one in told[-1]}, {one.field: one.given for one in told[-1]})
        raise Conflict(fact.stream, self._told(before, now))

    # Any: the fields of an entry or an event.
    def _told(self, recorded: Mapping[str, Any], given: Mapping[str, Any]) -> list[tuple[str, object, object]]:
        """The fields that differ, as they may be shown: what is given may be a secret that nobody has met before."""
        fields = [name for name in {**recorded, **given} if recorded.get(name) != given.get(name)]
        before, now = (Mask(names=self._names()).content(one) for one in (recorded, given))
        return [(name, before.get(name), now.get(name)) for name in fields]


@cache
def _names(kind: type[Event]) -> tuple[str, str]:
    """The topic of an event, and the same without its version."""
    topic = topic_of(kind)
    return topic, topic.rpartition(".v")[0]


_TRADES = ("trade-", "shares-split")
