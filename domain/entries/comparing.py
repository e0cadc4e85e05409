"""Whether the log says already what an entry says, compared field by field on decoded events."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import msgspec

from domain.entries.base import Entry
from domain.event import Event

# What Daybook itself says of an event, or fills in when the entry does not say it: never a difference.
_OURS = frozenset({"id", "created_at", "short", "assumed", "repaired", "copy"})
_TIME = "occurred_at"


class Difference(NamedTuple):
    """A field that the log and an entry say otherwise."""

    field: str
    recorded: object
    given: object


def differences(recorded: Event, given: Event, entry: Entry, *, entered: bool) -> list[Difference]:
    """Where a recorded event and the event that an entry becomes differ.

    entered: the recorded one came from an entry, so it must say the same throughout. One that came from a legacy system says
    more than an entry does: then only what the entry itself states is compared.
    """
    fields = [*recorded.__struct_fields__]
    return [
        Difference("at" if field == _TIME else field, getattr(recorded, field), getattr(given, field))
        for field in fields
        if field not in _OURS
        and hasattr(given, field)
        and getattr(recorded, field) != getattr(given, field)
        and _counts(field, entry, entered=entered)
    ]


def _counts(field: str, entry: Entry, *, entered: bool) -> bool:
    if field == _TIME:
        return entry.at is not None or not _may_be_left_out(entry)
    if entered:
        return True
    return getattr(entry, field, None) not in (None, _defaults(type(entry)).get(field))


@cache
def _defaults(kind: type[Entry]) -> dict[str, object]:
    """What an entry says where nothing was stated."""
    return {field.name: field.default for field in msgspec.structs.fields(kind)}


def _may_be_left_out(entry: Entry) -> bool:
    """Whether the entry takes its time from `at`; a bar or a snapshot names its day otherwise."""
    return "date" not in entry.__struct_fields__
