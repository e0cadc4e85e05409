"""Events about keeping the ledger safe."""

from __future__ import annotations

from decimal import Decimal

from domain.event import Event, register


@register
class RestoreProven(Event, frozen=True, kw_only=True, tag="restore-proven.v1"):
    """A drill restored the newest copy elsewhere and found the log and every read model equal to the live ones.

    copy: folder of the copy below the folder of copies; position, head: last event of the restored log and its hash in hex;
    lost_events, lost_seconds: what would have been lost had the home been lost at that moment; recover_seconds: how long
    restoring and verifying took. occurred_at: the moment of the drill.
    """

    copy: str
    position: int
    head: str
    lost_events: int
    lost_seconds: Decimal
    recover_seconds: Decimal


@register
class RestoreFailed(Event, frozen=True, kw_only=True, tag="restore-failed.v1"):
    """A drill could not restore the newest copy, or what it restored was not equal. reason: what was found first."""

    copy: str
    reason: str
