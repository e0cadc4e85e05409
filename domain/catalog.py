"""Every event that Daybook knows: importing this registers all topics."""

from __future__ import annotations

from domain import advice, agents, audit, entered, legacy, portfolio, prices, satellites, trading, universe, upkeep
from domain.event import Event, topics

__all__ = ["MODULES", "events"]

MODULES = (advice, agents, audit, entered, legacy, portfolio, prices, satellites, trading, universe, upkeep)


def events() -> dict[str, type[Event]]:
    """Topic to class, for all events."""
    return topics()
