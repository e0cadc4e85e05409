"""The statements of `MarketData`, and the place where a live row goes before the one of the day file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

_CANDLE = {"open": "DOUBLE", "high": "DOUBLE", "low": "DOUBLE", "close": "DOUBLE", "volume": "BIGINT",
           "is_synthetic": "BOOLEAN", "open_interest": "BIGINT"}  # fmt: skip
_LISTED = ", ".join(_CANDLE)
_DAY_MINUTES = 1440

Row = tuple[Any, ...]  # cells of any kind


def overlaid(stored: Iterable[Row], live: Iterable[Row], key: int) -> list[Row]:
    """The rows of a day file with the live ones over them, each key once, in order of time.

    live: session, microseconds after its midnight, values, and whether the row is void: then the one of the file is hidden.
    key: at which place of a row the key stands; 0 is the time.
    """
    rows = {row[key]: row for row in stored}
    for session, since, *values, is_void in live:
        moment = None if since is None else datetime.fromisoformat(session) + timedelta(microseconds=since)
        row = (moment, *values)
        if is_void:
            rows.pop(row[key], None)
        else:
            rows[row[key]] = row
    return sorted(rows.values(), key=lambda row: row[:2] if key else row[0])


def candles_sql(names: Sequence[str]) -> str:
    """The bars of a symbol in these files, in order of time. Takes the symbol for each file."""
    return f"{_union(tuple(names))} ORDER BY timestamp"


@cache
def _union(names: tuple[str, ...]) -> str:
    return " UNION ALL ".join(f"SELECT timestamp, {_LISTED} FROM {name}.candles WHERE symbol = ?" for name in names)


def ticks_sql(name: str) -> str:
    """The ticks of a symbol in a file, in order. Takes the symbol."""
    return (
        f"SELECT timestamp, sequence, price, volume, bid, ask FROM {name}.ticks WHERE symbol = ? "
        "ORDER BY timestamp, sequence"
    )


def given(rows: Sequence[Row]) -> list[list[Any]]:
    """Rows as the columns that `resampled_sql` takes first."""
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(len(_CANDLE) + 1)]


@cache
def resampled_sql(names: tuple[str, ...], minutes: int) -> str:
    """Bars of so many minutes, made of those of one minute: left-closed, named after their beginning, from the beginning of the
    session on. Takes the columns of rows that lie in no file, the symbol for each file, and when the session begins as an
    interval since midnight. A bar of a whole day begins at midnight.
    """
    columns = ", ".join(f"unnest(?::{kind}[]) AS {name}" for name, kind in _CANDLE.items())
    parts = [f"SELECT unnest(?::TIMESTAMP[]) AS timestamp, {columns}", *([_union(names)] if names else [])]
    since = "epoch_us(timestamp - (date_trunc('day', timestamp) + begins)) / 60000000.0"
    label = (
        "date_trunc('day', timestamp)" if minutes == _DAY_MINUTES
        else f"date_trunc('day', timestamp) + begins + to_minutes((floor({since} / {minutes}) * {minutes})::BIGINT)"
    )  # fmt: skip
    return f"""
SELECT label, first(open ORDER BY timestamp), max(high), min(low), last(close ORDER BY timestamp), sum(volume)::BIGINT,
    bool_or(is_synthetic), last(open_interest ORDER BY timestamp)
FROM (
    SELECT {label} AS label, timestamp, {_LISTED}
    FROM ({" UNION ALL ".join(parts)}) CROSS JOIN (SELECT ?::INTERVAL AS begins)
) GROUP BY label ORDER BY label
"""
