"""The Arduino Trader: its files, its tables, its traps."""

from replay.arduino_trader.system import SYSTEM

__all__ = ["SYSTEM"]
