"""Events about entries: what a user or a program handed in under a key of its own."""

from __future__ import annotations

from typing import Any

from domain.event import Event, register


@register
class EntryAccepted(Event, frozen=True, kw_only=True, tag="entry-accepted.v1"):
    """An entry with a key was accepted, once and for all: the stream of the key can hold only one.

    entry: as it was handed in, numbers as text, so that the same key with other content can be told apart. streams: where
    what it says was recorded, in the events that follow at once; none when the log said all of it before.
    """

    key: str
    entry: dict[str, Any]  # whatever the fields of the entry hold
    streams: list[str]
