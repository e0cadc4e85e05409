"""The trading bot: a DuckDB monolith in two generations, and the isolated stores that it became."""

from replay.trading_bot.system import SYSTEM

__all__ = ["SYSTEM"]
