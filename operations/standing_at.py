"""A live read model beside one that was derived elsewhere, though others bring the live one further meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ledger.log import Log
from projections.building import standing
from projections.engine import model_path
from projections.feeding import Feed
from projections.projector import Projector
from projections.rebuilding import rebuild_file


def unlike_live(
    projector: Projector, log: Log, position: int, *, scratch: Path, compare: Callable[[Path], list[str]]
) -> list[str]:
    """What `compare` finds between the live read model, as it was at a position, and another.

    Where the live one stands elsewhere, or does so by the time that it was read, the live log tells what it was: derived into
    `scratch`. So it does where a model of many files differs, whose files come after its index; they are there by then.
    """
    live = model_path(log.home, projector.name)
    if _stands_at(live, position):
        found = compare(live)
        if not found or (not projector.files and _stands_at(live, position)):
            return found
    derived = scratch / projector.file
    derived.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    rebuild_file(Feed(projector, log, position), derived, compare=False)
    unlike = compare(derived)
    if not unlike and projector.files and _stands_at(live, position):
        found = compare(live)
        return found if _stands_at(live, position) else []
    return unlike


def _stands_at(live: Path, position: int) -> bool:
    found = standing(live)
    return found is not None and found.mark.position == position and found.mark.as_of is None
