"""Series of prices become blocks: up to 512 rows of one legacy table in one event, column by column, verbatim."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

import apsw

from domain import event as events
from domain.event import topic_of
from domain.moments import read_instant
from domain.prices import BLOCK_MAX, PriceBlock
from domain.streams import stream
from ledger.log import Entry, Log
from replay import provenance
from replay.mapping import Knowledge
from replay.reading import Table, chunks, quote
from replay.seen import SeenTable
from replay.series_keys import are_months
from replay.tally import TableTally
from replay.translating import Ready, Translator
from replay.verbatim import exact, finite, unwrap, wrap

_NONE = type(None)
_NUMBERS = frozenset({int, float})


@dataclass(frozen=True)
class SeriesMapping:
    """One legacy table that holds one series per file. numbers, texts: what columns may hold besides NULL; required: the
    columns that may not be NULL; keys: checks that all keys of a chunk are dates or months; stream is `kind:symbol`.
    """

    table: str
    event: type[PriceBlock]
    kind: str
    key: str
    keys: Callable[[Sequence[str]], bool]
    required: str
    numbers: frozenset[str]
    mixed: frozenset[str] = frozenset()
    texts: frozenset[str] = frozenset({"source", "created_at"})


class Series(NamedTuple):
    """Whose series a file holds. copy: set for a further file of the same security; assumed: the symbol is not certain."""

    symbol: str
    copy: str | None
    assumed: bool


def verbatim_rows(block: PriceBlock, source: provenance.Provenance) -> Iterator[tuple[Any, ...]]:
    """The legacy rows of a block, cells in the order of source.columns."""
    assert source.columns is not None
    extra = source.extra or {}
    columns = []
    for name in source.columns:
        held = extra[name] if name in extra else getattr(block, (source.fields or {}).get(name, name))
        columns.append(held if isinstance(held, list) else [held] * block.count)
        if name in extra:
            columns[-1] = [unwrap(cell) for cell in columns[-1]]
    return zip(*columns, strict=True)


class SeriesTranslator:
    """Turns one price table into blocks. A row that fits no block is kept by itself, through `fallback`.

    renamed: the legacy columns that stand in an event field of another name.
    """

    renamed: Mapping[str, str] = MappingProxyType({})

    def __init__(
        self, *, mapping: SeriesMapping, series: Series, table: Table, knowledge: Knowledge, memory: SeenTable, log: Log,
        fallback: Translator,
    ) -> None:  # fmt: skip
        self.mapping, self.series, self.table, self.knowledge = mapping, series, table, knowledge
        self.memory, self.log, self.fallback = memory, log, fallback
        self.tally: TableTally = fallback.tally
        self._stream = stream(mapping.kind, series.symbol)
        self._columns = {name: index for index, name in enumerate(table.columns)}
        own = {*mapping.event.__struct_fields__} - {*PriceBlock.__struct_fields__}
        self.fields = [name for name in table.columns if name in own]
        self._extra = self.tally.unknown_columns = [name for name in table.columns if name not in own]
        self._allowed = {name: self._may_hold(name) for name in self.fields}
        self._key = self._columns[mapping.key]
        self._blocks: dict[int, dict[str, tuple[Any, ...]]] = {}
        self._last_key = ""

    def entries(self, db: apsw.Connection) -> Iterator[Ready]:
        """All blocks that the table gives, in order of their keys; the tally counts on the way."""
        for rows in self.rows(db):
            ready = self._chunk(rows)
            del rows  # hundreds of series are open at once; only what is ready may stay in memory
            yield from ready

    def rows(self, db: apsw.Connection) -> Iterator[list[tuple[Any, ...]]]:
        """The rows of the table in the order of their keys, a block at a time."""
        row_number = self.table.row_number or "NULL"
        names = [quote(column) for column in self.table.columns]
        tail = f"FROM {quote(self.table.name)} ORDER BY {quote(self.mapping.key)}"
        if not self._unique_key():
            tail += f", {row_number}"
        return chunks(db, [*names, row_number, "1", "NULL"], tail, size=BLOCK_MAX)

    def same_as_recorded(self, rows: Sequence[tuple[Any, ...]]) -> list[bool]:
        """For each row whether a block of the log holds it exactly."""
        keys = [row[self._key] for row in rows if type(row[self._key]) is str]
        return self._same(rows, self._recorded(min(keys), max(keys)) if keys else {})

    def _same(self, rows: Sequence[tuple[Any, ...]], recorded: Mapping[str, tuple[Any, ...]]) -> list[bool]:
        width, key = len(self.table.columns), self._key
        cells = [row[:width] for row in rows]
        found = [recorded.get(row[key]) for row in cells]
        if exact(cells) == exact(found):
            return [True] * len(rows)
        return [exact(one) == exact(other) if other else False for one, other in zip(cells, found, strict=True)]

    def _unique_key(self) -> bool:
        return frozenset({self.mapping.key}) in self.table.unique

    def _chunk(self, rows: list[tuple[Any, ...]]) -> list[Ready]:
        columns = list(zip(*rows, strict=True))
        self.tally.read += len(rows)
        kept: list[Ready] = []
        if not self._fit(columns):
            rows, unfit = self._sort_out(rows)
            kept = self._kept(unfit, rows[-1][self._key] if rows else self._last_key)
            columns = list(zip(*rows, strict=True))
        if not rows:
            return kept
        self._last_key = rows[-1][self._key]
        return [*kept, *self._new_rows(rows, columns)]

    def _new_rows(self, rows: list[tuple[Any, ...]], columns: Sequence[Sequence[Any]]) -> list[Ready]:
        keys = columns[self._key]
        recorded = self._recorded(keys[0], keys[-1])
        if recorded and not self._means_otherwise(columns):
            fresh = [row for row, same in zip(rows, self._same(rows, recorded), strict=True) if not same]
            self.tally.unchanged += len(rows) - len(fresh)
            if not fresh:
                return []
            rows, columns = fresh, list(zip(*fresh, strict=True))
        return [self._block(rows, columns)]

    def _means_otherwise(self, columns: Sequence[Sequence[Any]]) -> bool:
        """Whether rows that did not change mean other times: their created_at is naive, and was read in another zone."""
        if not self.knowledge.zone_changed or "created_at" not in self._columns:
            return False
        stamps = {*columns[self._columns["created_at"]]} - {None}
        if not any(read_instant(stamp, self.knowledge.zone).assumed for stamp in stamps):
            return False
        keys = columns[self._key]
        stored = self.memory.event_at(max(self.between(keys[0], keys[-1])))
        block = events.decode(stored.topic, stored.state)
        return isinstance(block, PriceBlock) and block.zone != self.knowledge.zone.key

    def _fit(self, columns: Sequence[Sequence[Any]]) -> bool:
        """Whether these rows can stand in one block: keys are new dates in order, and each column holds what it may."""
        keys = columns[self._key]
        if {*map(type, keys)} != {str} or not self.mapping.keys(keys) or keys[0] <= self._last_key:
            return False
        if not self._unique_key() and len(set(keys)) != len(keys):
            return False
        for name in self.fields:
            column = columns[self._columns[name]]
            held = {*map(type, column)}
            if not held <= self._allowed[name] or not finite(column, held):
                return False
        return "created_at" not in self._columns or self._times_read({*columns[self._columns["created_at"]]})

    def _may_hold(self, name: str) -> frozenset[type]:
        missing = frozenset[type]() if name == self.mapping.required else frozenset({_NONE})
        if name in self.mapping.numbers:
            return _NUMBERS | missing
        if name in self.mapping.mixed:
            return _NUMBERS | {str} | missing
        return frozenset({str}) | missing if name in self.mapping.texts else frozenset({str})

    def _times_read(self, stamps: set[str | None]) -> bool:
        try:
            return all(stamp is None or bool(read_instant(stamp, self.knowledge.zone)) for stamp in stamps)
        except ValueError:
            return False

    def _sort_out(self, rows: list[tuple[Any, ...]]) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
        fit, unfit, last = [], [], self._last_key
        for row in rows:
            if self._fit([(cell,) for cell in row]) and row[self._key] > last:
                fit.append(row)
                last = row[self._key]
            else:
                unfit.append(row)
        return fit, unfit

    def _kept(self, rows: list[tuple[Any, ...]], last: str) -> list[Ready]:
        before, self._last_key = self._last_key, last
        kept = [self.fallback.keep(row, self._why(row)) for row in rows]
        # They take the place of the block before them: the one after them must not wait until all other tables are read.
        fresh = [ready._replace(order=(False, before)) for ready in kept if ready is not None]
        self.tally.appended += len(fresh)
        return fresh

    def _why(self, row: tuple[Any, ...]) -> str:
        key = row[self._key]
        if type(key) is not str or not self.mapping.keys([key]):
            return f"{self.mapping.key} is not a {'month' if self.mapping.keys is are_months else 'date'}"
        if row[self._columns[self.mapping.required]] is None:
            return f"{self.mapping.required} is missing"
        for name in self.fields:
            if type(row[self._columns[name]]) not in self._allowed[name]:
                return f"{name} holds a value of a class it cannot have"
        if key <= self._last_key:
            return f"another row has the same {self.mapping.key}"
        return "a number is infinite or created_at is not a time"

    def _block(self, rows: list[tuple[Any, ...]], columns: Sequence[Sequence[Any]]) -> Ready:
        keys = columns[self._key]
        held = {name: _packed(columns[self._columns[name]]) for name in self.fields if name != self.mapping.key}
        assumed = ["symbol"] if self.series.assumed else []
        if "created_at" in self._columns and self.knowledge.zone_assumed:
            stamps = {*columns[self._columns["created_at"]]} - {None}
            if any(read_instant(stamp, self.knowledge.zone).assumed for stamp in stamps):
                assumed.append("created_at")
        held |= {
            self.mapping.key: list(keys), "symbol": self.series.symbol, "count": len(rows), "zone": self.knowledge.zone.key,
            "copy": self.series.copy, "occurred_at": keys[0], "assumed": tuple(assumed),
        }  # fmt: skip
        # The columns were checked above, all at once; converting them value by value would cost more than all the rest.
        state = events.encode(self.mapping.event(**held))
        source = provenance.of_block(
            self.fallback.shared, self.table.columns, keys[0], keys[-1], self._extras(columns), self.renamed
        )
        self.tally.events += len(rows)
        self.tally.appended += 1
        for field in assumed:
            self.tally.assumed[field] += len(rows)
        return Ready((False, keys[0]), Entry(self._stream, topic_of(self.mapping.event), state, source), len(rows))

    def _extras(self, columns: Sequence[Sequence[Any]]) -> dict[str, Any]:
        """The columns that the event does not hold, wrapped."""
        return {name: list(map(wrap, columns[self._columns[name]])) for name in self._extra}

    def again(self, memory: SeenTable, log: Log) -> SeriesTranslator:
        """The same series, looked up in what the log has by now."""
        return SeriesTranslator(
            mapping=self.mapping, series=self.series, table=self.table, knowledge=self.knowledge, memory=memory, log=log,
            fallback=self.fallback,
        )  # fmt: skip

    def _recorded(self, first: str, last: str) -> Mapping[str, tuple[Any, ...]]:
        """The rows that the log has of this file by key, the newest form of each, of all blocks from first to last."""
        found: dict[str, tuple[Any, ...]] = {}
        for position in self.between(first, last):
            found |= self._decoded(position)
        self._forget(last)
        return found

    def between(self, first: str, last: str) -> list[int]:
        """The positions of the blocks that hold a key from `first` to `last`."""
        return self.memory.blocks(first, last)

    def _decoded(self, position: int) -> dict[str, tuple[Any, ...]]:
        if position not in self._blocks:
            self._blocks[position] = _rows_at(self.log, position, self.table.columns, self.mapping.key)
        return self._blocks[position]

    def _forget(self, last: str) -> None:
        """Of the decoded blocks only those that reach beyond the key will be asked for again; many series are open at once."""
        self._blocks = {at: block for at, block in self._blocks.items() if max(block, default="") > last}


def _rows_at(log: Log, position: int, names: Sequence[str], key: str) -> dict[str, tuple[Any, ...]]:
    """The rows of the block at a position by key; cells in the order of `names`, a column the file lacked then is absent."""
    (stored,) = log.at([position])
    source = provenance.decode(stored.source or "")
    block = events.decode(stored.topic, stored.state)
    assert isinstance(block, PriceBlock)
    assert source.columns is not None
    keyed = source.columns.index(key)
    if list(source.columns) == list(names):
        return {row[keyed]: row for row in verbatim_rows(block, source)}
    places = [source.columns.index(name) if name in source.columns else None for name in names]
    rows = verbatim_rows(block, source)
    return {row[keyed]: tuple(None if place is None else row[place] for place in places) for row in rows}


def _packed(column: Sequence[Any]) -> Any:  # a domain.prices.Column
    """The column, or its value when it is the same in all rows; a zero stays a list, since 0.0 and -0.0 compare equal."""
    first = column[0]
    if first == column[-1] and first != 0 and column.count(first) == len(column) and len({*map(type, column)}) == 1:
        return first
    return list(column)
