"""Events become legacy rows again: verbatim where replay recorded the row, field by field where something was entered here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple
from urllib.parse import unquote
from zoneinfo import ZoneInfo

import msgspec

from domain import event as events
from domain.event import Event
from ledger.log import Stored
from replay import provenance
from replay.mapping import Knowledge, TableMapping
from replay.reading import Table
from replay.system import WritingBack
from replay.translating import Translator
from replay.verbatim import decode_row

Cells = dict[str, Any]  # legacy column to cell
_NOT_COMPARED = frozenset({*Event.__struct_fields__, "copy"}) - {"occurred_at"}
REKEYED = "key"
_MIDNIGHT = "T00:00:00.000000Z"
_UTC = ZoneInfo("UTC")


class Written(NamedTuple):
    """A row to be written. made: columns that the legacy schema demands and no entry says; unlike: fields of the entry that
    the row does not give back, with the reason; REKEYED among them when a replay would name the row otherwise.
    """

    cells: Cells
    made: Sequence[str] = ()
    unlike: Mapping[str, str] = {}


def verbatim(stored: Stored) -> Cells:
    """The legacy row behind an event, as it was."""
    return decode_row(provenance.decode(stored.source or "").row)


class RowWriter:
    """Writes rows of one table for which the system has a mapping."""

    def __init__(
        self, *, file: str, table: Table, mapping: TableMapping, back: WritingBack, demanded: Mapping[str, bool],
        statement: str,
        version: int,
    ) -> None:  # fmt: skip
        self.mapping = self._mapping = mapping
        self._table, self._back, self._demanded, self._statement = table, back, demanded, statement
        self._knowledge = Knowledge(_UTC, zone_assumed=False, version=version)
        self._reader = Translator(
            shared=b"", file=file, table=table, mapping=mapping, knowledge=self._knowledge, memory=_Nothing()
        )
        self._fields = dict(zip(table.columns, mapping.targets(table.columns), strict=True))

    def new(self, entered: Stored) -> Written:
        """The row of a fact that no legacy row stands for."""
        event = events.decode(entered.topic, entered.state)
        cells = self._cells(event, list(event.__struct_fields__), {})
        key = self._mapping.key
        if len(key) == 1 and cells.get(key[0]) is None and "INT" not in self._table.declared(key[0]):
            cells[key[0]] = unquote(entered.stream.rpartition(":")[2])
        made = self._complete(cells, event, entered)
        return Written(cells, made, self._unlike(event, cells, entered.stream))

    def _complete(self, cells: Cells, event: Event, entered: Stored) -> list[str]:
        """Fill what the schema demands; what has a default there is left out."""
        made = []
        for column, has_default in self._demanded.items():
            if cells.get(column) is not None:
                continue
            if has_default:
                cells.pop(column, None)
            elif column == self._mapping.time or column.endswith("_at"):
                cells[column] = cell(event.occurred_at or entered.recorded_at, self._table.declared(column))
                made.append(column)
        missing = [column for column, default in self._demanded.items() if not default and cells.get(column) is None]
        return made + self._back.complete(cells, event, missing, self._statement)

    def changed(self, recorded: Stored, entered: Stored) -> Written:
        """A legacy row after a correction entered here: column by column, what did not change stays as it was."""
        before = events.decode(recorded.topic, recorded.state)
        event = events.decode(entered.topic, entered.state)
        cells = verbatim(recorded)
        names = [name for name in event.__struct_fields__ if name not in _NOT_COMPARED]
        fields = [name for name in names if getattr(before, name, None) != getattr(event, name)]
        cells |= self._cells(event, fields, cells)
        return Written(cells, (), self._unlike(event, cells, entered.stream, fields))

    def _cells(self, event: Event, fields: Sequence[str], before: Cells) -> Cells:
        cells: Cells = {}
        for column, field in self._fields.items():
            if field in fields and field is not None:
                value = getattr(event, field)
                if field in self._mapping.shifted and isinstance(value, Decimal):
                    value = value.scaleb(-self._mapping.shifted[field])
                cells[column] = cell(value, self._table.declared(column))
            elif field is not None and not hasattr(event, field) and column not in before:
                cells[column] = None
        if self._mapping.rest in fields and self._mapping.rest:
            cells |= msgspec.json.decode(getattr(event, self._mapping.rest) or "{}")
        return {column: value for column, value in cells.items() if column in self._table.columns}

    def _unlike(self, event: Event, cells: Cells, stream: str, fields: Sequence[str] | None = None) -> dict[str, str]:
        """What a replay of the row would understand otherwise; what the entry leaves open may be filled in."""
        row = (*(cells.get(name) for name in self._table.columns), None, 1, None)
        again = self._reader.event_of(row)
        if again is None:
            return {"row": "the legacy table cannot hold it: a replay could only keep the row"}
        names = event.__struct_fields__ if fields is None else fields
        elsewhere = self._reader.proof_streams(row)[0] != stream
        return ({REKEYED: "the legacy table would give it another key"} if elsewhere else {}) | {
            name: _why_unlike(name, self._fields.values())
            for name in names
            if name not in _NOT_COMPARED
            and getattr(event, name) is not None
            and getattr(again, name, None) != getattr(event, name)
        }


def _why_unlike(field: str, held: Any) -> str:  # the fields that the table has columns for
    return "the legacy column cannot hold it exactly" if field in held else "the legacy table has no column for it"


def cell(value: Any, declared: str) -> Any:  # a field of an event, a legacy cell
    """A field as a cell of a column of that declared type."""
    if isinstance(value, Decimal):
        return _number(value, declared)
    if isinstance(value, str) and "INT" in declared and value[4:5] == "-":
        return _unix(value)
    return value if value is None or isinstance(value, int | float | str) else None


def _number(value: Decimal, declared: str) -> int | float:
    whole = value == value.to_integral_value() and abs(value) < 2**63
    return int(value) if whole and "INT" in declared else float(value)


def _unix(moment: str) -> int | str:
    """Unix seconds, where the layout holds times so; a date is its midnight."""
    stamp = moment if len(moment) > len("2025-12-28") else moment + _MIDNIGHT
    try:
        return int(datetime.fromisoformat(stamp).astimezone(UTC).timestamp())
    except ValueError:
        return moment


class _Nothing:
    """The memory of a reader that only looks at single rows."""

    def recall(self, _: Sequence[str]) -> dict[str, Any]:
        return {}

    def meet(self, _: Sequence[str]) -> None:
        return None

    def event_at(self, position: int) -> Stored:
        raise AssertionError(position)
