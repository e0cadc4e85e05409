"""What every entry has in common: its base, the types of its fields, the facts it becomes, and what the rules may ask."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from enum import Enum
from typing import Annotated, NamedTuple, Protocol

from msgspec import Meta, Struct

from domain.entries.holding import Move
from domain.event import Event
from domain.moments import Instant

_NUMBER = {"type": ["string", "number"]}

Amount = Annotated[Decimal, Meta(description="an exact number: text, or a JSON number", extra_json_schema=_NUMBER)]
Symbol = Annotated[str, Meta(min_length=1, max_length=64, description="as the broker writes it, such as AAPL.US")]
Currency = Annotated[str, Meta(min_length=3, max_length=3, description="ISO 4217, such as EUR")]
Name = Annotated[str, Meta(min_length=1, max_length=500)]
When = Annotated[
    str,
    Meta(max_length=40, description="a moment with its zone: 2026-11-20T18:00:00Z; where a day is meant, 2026-11-20"),
]


class Entry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="entry"):
    """Something to be recorded.

    at: when it happened; the present moment when it is left out. key: tells entries apart that have no id of their own: the
    same key is recorded once, whatever happens to the program that sends it.
    """

    at: When | None = None
    key: Name | None = None

    def about(self) -> Sequence[str]:
        """The streams that it will ask for, as far as it knows beforehand: those of a batch are looked up at once."""
        return ()

    def facts(self, standing: Standing) -> list[Fact]:
        """What is to be recorded, in this order. Raises Refused when a rule forbids it."""
        raise NotImplementedError  # each entry says it; a struct cannot be an abstract class


class Mode(Enum):
    """How a fact relates to what its stream holds already.

    ONCE: the stream is this one fact, so another content is a conflict. STATE: the newest counts, and the same again says
    nothing new. CHANGE: it follows from the newest, and is appended.
    """

    ONCE = "once"
    STATE = "state"
    CHANGE = "change"


class Fact(NamedTuple):
    """An event on its way into a stream."""

    stream: str
    event: Event
    mode: Mode = Mode.STATE


class Clock(NamedTuple):
    """The present moment, and the latest that an entry may name."""

    now: Instant
    latest: Instant


class Standing(Protocol):
    """What the rules may ask about what is recorded, earlier entries of the same batch included."""

    clock: Clock
    allow_short: bool

    def newest(self, stream: str) -> Event | None:
        """The newest event of a stream, None when there is none."""

    def history(self, stream: str) -> Sequence[Event]:
        """All events of a stream, oldest first."""

    def newest_of_all(self, prefix: str) -> Sequence[Event]:
        """The newest event of every stream whose name begins so."""

    def oversold(self, symbol: str, stream: str, move: Move | None) -> Decimal:
        """How many more shares would be sold that are not held, at some moment, if the trade of this stream read so."""
