"""Comparing the live buffer with a day file: every row of the one must stand in the other, value by value."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from projections.market_files import attach, engine, is_archived
from projections.partitioned import Partition
from projections.profiles import open_reading

_CHUNK_ROWS = 50_000
_BUFFERED_CANDLES = """
SELECT symbol, time_us, open, high, low, close, volume, is_synthetic, open_interest FROM candles
WHERE exchange = ? AND session = ? AND timeframe = ? AND position <= ? AND NOT is_void
"""
_BUFFERED_TICKS = """
SELECT symbol, time_us, sequence, price, volume, bid, ask FROM ticks
WHERE exchange = ? AND session = ? AND position <= ? AND NOT is_void
"""
_KINDS = {
    "candles": {"open": "DOUBLE", "high": "DOUBLE", "low": "DOUBLE", "close": "DOUBLE", "volume": "BIGINT",
                "is_synthetic": "BOOLEAN", "open_interest": "BIGINT"},
    "ticks": {"sequence": "BIGINT", "price": "DOUBLE", "volume": "BIGINT", "bid": "DOUBLE", "ask": "DOUBLE"},
}  # fmt: skip


def missing_from(file: Path, partition: Partition, live: Path, through: int) -> int:
    """How many rows of the live buffer, recorded up to the position `through`, the day file does not have as they are."""
    missing = 0
    with engine() as db, closing(open_reading(live)) as buffer:
        attach(db, file, "found", partition.kind, is_parquet=is_archived(partition.path))
        midnight = datetime.combine(date.fromisoformat(partition.session), datetime.min.time())
        for rows in _chunks(buffer.execute(*_buffered(partition, through))):
            columns = [list(column) for column in zip(*rows, strict=True)]
            counted = db.execute(_query(partition.kind), [midnight, *columns]).fetchone()
            assert counted is not None
            missing += counted[0]
    return missing


def _buffered(partition: Partition, through: int) -> tuple[str, Sequence[str | int]]:
    session = (partition.exchange, partition.session)
    if partition.kind == "ticks":
        return _BUFFERED_TICKS, (*session, through)
    return _BUFFERED_CANDLES, (*session, partition.timeframe, through)


def _query(kind: str) -> str:
    """Counts the rows given as columns that the file does not have; NULL is like NULL, NaN like NaN."""
    columns = _KINDS[kind]
    given = ", ".join(f"unnest(?::{of}[]) AS {name}" for name, of in columns.items())
    alike = " AND ".join(f"here.{name} IS NOT DISTINCT FROM there.{name}" for name in columns)
    return f"""
WITH given AS (
    SELECT ?::TIMESTAMP AS midnight, unnest(?::VARCHAR[]) AS symbol, unnest(?::BIGINT[]) AS since, {given}
)
SELECT count(*) FROM given AS here ANTI JOIN found.{kind} AS there
    ON here.symbol = there.symbol AND here.midnight + to_microseconds(here.since) = there.timestamp AND {alike}
"""


def _chunks(cursor: Iterator[tuple[Any, ...]]) -> Iterator[list[tuple[Any, ...]]]:  # Any: cells of any kind
    while rows := list(islice(cursor, _CHUNK_ROWS)):
        yield rows
