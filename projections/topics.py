"""Under which topics an event stands in the log."""

from __future__ import annotations

import domain.catalog
from domain.event import Event, topic_of


def topics_of(event: type[Event]) -> list[str]:
    """The topic of the event and those of its older versions: `trade-executed.v2` is read from `.v1` as well."""
    newest = topic_of(event)
    name, _, version = newest.rpartition(".v")
    known = domain.catalog.events()
    older = [f"{name}.v{number}" for number in range(1, int(version))]
    return [newest, *(topic for topic in older if topic in known)]
