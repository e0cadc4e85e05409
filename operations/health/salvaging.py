"""`cli health --salvage`: what stands behind the last good event of a damaged ledger, into a folder."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from domain.errors import HomeError, LedgerError
from ledger import guarding
from ledger.salvaging import salvaged

FILE = "salvaged.jsonl"


class Salvaged(Struct, kw_only=True):
    """What was written. events: that could be read; fitting: of those, the ones that agree with their hashes."""

    path: str
    after: int
    events: int
    fitting: int
    unreadable: int


def salvage(home: Path, folder: Path) -> Salvaged:
    """Write every event behind the last good one that can be read, one JSON object a line, for a person to look at."""
    damage = guarding.marked(home)
    if damage is None:
        raise LedgerError(f"the ledger of {home} is not marked as damaged", hint="Look at it first: cli health")
    if not (home / damage.kept).exists():
        raise HomeError(f"{damage.kept}, the copy of the damaged file, is not in {home}", hint="Put it back there.")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / FILE
    events = fitting = unreadable = 0
    with path.open("xb") as file:
        for one in salvaged(home / damage.kept, after=damage.last_good):
            file.write(msgspec.json.encode(one) + b"\n")
            events += "unreadable" not in one
            unreadable += "unreadable" in one
            fitting += bool(one.get("fits"))
    return Salvaged(path=str(path), after=damage.last_good, events=events, fitting=fitting, unreadable=unreadable)
