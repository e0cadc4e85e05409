"""What was measured, kept beside the page as JSON, so that one benchmark can be measured again without the others."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import msgspec
from msgspec import Struct

from benchmarks.measuring import ROOT, Row

FILE = ROOT / "docs" / "benchmarks.json"


class Kept(Struct):
    """The rows of one benchmark. on: the day, in UTC. load: of the machine, before it began."""

    on: str
    load: float
    rows: list[Row]


def measured_now(rows: Sequence[Row], load: float) -> Kept:
    """Rows that were measured just now."""
    return Kept(on=datetime.now(UTC).date().isoformat(), load=round(load, 1), rows=list(rows))


def load_now() -> float:
    """How busy the machine was in the last minute."""
    return os.getloadavg()[0]


def update(new: Mapping[str, Kept]) -> dict[str, Kept]:
    """Put new measurements in the place of the old ones of the same names; returns all that are kept."""
    kept = msgspec.json.decode(FILE.read_bytes(), type=dict[str, Kept]) if FILE.exists() else {}
    kept |= new
    FILE.write_bytes(msgspec.json.format(msgspec.json.encode(kept), indent=1) + b"\n")
    return kept
