"""A realistic folder of the legacy system Arduino Trader, made up from a fixed seed: for the demo and for tests."""

from operations.demo_legacy.folder import write_legacy_folder
from operations.demo_legacy.planted import Flaw, Planted

__all__ = ["Flaw", "Planted", "write_legacy_folder"]
