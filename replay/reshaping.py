"""Rows that were recorded in another shape of their table, or from another table: what is still the same is not new.

A legacy system rebuilds its tables: columns get other names, some are dropped, whole tables move to another file. Then a
row that says what the log has already said of it is unchanged, and the proof finds it where it was recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import apsw

from domain.event import Event
from ledger.log import Log, Stored
from replay import provenance
from replay.mapping import Knowledge, TableMapping
from replay.reading import Table, chunks, quote
from replay.seen import SeenTable
from replay.translating import Cells, Known, Translator, digest
from replay.verbatim import decode_row, encode_row, plain_columns
from replay.work import Run

SystemMapping = Callable[[str, Table], TableMapping | None]


class Shape(NamedTuple):
    """A table of today and what it takes to read older rows as rows of it."""

    table: Table
    mapping: TableMapping
    mapping_of: SystemMapping

    def recorded(self, source: str | None) -> tuple[Any, ...] | None:
        """The cells that a recorded row would have in this table, by what its columns mean; None when it is no row."""
        if source is None:
            return None
        about = provenance.decode(source)
        if about.vanished or not bytes(about.row):
            return None
        held = decode_row(about.row)
        if tuple(held) == self.table.columns:
            return tuple(held.values())
        older = self.mapping_of(about.file, Table(about.table, tuple(held), (), None, ()))
        if older is None or older.shifted != self.mapping.shifted:
            return tuple(held.get(name) for name in self.table.columns)
        meant = dict(zip(_meanings(older, tuple(held)), held.values(), strict=True))
        return tuple(map(meant.get, _meanings(self.mapping, self.table.columns)))


def _meanings(mapping: TableMapping, columns: Sequence[str]) -> list[str]:
    """The field that each column stands in; a column that stands in none means itself."""
    return [field or f"column {name}" for name, field in zip(columns, mapping.targets(columns), strict=True)]


class ReshapedMemory:
    """What replay has seen of one table, and of the tables in which its rows may have stood before."""

    def __init__(self, *, own: SeenTable, others: Sequence[SeenTable], shape: Shape, log: Log) -> None:
        self._own, self._others, self._shape, self._log = own, others, shape, log

    def recall(self, streams: Sequence[str]) -> dict[str, Known]:
        """The rows among these streams that the log has, each with the digest that it would have in the table's shape."""
        found = self._own.recall(streams)
        for other in self._others:
            found |= {
                name: known for name, known in other.recall(streams).items() if name not in found and not known.kept
            }
        rows = [known.position for known in found.values() if not known.kept]
        stored = {one.position: one for one in self._log.at(sorted(rows))}
        return {
            name: known if known.kept else known._replace(digest=self._digest(stored[known.position]))
            for name, known in found.items()
        }

    def _digest(self, stored: Stored) -> bytes:
        cells = self._shape.recorded(stored.source)
        if cells is None:
            return b""
        plain = plain_columns([[cell] for cell in cells])
        return digest(encode_row(self._shape.table.columns, cells, plain=plain))

    def places(self, streams: Sequence[str]) -> dict[str, int]:
        """The position of the newest event about each of these rows; the table's own events come first."""
        found: dict[str, int] = {}
        for other in self._others:
            found |= other.places(streams)
        return found | self._own.places(streams)

    def meet(self, streams: Sequence[str]) -> None:
        """Note that these rows are still there."""
        self._own.meet(streams)

    def event_at(self, position: int) -> Stored:
        """The event at a position of the log."""
        return self._own.event_at(position)


class ReshapedTranslator(Translator):
    """Rows of a table whose times may be unix seconds and whose columns may have gone by other names."""

    shape: Shape

    @classmethod
    def of(
        cls, *, shared: bytes, file: str, shape: Shape, knowledge: Knowledge, memory: ReshapedMemory
    ) -> ReshapedTranslator:
        """The translator of a shape."""
        made = cls(
            shared=shared, file=file, table=shape.table, mapping=shape.mapping, knowledge=knowledge, memory=memory
        )
        made.shape = shape
        if shape.mapping.rest is not None:
            made._gather(shape.mapping.rest)
        return made

    def _gather(self, rest: str) -> None:
        """Let one field take the columns that no other field takes, as a JSON object."""
        names = self.table.columns
        places = [(names.index(name), name) for name in self.tally.unknown_columns]
        cells_of, self._taken = self._cells_of, [*self._taken, rest]

        def cells(row: Cells) -> Sequence[Any]:
            gathered = [row[place] for place, _ in places]
            text = encode_row([name for _, name in places], gathered, plain=False)
            return [*cells_of(row), text.decode()]

        self._cells_of = cells
        self.tally.unknown_columns = []

    def rows(self, db: apsw.Connection) -> Iterator[list[Cells]]:
        """The rows of the table in the order of `entries`, in chunks."""
        names = [quote(column) for column in self.table.columns]
        number = self.table.row_number or "NULL"
        tail = f"FROM {quote(self.table.name)} NOT INDEXED"
        return chunks(
            db, [*names, number, self._names.twin_number(db), self._valid_time()], tail, then=self._names.order
        )

    def _valid_time(self) -> str:
        """SQL for the moment that a row's time means; whole numbers are unix seconds."""
        time = self.mapping.time if self.mapping else None
        if time is None or time not in self.table.columns:
            return "NULL"
        column, name = quote(time), apsw.format_sql_value(self.table.name)
        return (
            f"CASE typeof({column}) WHEN 'text' THEN valid_time(CAST({column} AS BLOB), {name}) "
            f"WHEN 'integer' THEN strftime('%Y-%m-%dT%H:%M:%S.000000Z', {column}, 'unixepoch') END"
        )


def is_reshaped(mapping: TableMapping, table: Table) -> bool:
    """Whether the table is of a layout that reshaped the tables before it."""
    if mapping.is_newer or mapping.time is None or mapping.time not in table.columns:
        return mapping.is_newer
    return table.declared(mapping.time).startswith("INT")


def memory_of(run: Run, file: str, table: Table, mapping: TableMapping | None) -> SeenTable | ReshapedMemory:
    """What replay has seen of a table: for one that was reshaped, whatever shape and place its rows had."""
    own = run.seen.of(run.system.name, file, table.name, run.log)
    if mapping is None or not is_reshaped(mapping, table):
        return own
    others = [] if has_copies(mapping.event) else [
        run.seen.of(run.system.name, *place, run.log) for place in siblings(run, file, table.name, mapping)
    ]  # fmt: skip
    return ReshapedMemory(own=own, others=others, shape=Shape(table, mapping, run.system.mapping), log=run.log)


def has_copies(event: type[Event]) -> bool:
    """Whether rows of several places are told apart, so that one of them is not the other."""
    return "copy" in event.__struct_fields__


def siblings(run: Run, file: str, table: str, mapping: TableMapping) -> list[tuple[str, str]]:
    """The other tables of the log whose rows have streams of the same kind."""
    found = []
    for place in run.seen.origins(run.system.name):
        other = run.system.declared(*place)
        if place != (file, table) and other is not None and other.kind == mapping.kind:
            found.append(place)
    return found
