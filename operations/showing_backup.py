"""What `cli backup` prints."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from operations.backup.making import Made
from operations.printing import as_object, plain, say


def made(copies: Sequence[Made], *, as_json: bool) -> None:
    """What each folder got, and what was removed from it."""
    if as_json:
        as_object({"copies": msgspec.to_builtins(copies), "exit_code": 0})
        return
    for copy in copies:
        place = plain(f"{copy.folder}/{copy.tier}/{copy.name}")
        about = f"{copy.position:,} events, {copy.bytes / 1e6:.1f} MB, proven"
        say(f"{place}: {about}" if copy.is_new else f"{place} was there already: {about}")
        for name in copy.removed:
            say(f"  removed {plain(name)}")
