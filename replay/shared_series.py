"""A price table that holds the series of many securities: each becomes blocks by itself, as if it had a file of its own."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

import apsw

from domain import event as events
from domain.moments import read_instant, unix_day
from domain.prices import PriceBlock, each
from ledger.log import Log
from replay import provenance
from replay.blocks import Series, SeriesMapping, SeriesTranslator
from replay.mapping import KeepRow, Knowledge
from replay.reading import Table, chunks, quote
from replay.seen import SeenTable
from replay.tally import TableTally
from replay.translating import Ready, Translator
from replay.verbatim import exact, unwrap, wrap

NO_OWNER = "the row names no security"
_OTHERS = 3  # row number, twin number and valid time stand behind the cells of a row


@dataclass(frozen=True)
class SharedMapping:
    """One legacy table that holds the series of many securities.

    series: what one of them becomes. owner: the column that says whose a row is; symbol_of: the symbol that it means, None
    where it is the symbol; it raises KeepRow for one that means none. renamed: legacy column to event field.
    """

    series: SeriesMapping
    owner: str
    renamed: Mapping[str, str] = field(default_factory=dict)
    symbol_of: Callable[[str, Knowledge], str] | None = None

    def target(self, column: str) -> str:
        """The event field of a legacy column."""
        return self.renamed.get(column, column)

    def fits(self, table: Table) -> bool:
        """Whether a table has the columns without which it is not this one."""
        fields = {*map(self.target, table.columns)}
        return table.name == self.series.table and {self.series.key, self.series.required, self.owner} <= fields


class OneOfMany(SeriesTranslator):
    """The series of one owner. Keys and times in unix seconds are read as the dates and times that they mean."""

    def __init__(
        self, *, shared: SharedMapping, owner: str, series: Series, table: Table, knowledge: Knowledge, memory: SeenTable,
        log: Log, fallback: Translator,
    ) -> None:  # fmt: skip
        self.shared, self.owner = shared, owner
        super().__init__(
            mapping=shared.series,
            series=series,
            table=table,
            knowledge=knowledge,
            memory=memory,
            log=log,
            fallback=fallback,
        )
        own = {*self.mapping.event.__struct_fields__} - {*PriceBlock.__struct_fields__}
        held: dict[str, str] = {}
        for column in table.columns:
            if shared.target(column) in own - {*held.values()}:
                held[column] = shared.target(column)
        self.fields = list(held.values())
        self.renamed = {column: name for column, name in held.items() if column != name}
        self._columns = {name: table.columns.index(column) for column, name in held.items()}
        self._readers = self._unix_columns(held)
        self._extra = [column for column in table.columns if column not in held or held[column] in self._readers]
        self.unknown = [column for column in table.columns if column not in held and column != shared.owner]
        self.tally.unknown_columns = self.unknown
        for place, name in enumerate(self._readers):
            self._columns[name] = len(table.columns) + _OTHERS + place
        self._allowed = {name: self._may_hold(name) for name in self.fields}
        self._key = self._columns[self.mapping.key]
        places = [self._columns[name] for name in self.fields] + [table.columns.index(name) for name in self.unknown]
        self._told: Callable[[Sequence[Any]], tuple[Any, ...]] = itemgetter(*places)
        self.values: Callable[[Sequence[Any]], tuple[Any, ...]] = itemgetter(*places[: len(self.fields)])
        self._all_blocks: list[tuple[str, str, int]] | None = None

    def _unix_columns(self, held: Mapping[str, str]) -> dict[str, Callable[[int], str]]:
        """Fields whose column may hold unix seconds, and how to read them; the key's first."""
        zone = self.knowledge.zone
        readers: dict[str, Callable[[int], str]] = {
            self.mapping.key: unix_day, "created_at": lambda seconds: read_instant(seconds, zone).text,
        }  # fmt: skip
        columns = {name: column for column, name in held.items()}
        return {
            name: read
            for name, read in readers.items()
            if name in columns and self.table.declared(columns[name]).startswith("INT")
        }

    def rows(self, db: apsw.Connection) -> Iterator[list[tuple[Any, ...]]]:
        """The rows of the owner in the order of their keys; behind each the texts that its unix seconds mean."""
        column = next(name for name in self.table.columns if self.shared.target(name) == self.mapping.key)
        names = [quote(name) for name in self.table.columns]
        number = self.table.row_number or "NULL"
        tail = f"FROM {quote(self.table.name)} WHERE {_is(self.shared.owner, self.owner)} ORDER BY {quote(column)}"
        if not self._unique_key():
            tail += f", {number}"
        pages = chunks(db, [*names, number, "1", "NULL"], tail, size=512)
        if not self._readers:
            yield from pages
            return
        places = [(self.table.columns.index(self._column(name)), read) for name, read in self._readers.items()]
        for page in pages:
            yield [(*row, *(_read(row[place], read) for place, read in places)) for row in page]

    def _column(self, name: str) -> str:
        return next(column for column in self.table.columns if self.shared.target(column) == name)

    def _unique_key(self) -> bool:
        return frozenset({self.shared.owner, self._column(self.mapping.key)}) in self.table.unique

    def _extras(self, columns: Sequence[Sequence[Any]]) -> dict[str, Any]:
        """Also the cells of unix seconds as they were; the owner once."""
        found = {name: list(map(wrap, columns[self.table.columns.index(name)])) for name in self._extra}
        return found | {self.shared.owner: self.owner}

    def _same(self, rows: Sequence[tuple[Any, ...]], recorded: Mapping[str, tuple[Any, ...]]) -> list[bool]:
        """A row is recorded when the log says the same of its day: by this table's own blocks, else by another file's."""
        cells = list(map(self._told, rows))
        found = [recorded.get(row[self._key]) for row in rows]
        if exact(cells) == exact(found):
            return [True] * len(rows)
        return [exact(one) == exact(other) if other else False for one, other in zip(cells, found, strict=True)]

    def cells(self, row: Sequence[Any]) -> dict[str, Any]:
        """The cells of a row by the event's fields, in the order of `fields`."""
        return dict(zip(self.fields, self.values(row), strict=True))

    def between(self, first: str, last: str) -> list[int]:
        if self._all_blocks is None:
            self._all_blocks = self.memory.blocks_of(self._stream)
        return [position for start, end, position in self._all_blocks if start <= last and end >= first]

    def _decoded(self, position: int) -> dict[str, tuple[Any, ...]]:
        if position not in self._blocks:
            self._blocks[position] = self._rows_at(position)
        return self._blocks[position]

    def _rows_at(self, position: int) -> dict[str, tuple[Any, ...]]:
        (stored,) = self.log.at([position])
        block = events.decode(stored.topic, stored.state)
        assert isinstance(block, PriceBlock)
        extra = provenance.decode(stored.source or "").extra or {}
        held = [getattr(block, name) for name in self.fields]
        held += [list(map(unwrap, extra[name])) if name in extra else None for name in self.unknown]
        columns = [each(column, block.count) for column in held]
        return dict(zip(getattr(block, self.mapping.key), zip(*columns, strict=True), strict=True))

    def again(self, memory: SeenTable, log: Log) -> OneOfMany:
        """The same series, looked up in what the log has by now."""
        return OneOfMany(
            shared=self.shared, owner=self.owner, series=self.series, table=self.table, knowledge=self.knowledge,
            memory=memory, log=log, fallback=self.fallback,
        )  # fmt: skip


class ManySeries:
    """All series of one table, and the rows that belong to none, which are kept; `fallback` keeps rows."""

    def __init__(
        self, *, table: Table, owner: str, parts: Sequence[OneOfMany], why_none: Mapping[str, str], fallback: Translator
    ) -> None:
        self.table, self.owner, self.parts, self.fallback = table, owner, parts, fallback
        self.tally: TableTally = fallback.tally
        self._why_none = why_none

    def entries(self, db: apsw.Connection) -> Iterator[Ready]:
        """All blocks in order of their keys, then the rows that belong to no series."""
        yield from heapq.merge(*(part.entries(db) for part in self.parts), key=itemgetter(0))
        for page in self.rest(db):
            self.tally.read += len(page)
            for row in page:
                ready = self.fallback.keep(row, self._reason(row))
                if ready is not None:
                    self.tally.appended += 1
                    yield ready

    def rest(self, db: apsw.Connection) -> Iterator[list[tuple[Any, ...]]]:
        """The rows that belong to no series."""
        names = [quote(name) for name in self.table.columns]
        mine = " OR ".join(_is(self.owner, part.owner) for part in self.parts) or "0"
        number = self.table.row_number or "NULL"
        tail = f"FROM {quote(self.table.name)} WHERE ({mine}) IS NOT TRUE ORDER BY {', '.join([*names])}"
        return chunks(db, [*names, number, "1", "NULL"], tail)

    def _reason(self, row: Sequence[Any]) -> str:
        owner = row[self.table.columns.index(self.owner)]
        return self._why_none.get(owner, NO_OWNER) if isinstance(owner, str) else NO_OWNER


def owners(
    db: apsw.Connection, table: Table, mapping: SharedMapping, known: Knowledge
) -> tuple[dict[str, str], dict[str, str]]:
    """Owner to symbol for every series of a table, and owner to reason for those whose rows are only kept."""
    symbols: dict[str, str] = {}
    why_none: dict[str, str] = {}
    column = f"{quote(mapping.owner)} COLLATE BINARY"
    for page in chunks(db, [quote(mapping.owner)], f"FROM {quote(table.name)} GROUP BY {column}"):
        for (owner,) in page:
            if not isinstance(owner, str) or not owner:
                continue
            try:
                symbols[owner] = mapping.symbol_of(owner, known) if mapping.symbol_of else owner
            except KeepRow as reason:
                why_none[owner] = str(reason)
    return symbols, why_none


def _is(column: str, value: str) -> str:
    """SQL that finds the rows in which a column holds exactly this text."""
    literal = apsw.format_sql_value(value)
    return f"({quote(column)} COLLATE BINARY = {literal} AND typeof({quote(column)}) = 'text')"


def _read(cell: Any, read: Callable[[int], str]) -> Any:  # any cell
    try:
        return read(cell) if type(cell) is int else cell
    except ValueError:
        return cell
