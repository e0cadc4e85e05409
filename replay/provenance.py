"""Where an event came from: the `source` column of the log, written and read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Raw, Struct

_encoder = msgspec.json.Encoder()


class Provenance(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Run, file, table and key of the legacy row behind an event, and the row itself.

    row: the verbatim row (see replay.verbatim). first, last, columns, extra: for a block of a series, whose event holds the
    values: its first and last key, the legacy columns in their order, and columns that the event does not know; fields: the
    columns that the event holds in a field of another name.
    zone: in which the naive times of a block were read, where its event does not say it.
    vanished: the row was there in an earlier run and is gone.
    """

    run: int
    system: str
    file: str
    table: str
    key: list[Any] | None = None  # legacy cells, wrapped
    row: Raw = Raw(b"")
    first: str | None = None
    last: str | None = None
    columns: list[str] | None = None
    extra: dict[str, Any] | None = None  # column name to wrapped cells
    fields: dict[str, str] | None = None
    zone: str = ""
    vanished: bool = False


decode = msgspec.json.Decoder(Provenance).decode


def prefix(run: int, system: str, file: str, table: str) -> bytes:
    """The part that all rows of one table share, open at its end."""
    start = _encoder.encode({"run": run, "system": system, "file": file, "table": table})
    return start[:-1]


def of_row(shared: bytes, key: Sequence[Any], body: bytes) -> bytes:
    """Provenance of one row; `body` is its verbatim form."""
    return b'%b,"key":%b,"row":%b}' % (shared, _encoder.encode(key), body)


def of_vanished(shared: bytes) -> bytes:
    """Provenance of the event that says a row is gone."""
    return shared + b',"vanished":true}'


def of_block(
    shared: bytes,
    columns: Sequence[str],
    first: str,
    last: str,
    extra: dict[str, Any],
    fields: Mapping[str, str] | None = None,
) -> bytes:
    """Provenance of a block of a series."""
    about: dict[str, Any] = {"first": first, "last": last, "columns": columns}
    if extra:
        about["extra"] = extra
    if fields:
        about["fields"] = dict(fields)
    return b"%b,%b" % (shared, _encoder.encode(about)[1:])


def of_market_block(shared: bytes, columns: Sequence[str], zone: str, *, first: str) -> bytes:
    """Provenance of a block of bars or ticks, whose event holds every cell of its rows; zone: of their naive times."""
    about = {"first": first, "last": first, "columns": columns, "zone": zone}
    return b"%b,%b" % (shared, _encoder.encode(about)[1:])
