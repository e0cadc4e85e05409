"""A legacy row as JSON and back, exactly: values and storage classes.

NULL, INTEGER, finite REAL and UTF-8 TEXT are plain JSON (`1` is an INTEGER, `1.0` a REAL). What JSON cannot hold is an
object: {"blob": base64}, {"text": base64} for TEXT that is not UTF-8, {"real": "inf"} and {"real": "-inf"}. SQLite itself
reads a stored NaN as NULL, so there is nothing to write for it.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from typing import Any

import msgspec

Row = Sequence[Any]  # the cells of a row: what SQLite holds, or NotUtf8

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(dict[str, Any])
_exact = msgspec.msgpack.Encoder()
_NONE = type(None)
PLAIN = frozenset({int, float, str, _NONE})


class NotUtf8(msgspec.Struct, frozen=True):
    """A TEXT value that is not UTF-8: its bytes."""

    content: bytes


def plain_columns(columns: Sequence[Row]) -> bool:
    """Whether every value of these columns is plain JSON: no blob, no broken text, no infinity."""
    for column in columns:
        types = set(map(type, column))
        if not types <= PLAIN or not finite(column, types):
            return False
    return True


def finite(column: Row, types: set[type]) -> bool:
    """Whether no number of a plain column is infinite; `types` are the types of its values."""
    if float not in types:
        return True
    # A sum says it of all numbers at once; a sum of finite numbers that is infinite is looked at again.
    if str not in types and math.isfinite(sum(filter(None, column) if _NONE in types else column)):
        return True
    return all(math.isfinite(value) for value in column if type(value) is float)


def wrap(value: Any) -> Any:  # any cell in, any JSON value out
    """The JSON form of one cell."""
    if isinstance(value, NotUtf8):
        return {"text": base64.b64encode(value.content).decode()}
    if isinstance(value, bytes):
        return {"blob": base64.b64encode(value).decode()}
    if isinstance(value, float) and not math.isfinite(value):
        return {"real": "inf" if value > 0 else "-inf"}
    return value


def unwrap(value: Any) -> Any:  # the inverse of wrap
    """The cell that `wrap` wrote."""
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "blob":
        return base64.b64decode(content)
    if kind == "text":
        return NotUtf8(base64.b64decode(content))
    return float(content)


def encode_row(names: Sequence[str], row: Row, *, plain: bool) -> bytes:
    """A row as a JSON object, column name to value; `plain` when `plain_columns` said so."""
    return _encoder.encode(dict(zip(names, row if plain else map(wrap, row), strict=True)))


def decode_row(text: bytes | str | msgspec.Raw) -> dict[str, Any]:
    """Column name to cell, as they were in the legacy file."""
    return {name: unwrap(value) for name, value in _decoder.decode(text).items()}


def exact(row: Row) -> bytes:
    """Bytes that are equal only when values and storage classes are (-0.0 is not 0.0); of one row, or of a list of them."""
    return _exact.encode(row)
