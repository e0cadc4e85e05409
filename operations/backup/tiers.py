"""The tiers of back-ups: what each copies, how its copies are named, how many are kept (legacy facts 4.4)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum

from operations.settings import Backup

DISPOSABLE = "cache"
# The trading bot's own rules (legacy facts 4.6): orders and positions each hour, market data each week.
_HOURLY = frozenset({"trading-bot/trading"})
_WEEKLY = frozenset({"trading-bot/market-data", "trading-bot/backtest"})
_NEVER = frozenset({"trading-bot/live-buffer"})
"""It is of today; the ledger has it all."""


class Tier(StrEnum):
    """How often a copy is made."""

    HOURLY = "hourly"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"

    def period(self, now: datetime) -> str:
        """The name of the copy that belongs to this moment, in UTC; names of a tier sort by time."""
        return _NAMES[self](now)

    def takes(self, model: str) -> bool:
        """Whether the copy holds this read model. All are derived from the ledger, which every copy holds; the hourly one has
        only what must be at hand at once, and what is large and of many files is copied each week alone.
        """
        if model in _NEVER or self is Tier.HOURLY:
            return model in _HOURLY
        if model in _WEEKLY:
            return self is Tier.WEEKLY
        return self is not Tier.DAILY or model != DISPOSABLE

    def kept(self, settings: Backup) -> int:
        """How many copies are kept."""
        return int(getattr(settings, self.value))


def _week(now: datetime) -> str:
    year, week, _ = now.isocalendar()
    return f"{year}-W{week:02}"


_NAMES: dict[Tier, Callable[[datetime], str]] = {
    Tier.HOURLY: lambda now: now.strftime("%Y-%m-%dT%H"),
    Tier.DAILY: lambda now: now.strftime("%Y-%m-%d"),
    Tier.WEEKLY: _week,
    Tier.MONTHLY: lambda now: now.strftime("%Y-%m"),
}
