"""The log as text: one JSON object or one CSV row per event, with everything that its hash covers."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from typing import Any

from ledger.log import Stored
from operations.spreadsheet import defused

COLUMNS = ("position", "stream", "version", "topic", "recorded_at", "state", "source", "hash")

# ASCII only, so that no terminal finds anything to act on. docs/verify_proof.py demands this very form, so that no byte of
# an export can change unseen.
_encode = json.JSONEncoder(separators=(",", ":")).encode


def about(stored: Stored) -> dict[str, Any]:  # JSON values
    """An event as an export has it: state and source as the text that was stored, the hash in hex."""
    return {name: stored.hash.hex() if name == "hash" else getattr(stored, name) for name in COLUMNS}


def jsonl(events: Iterable[Stored]) -> Iterator[str]:
    """One object per line."""
    for stored in events:
        yield _encode(about(stored)) + "\n"


def csv_rows(events: Iterable[Stored], *, raw: bool) -> Iterator[str]:
    """One row per event below the names of the columns; cells that a spreadsheet would run are defused unless `raw`."""
    writer = csv.writer(_Line(), lineterminator="\n")
    yield writer.writerow(COLUMNS)
    for stored in events:
        cells = about(stored).values()
        yield writer.writerow(cells if raw else map(defused, cells))


class _Line:
    """What csv.writer writes is given back to us as the result of writerow."""

    def write(self, line: str) -> str:
        return line
