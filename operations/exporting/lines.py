"""The log as text: one JSON object or one CSV row per event, with everything that its hash covers."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator

from ledger.lines import COLUMNS, about, line_of
from ledger.log import Stored
from operations.spreadsheet import defused


def jsonl(events: Iterable[Stored]) -> Iterator[str]:
    """One object per line."""
    for stored in events:
        yield line_of(stored) + "\n"


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
