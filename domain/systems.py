"""The legacy systems by name, and which of them a stream of the log is about."""

from __future__ import annotations

from collections.abc import Collection

ARDUINO_TRADER = "arduino-trader"
TRADING_BOT = "trading-bot"
SYSTEMS = (ARDUINO_TRADER, TRADING_BOT)

_PREFIXES = {"bot-": TRADING_BOT, "market-": TRADING_BOT}
# What the ledger and its replays say of themselves.
_OF_NONE = frozenset({"cut-over", "entry", "kept", "ledger", "legacy-schema", "replay"})


def system_of(kind: str) -> str | None:
    """The system that streams of a kind (what stands before the colon) are about; None where they are about no system.

    Whatever another system does not claim is about the first one, whose entries may be made here as well.
    """
    if kind in _OF_NONE:
        return None
    return next((system for prefix, system in _PREFIXES.items() if kind.startswith(prefix)), ARDUINO_TRADER)


def systems_of(kinds: Collection[str], replayed: Collection[str]) -> frozenset[str]:
    """The systems that a log is about, from the kinds of its streams and the systems that were replayed into it.

    A log that is about none yet is taken for one of the first.
    """
    found = {system for kind in kinds if (system := system_of(kind))}
    return frozenset(found | {*replayed} or {ARDUINO_TRADER})
