"""The base of every event, its written form, and the register of topics."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec
from msgspec import Struct

from domain.errors import UnknownTopic
from domain.moments import Moment

Flag = int
"""0 or 1, as the legacy systems store truth; kept as the integer it was."""

Count = int | float
"""A whole number by declaration; legacy files hold fractions in such columns, so both are kept as they are."""

Verbatim = int | float | str | None
"""A legacy value whose storage class varies from row to row, kept as it was."""


class Event(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag_field="event"):
    """Something that happened.

    occurred_at: valid time, when it happened in the world; None when the source does not say, then recorded time stands in.
    assumed: fields whose value the source did not give and that were filled by a rule (zone, currency, rate, default).
    repaired: the known corruption that was undone while reading the source row; None for an undamaged row.
    """

    occurred_at: Moment | None = None
    assumed: tuple[str, ...] = ()
    repaired: str | None = None


E = TypeVar("E", bound=type[Event])

_classes: dict[str, type[Event]] = {}
_decoders: dict[str, msgspec.json.Decoder[Event]] = {}
_upcasts: dict[str, Callable[[Event], Event]] = {}
_encoder = msgspec.json.Encoder(decimal_format="string")
encode = _encoder.encode


def register(cls: E) -> E:
    """Class decorator: make the event's tag a topic of the log; a topic is never renamed and never reused."""
    topic = topic_of(cls)
    assert topic not in _classes, f"{topic} is registered twice"
    _classes[topic] = cls
    return cls


def register_upcast(old: type[Event], upcast: Callable[[Event], Event]) -> None:
    """Read events of an old version as the newest: `upcast` turns an `old` into its successor."""
    _upcasts[topic_of(old)] = upcast


def topic_of(cls: type[Event]) -> str:
    """The registered name with a version, such as `trade-executed.v1`."""
    tag = cls.__struct_config__.tag
    assert isinstance(tag, str), f"{cls.__name__} has no tag"
    return tag


def topics() -> dict[str, type[Event]]:
    """Every registered topic with its class."""
    return dict(_classes)


def decode(topic: str, state: str | bytes) -> Event:
    """Read an event of the log, in its newest version; raises UnknownTopic or msgspec.ValidationError."""
    decoder = _decoders.get(topic)
    if decoder is None:
        if topic not in _classes:
            raise UnknownTopic(
                f"the log holds events of type {topic}, which this version does not know", hint="Upgrade Daybook."
            )
        decoder = _decoders[topic] = msgspec.json.Decoder(_classes[topic])
    event = decoder.decode(state)
    upcast = _upcasts.get(topic)
    return upcast(event) if upcast else event
