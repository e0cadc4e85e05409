"""The form that a value of each DuckDB type takes in a reading image: fixed, and such that the value can be had back.

Integers that fit 64 bits are INTEGER, larger ones and DECIMAL are TEXT; FLOAT and DOUBLE are REAL, but NaN, which SQLite does
not store, is the TEXT nan; BOOLEAN is 0 or 1; text is TEXT, BLOB is BLOB. A TIMESTAMP is `YYYY-MM-DD HH:MM:SS[.ffffff]`, one
WITH TIME ZONE the same in UTC with +00:00; one that no calendar of four digits has, and every other type, is what DuckDB
itself writes. LIST, STRUCT and MAP are JSON.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

INTEGERS = frozenset({"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"})
_LARGE = frozenset({"HUGEINT", "UHUGEINT", "UBIGINT"})
REALS = frozenset({"FLOAT", "DOUBLE"})
_TEXTS = frozenset({"VARCHAR", "JSON", "UUID", "ENUM"})
_STAMPS = frozenset({"TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP WITH TIME ZONE"})
_ZONED = "TIMESTAMP WITH TIME ZONE"
_NESTED = ("STRUCT(", "MAP(", "UNION(")
_INT64 = range(-(2**63), 2**63)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Convert = Callable[[Any], Any]  # a value as DuckDB's package gives it in, a cell out
Same = Callable[[Any, Any], bool]  # a cell of the image, a value as the proof reads it


class Form(NamedTuple):
    """How a column is copied: an SQL expression of it, and what makes its result a cell; None where it is one.

    And how the copy is proven: another expression, read a second time, and whether a cell means that value.
    """

    read: str
    cell: Convert | None
    proof: str
    same: Same


def form_of(declared: str, column: str) -> Form:
    """The form of a column (a quoted name) of a DuckDB type."""
    text = f"CAST({column} AS VARCHAR)"
    if declared in _STAMPS:
        micros = f"CASE WHEN isfinite({column}) THEN epoch_us({column}) END"
        return Form(_stamp(column, zoned=declared == _ZONED), None, micros, _same_stamp)
    if declared.endswith("]") or declared.startswith(_NESTED):
        json = f"CAST(to_json({column}) AS VARCHAR)"
        return Form(json, None, json, _equal)
    known = {
        "BOOLEAN": Form(f"CAST({column} AS TINYINT)", None, column, _same_truth),
        "BLOB": Form(column, None, column, _equal),
        "DECIMAL": Form(text, None, column, _same_decimal),
        **dict.fromkeys(INTEGERS, Form(column, None, column, _equal)),
        **dict.fromkeys(_LARGE, Form(column, _large, text, _same_text)),
        **dict.fromkeys(REALS, Form(f"CAST({column} AS DOUBLE)", _real, column, _same_real)),
        **dict.fromkeys(_TEXTS, Form(text, None, column, _same_text)),
    }
    return known.get(declared.partition("(")[0], Form(text, None, text, _equal))


def _stamp(column: str, *, zoned: bool) -> str:
    bare = f"({column} AT TIME ZONE 'UTC')" if zoned else f"CAST({column} AS TIMESTAMP)"
    ending = " || '+00:00'" if zoned else ""
    whole = f"strftime({bare}, '%Y-%m-%d %H:%M:%S'){ending}"
    parts = f"strftime({bare}, '%Y-%m-%d %H:%M:%S.%f'){ending}"
    return (
        f"CASE WHEN {column} IS NULL THEN NULL WHEN NOT isfinite({column}) OR year({bare}) NOT BETWEEN 1 AND 9999 "
        f"THEN CAST({column} AS VARCHAR) WHEN epoch_us({column}) % 1000000 = 0 THEN {whole} ELSE {parts} END"
    )


def _large(value: int | None) -> int | str | None:
    return value if value is None or value in _INT64 else str(value)


def _real(value: float | None) -> float | str | None:
    return "nan" if value is not None and math.isnan(value) else value


def _equal(cell: object, value: object) -> bool:
    return type(cell) is type(value) and cell == value


def _same_truth(cell: object, value: bool | None) -> bool:  # noqa: FBT001  a value, not an option
    return cell is None if value is None else type(cell) is int and cell == int(value)


def _same_text(cell: object, value: object) -> bool:
    return cell is None if value is None else str(cell) == str(value)


def _same_real(cell: object, value: float | None) -> bool:
    if value is None or math.isnan(value):
        return cell == (None if value is None else "nan")
    return isinstance(cell, float) and (cell, math.copysign(1, cell)) == (value, math.copysign(1, value))


def _same_decimal(cell: object, value: Decimal | None) -> bool:
    return cell is None if value is None else isinstance(cell, str) and Decimal(cell).as_tuple() == value.as_tuple()


def _same_stamp(cell: object, value: int | None) -> bool:
    """`value`: microseconds since 1970 in UTC, None for no time or an infinite one."""
    if value is None:
        return cell in (None, "infinity", "-infinity")
    if not isinstance(cell, str):
        return False
    try:
        stamp = datetime.fromisoformat(cell)
    except ValueError:
        return _is_far(value)
    return (stamp.replace(tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1) == value


def _is_far(micros: int) -> bool:
    """Whether a time lies outside of the years 1 to 9999, so that DuckDB's own words stand for it."""
    return not -62_135_596_800_000_000 <= micros < 253_402_300_800_000_000
