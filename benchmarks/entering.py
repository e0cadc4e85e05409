"""New entries: one at a time through the API, each safe on the disk, and a hundred thousand lines from a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from benchmarks.limits import events_of, fresh, insert_events, insert_singly
from benchmarks.measuring import Row, Sizes, in_turns, timed
from operations.ledger import Ledger
from operations.recording import record_from

_SYMBOLS = 60


def measure(place: Path, sizes: Sizes) -> Iterator[Row]:
    """The same events through the rules and through sqlite3 alone."""
    yield _one_by_one(place, sizes)
    yield _from_file(place, sizes)


def _trade(number: int) -> dict[str, str]:
    """Purchases, and a sale of a part of the one before, in order of time."""
    day, second = divmod(number, 10_000)
    return {
        "entry": "trade", "symbol": f"S{number // 3 % _SYMBOLS:02}.US", "side": "SELL" if number % 3 == 2 else "BUY",
        "quantity": str(1 + number % 3 % 2), "price": f"{100 + number % 97}.{number % 100:02}", "currency": "USD",
        "order_id": f"{number:08}", "at": f"2025-{1 + day // 28:02}-{1 + day % 28:02}T{9 + second // 3600:02}:"
        f"{second // 60 % 60:02}:{second % 60:02}Z",
    }  # fmt: skip


def _one_by_one(place: Path, sizes: Sizes) -> Row:
    entries = [_trade(number) for number in range(sizes.appends)]

    def ours(keep: Path | None = None) -> float:
        with fresh(keep or place / "entered") as folder, Ledger.open(folder, create=True) as ledger:

            def record() -> None:
                for entry in entries:
                    ledger.record(entry)

            seconds = timed(record)
            rows[:] = events_of(folder)
            return seconds

    rows: list[tuple[object, ...]] = []
    ours()
    seconds, limit = in_turns(sizes.rounds, ours, lambda: insert_singly(rows, place / "raw"))
    return Row(
        work="record one entry at a time through the API, FULL: checked, judged, told apart", count=len(entries),
        unit="entries", ours=seconds, limit=limit, limit_name="BEGIN IMMEDIATE, INSERT, COMMIT of the same row", goal=0.5,
    )  # fmt: skip


def _from_file(place: Path, sizes: Sizes) -> Row:
    file = place / "entries.jsonl"
    with file.open("wb") as lines:
        for number in range(sizes.facts):
            lines.write(msgspec.json.encode(_trade(number)) + b"\n")

    def ours() -> float:
        with fresh(place / "filled") as home:
            seconds = timed(
                lambda: record_from(
                    home,
                    file,
                    keep_going=False,
                    rejects=None,
                    allow_short=False,
                    dry_run=False,
                    catch_up=False,
                    wait_s=0,
                )
            )
            rows[:] = events_of(home)
        assert len(rows) == sizes.facts
        return seconds

    rows: list[tuple[object, ...]] = []
    ours()
    seconds, limit = in_turns(sizes.rounds, ours, lambda: insert_events(rows, place / "raw"))
    return Row(
        work="record --from a file of JSON Lines, all or nothing", count=sizes.facts, unit="lines", ours=seconds,
        limit=limit, limit_name="executemany of the finished rows into stored_events, FULL", goal=0.3,
    )  # fmt: skip
