"""Every event that Daybook knows: importing this registers all topics."""

from __future__ import annotations

from domain import (
    advice,
    agents,
    audit,
    bot_backtest,
    bot_config,
    bot_signals,
    bot_trading,
    entered,
    legacy,
    market,
    portfolio,
    prices,
    satellites,
    trading,
    universe,
    upkeep,
)
from domain.event import Event, topics

__all__ = ["MODULES", "events"]

MODULES = (
    advice, agents, audit, bot_backtest, bot_config, bot_signals, bot_trading, entered, legacy, market,
    portfolio, prices, satellites, trading, universe, upkeep,
)  # fmt: skip


def events() -> dict[str, type[Event]]:
    """Topic to class, for all events."""
    return topics()
