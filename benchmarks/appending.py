"""One entry per append, as a user records a trade: safe on the disk before the call returns."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks import samples
from benchmarks.limits import events_of, fresh, insert_singly
from benchmarks.measuring import Row, Sizes, in_turns, timed
from ledger.log import Entry, open_log
from operations.replaying import replay


def measure(place: Path, sizes: Sizes) -> Iterator[Row]:
    """The same rows through Log.append and through sqlite3 alone."""
    with fresh(place / "finished") as home:
        assert replay(samples.trades(place / "trades", sizes.appends), home, catch_up=False).proven
        events = events_of(home)
    entries = [Entry(row[1], row[3], row[4].encode(), row[6].encode() if row[6] else None) for row in events]

    def ours() -> float:
        with fresh(place / "appended") as folder, open_log(folder, create=True, write=True) as log:

            def append() -> None:
                for entry in entries:
                    log.append([entry])

            return timed(append)

    seconds, limit = in_turns(sizes.rounds, ours, lambda: insert_singly(events, place / "raw"))
    yield Row(
        work="append one entry at a time, FULL", count=len(entries), unit="entries", ours=seconds, limit=limit,
        limit_name="BEGIN IMMEDIATE, INSERT, COMMIT of the same row", goal=0.5,
    )  # fmt: skip
