"""How one legacy table becomes events: the declaration that a legacy system makes for each of its tables."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from domain.event import Event
from domain.moments import Clock, Instant, Moment

Fields = dict[str, Any]  # event field to legacy cell, on its way to becoming an event


OWN_FIELDS = frozenset({*Event.__struct_fields__, "copy"})
"""What replay itself says of a row; a legacy column that happens to have such a name is no field of an event."""


class Kind(StrEnum):
    """What a field holds, which says what storage classes its legacy column may have."""

    DECIMAL = "a number"
    INTEGER = "a whole number"
    COUNT = "a number of things"
    ANY = "a number or text"
    TEXT = "text"
    INSTANT = "a time"
    MOMENT = "a date or time"


ALLOWED: Mapping[Kind, frozenset[type]] = {
    Kind.DECIMAL: frozenset({int, float}),
    Kind.INTEGER: frozenset({int}),
    Kind.COUNT: frozenset({int, float}),
    Kind.ANY: frozenset({int, float, str}),
    Kind.TEXT: frozenset({str}),
    Kind.INSTANT: frozenset({str, int}),
    Kind.MOMENT: frozenset({str, int}),
}


class Knowledge(NamedTuple):
    """What a translation may look up. zone: for naive times; zone_assumed: nobody named it; version: the schema version
    of the file; currencies: trading currency by symbol; rates: units of a currency per 1 EUR by currency and date;
    settings: the keys of the settings table; symbols: symbol by ISIN; doubled: tables and the symbols that stand there in the
    ISIN's place although the same security has a row under its ISIN as well. zone_changed: the run before read naive times
    in another zone, so rows that did not change may still mean something else. clocks: of columns with one of their own.
    """

    zone: ZoneInfo
    zone_assumed: bool
    version: int = 0
    currencies: Mapping[str, str] = types.MappingProxyType({})
    rates: Mapping[tuple[str, str], Decimal] = types.MappingProxyType({})
    settings: frozenset[str] = frozenset()
    zone_changed: bool = False
    symbols: Mapping[str, str] = types.MappingProxyType({})
    doubled: frozenset[tuple[str, str]] = frozenset()
    clocks: Mapping[str, Clock] = types.MappingProxyType({})

    def clock(self, column: str | None) -> Clock:
        """By which the naive times of a column are read."""
        own = self.clocks.get(column) if column else None
        return own or Clock(self.zone, self.zone_assumed)


class KeepRow(Exception):
    """Raised by `fill` for a row that is to be kept as it is; the argument is the reason."""


Fill = Callable[[Fields, Knowledge], list[str]]


@dataclass(frozen=True)
class TableMapping:
    """One legacy table.

    files: where the table lives, the proper home first; rows of the others are copies. kind and key: the stream is
    `kind:` and the values of these legacy columns. twins: columns that tell rows apart whose key is NULL; rows equal in
    these too are numbered. time: the legacy column that becomes occurred_at. renamed: legacy column to event field.
    changed: the event for a changed row, when that is a correction. removed: the event for a row that vanished; None where
    the legacy system merely trims history. fill: completes fields by rule and says which it assumed. repair: undoes a
    known corruption of a whole row, None when the row is not corrupt. constants: fields that hold the file or table name.
    made: fields that fill makes of several cells, so that no cell shows in them as it was.
    key_name: the newest name of the key's first column, where keys were renamed. copy: what to call rows of a table that
    itself is a copy of another. marks: columns by which the shape of a table is told from others of its name. days: fields
    that hold a date; a layout with times in unix seconds writes its midnight. shifted: fields that hold their cell shifted by
    so many decimal digits. rest: the field that takes all columns which no other field takes, as one JSON object.
    is_newer: the table is of a layout that came after others, whose rows may be in the log in another shape.
    """

    table: str
    files: tuple[str, ...]
    event: type[Event]
    kind: str
    key: tuple[str, ...]
    time: str | None = None
    renamed: Mapping[str, str] = field(default_factory=dict)
    changed: type[Event] | None = None
    removed: type[Event] | None = None
    twins: tuple[str, ...] = ()
    fill: Fill | None = None
    repair: Callable[[Fields], Fields | None] | None = None
    constants: Mapping[str, str] = field(default_factory=dict)
    made: frozenset[str] = frozenset()
    key_name: Callable[[str, Knowledge], str] | None = None
    copy: str | None = None
    marks: tuple[str, ...] = ()
    days: frozenset[str] = frozenset()
    shifted: Mapping[str, int] = field(default_factory=dict)
    rest: str | None = None
    is_newer: bool = False

    def target(self, column: str) -> str:
        """The event field of a legacy column."""
        return "occurred_at" if column == self.time else self.renamed.get(column, column)

    def targets(self, columns: Sequence[str]) -> list[str | None]:
        """The event field of each column, None for a column whose name is that of a field which is filled otherwise."""
        taken = (
            OWN_FIELDS | self.constants.keys() | {self.target(name) for name in columns if self.target(name) != name}
        )
        fields = ((name, self.target(name)) for name in columns)
        return [None if field == name and field in taken else field for name, field in fields]


@cache
def kinds(event: type[Event]) -> dict[str, Kind]:
    """The kind of each field of an event, read from its annotations."""
    hints = typing.get_type_hints(event, include_extras=True)
    return {name: _kind(hints[name]) for name in event.__struct_fields__}


def _kind(hint: Any) -> Kind:  # a type expression
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        parts = [part for part in typing.get_args(hint) if part is not type(None)]
        if len(parts) == 1:
            return _kind(parts[0])
        return Kind.ANY if str in parts else Kind.COUNT
    if hint == Instant:
        return Kind.INSTANT
    if hint == Moment:
        return Kind.MOMENT
    if hint is Decimal:
        return Kind.DECIMAL
    return Kind.INTEGER if hint is int else Kind.TEXT
