"""What the universe says of a security: as it stands, as it was last described, and described anew."""

from __future__ import annotations

from typing import Any

from domain.entries.base import Standing
from domain.entries.refusal import Refused
from domain.moments import Instant
from domain.streams import stream
from domain.universe import SecurityDescribed, SecurityRemoved


def described_by(history: Any) -> dict[str | None, SecurityDescribed]:  # the events of one stream
    """What describes the security now, by legacy place; None is the proper one."""
    found: dict[str | None, SecurityDescribed] = {}
    for event in history:
        if isinstance(event, SecurityDescribed):
            found[event.copy] = event
        elif isinstance(event, SecurityRemoved):
            found.pop(event.copy, None)
    return found


def last_description(symbol: str, standing: Standing) -> tuple[str, SecurityDescribed, bool]:
    """Stream and last description of a security, that in its proper place first, and whether it is in the universe."""
    name = stream("security", symbol)
    history = standing.history(name)
    now = described_by(history)
    last = now.get(None) or next((one for one in reversed(history) if isinstance(one, SecurityDescribed)), None)
    if last is None:
        raise Refused("security-unknown", f"{symbol} is not in the universe")
    return name, last, bool(now)


def described_as(
    kind: type[SecurityDescribed], last: SecurityDescribed, at: Instant, changes: dict[str, Any]
) -> SecurityDescribed:
    """A description as another event, with changes, in its proper place."""
    fields = {name: getattr(last, name) for name in last.__struct_fields__}
    return kind(**fields | changes | {"occurred_at": at, "assumed": (), "repaired": None, "copy": None})
