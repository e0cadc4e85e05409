"""Rows of one legacy table become entries of the log, by column name."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple, Protocol
from zoneinfo import ZoneInfo

import apsw
import msgspec

from domain import event as events
from domain.event import Event, topic_of
from domain.legacy import LegacyRowKept
from domain.moments import is_assumed, read_instant, read_moment
from ledger.log import Entry, Stored
from replay import provenance
from replay.mapping import ALLOWED, Fields, KeepRow, Kind, Knowledge, TableMapping, kinds
from replay.naming import RowNames
from replay.reading import Table, chunks, quote
from replay.tally import TableTally
from replay.verbatim import encode_row, plain_columns, wrap

DIGEST_SIZE = 16
Cells = tuple[Any, ...]  # one legacy row: its cells, then its row number, twin number and valid time


class Ready(NamedTuple):
    """An entry with the key it is merged by: entries without a valid time come last; `rows` legacy rows are in it."""

    order: tuple[bool, str]
    entry: Entry
    rows: int


class Known(NamedTuple):
    """What the log has of a row: the digest of its verbatim form, whether it was only kept, and its newest event's place."""

    digest: bytes
    kept: bool
    position: int


class Memory(Protocol):
    """What replay has already seen of one table."""

    def recall(self, streams: Sequence[str]) -> dict[str, Known]:
        """The rows among these streams that the log has."""

    def meet(self, streams: Sequence[str]) -> None:
        """Note that these rows are still there."""

    def event_at(self, position: int) -> Stored:
        """The event at a position of the log."""


def teach_time(db: apsw.Connection, zones: Mapping[str, ZoneInfo]) -> None:
    """Give a frozen file the SQL function valid_time(bytes of a text, table): the moment that a legacy time stamp means in the
    zone of that table, NULL when none. It takes bytes, since apsw cannot hand over text that is not UTF-8.
    """
    encoding = str(next(iter(db.execute("PRAGMA encoding")))[0])

    def valid_time(*cells: apsw.SQLiteValue) -> str | None:
        content, table = cells
        try:
            return read_moment(content.decode(encoding), zones[str(table)]).text if isinstance(content, bytes) else None
        except ValueError:
            return None

    db.create_scalar_function("valid_time", valid_time, 2, deterministic=True)


def digest(body: bytes) -> bytes:
    """A short digest of a row's verbatim form."""
    return hashlib.blake2b(body, digest_size=DIGEST_SIZE).digest()


class Translator:
    """Turns the rows of one table of one file into entries; `mapping` None keeps every row as it is."""

    def __init__(
        self,
        *,
        shared: bytes,
        file: str,
        table: Table,
        mapping: TableMapping | None,
        knowledge: Knowledge,
        memory: Memory,
    ) -> None:
        self.shared, self.file, self.table, self.mapping = shared, file, table, mapping
        self.knowledge, self.memory = knowledge, memory
        self.why_kept = "no event describes this table"
        self.tally = TableTally(file=file, table=table.name)
        self._width = len(table.columns)
        self._names = RowNames(file=file, table=table, mapping=mapping, knowledge=knowledge)
        self._fields: list[tuple[int, str, Kind]] = []
        if mapping is not None:
            self._prepare(mapping)

    def _prepare(self, mapping: TableMapping) -> None:
        kind_of, names = kinds(mapping.event), self.table.columns
        taken = list(enumerate(mapping.targets(names)))
        self._fields = [(index, field, kind_of[field]) for index, field in taken if field in kind_of]
        self._taken = [field for _, field, _ in self._fields]
        places = [index for index, _, _ in self._fields]
        # Of a single place itemgetter would give the bare cell.
        self._cells_of: Callable[[Cells], Sequence[Any]] = (
            itemgetter(*places) if len(places) > 1 else lambda row: [row[place] for place in places]
        )
        self.tally.unknown_columns = [names[index] for index, field in taken if field not in kind_of]
        self._times = [
            (field, kind, self.knowledge.clock(names[index]))
            for index, field, kind in self._fields
            if kind in (Kind.INSTANT, Kind.MOMENT)
        ]
        self._key_times = {field for index, field, _ in self._fields if names[index] in mapping.key}
        self._constants: Fields = dict(mapping.constants)
        if mapping.copy or (mapping.files and self.file != mapping.files[0]):
            self._constants["copy"] = mapping.copy or f"{self.file}/{self.table.name}"

    def entries(self, db: apsw.Connection) -> Iterator[Ready]:
        """All entries that the table gives, in order of valid time; the tally counts on the way."""
        for rows in self.rows(db):
            yield from self._chunk(rows)

    def rows(self, db: apsw.Connection) -> Iterator[list[Cells]]:
        """The rows of the table in the order of `entries`, in chunks."""
        names = [quote(column) for column in self.table.columns]
        row_number = self.table.row_number or "NULL"
        time = self.mapping.time if self.mapping else None
        at = _valid_time(quote(time), self.table) if time in self.table.columns and time else "NULL"
        tail = f"FROM {quote(self.table.name)} NOT INDEXED"
        return chunks(db, [*names, row_number, self._names.twin_number(db), at], tail, then=self._names.order)

    def _chunk(self, rows: list[Cells]) -> Iterator[Ready]:
        columns = list(zip(*rows, strict=True))
        data = columns[: self._width]
        plain = plain_columns(data)
        trusted = plain and all(
            {*map(type, data[index])} <= ALLOWED[kind] | {type(None)} for index, _, kind in self._fields
        )
        names, width = self.table.columns, self._width
        bodies = [encode_row(names, row[:width], plain=plain) for row in rows]
        streams = [self._names.stream(row) for row in rows]
        known = self.memory.recall([name or self._names.kept(row) for name, row in zip(streams, rows, strict=True)])
        self.tally.read += len(rows)
        met = []
        for row, body, name in zip(rows, bodies, streams, strict=True):
            found = known.get(name) if name else None
            if found is not None and self._is_recorded(row, body, name, found):
                self.tally.unchanged += 1
                met.append(name)
                continue
            ready, used = self._row(row, body, name, found, trusted=trusted, plain=plain)
            met.append(used)
            if ready is not None:
                self.tally.appended += 1
                yield ready
        self.memory.meet([name for name in met if name])

    def _is_recorded(self, row: Cells, body: bytes, name: str | None, found: Known) -> bool:
        """Whether the log has the row as it is, and would get no other event for it now that another zone is named."""
        if found.kept or found.digest != digest(body):
            return False
        if not self.knowledge.zone_changed or self.mapping is None:
            return True
        stored = self.memory.event_at(found.position)
        changed = self.mapping.changed is not None and stored.topic == topic_of(self.mapping.changed)
        try:
            event = self._event(row, name, trusted=False, changed=changed)
        except KeepRow:
            return False
        return events.encode(event) == stored.state.encode()

    def _row(
        self, row: Cells, body: bytes, name: str | None, found: Known | None, *, trusted: bool, plain: bool
    ) -> tuple[Ready | None, str]:
        try:
            event = self._event(row, name, trusted=trusted, changed=found is not None and not found.kept)
        except KeepRow as reason:
            return self._keep(row, body, str(reason))
        assert name is not None
        self.tally.events += 1
        for field in event.assumed:
            self.tally.assumed[field] += 1
        self.tally.repaired += event.repaired is not None
        key = [row[index] for index in self._names.key]
        source = provenance.of_row(self.shared, key if plain else list(map(wrap, key)), body)
        entry = Entry(name, topic_of(type(event)), events.encode(event), source)
        return Ready(self._order(row), entry, 1), name

    def _order(self, row: Cells) -> tuple[bool, str]:
        """Where the row stands among all others: by the time that it was sorted by, also when it is only kept or repaired."""
        at = row[self._width + 2]
        return at is None, at or ""

    def _event(self, row: Cells, name: str | None, *, trusted: bool, changed: bool) -> Event:
        mapping = self.mapping
        if mapping is None:
            raise KeepRow(self.why_kept)
        if name is None:
            raise KeepRow(self._names.why_none(row))
        fields: Fields = dict(zip(self._taken, self._cells_of(row), strict=True))
        repaired = mapping.repair(dict(zip(self.table.columns, row, strict=False))) if mapping.repair else None
        if repaired is not None:
            taken = zip(mapping.targets([*repaired]), repaired.values(), strict=True)
            fields = {field: value for field, value in taken if field} | {"repaired": repaired["repaired"]}
        elif not trusted:
            self._check(row)
        fields |= self._constants
        assumed = self._read_times(fields, row[self._width + 2] if repaired is None else None)
        if mapping.fill:
            assumed += mapping.fill(fields, self.knowledge)
        if assumed:
            fields["assumed"] = tuple(dict.fromkeys(assumed))
        try:
            return msgspec.convert(fields, mapping.changed if changed and mapping.changed else mapping.event)
        except msgspec.ValidationError as error:
            raise KeepRow(_reason(error)) from error

    def _check(self, row: Cells) -> None:
        for index, _, kind in self._fields:
            value = row[index]
            if value is not None and type(value) not in ALLOWED[kind]:
                raise KeepRow(f"{self.table.columns[index]} is not {kind.value} but {_class(value)}")
            if type(value) is float and not plain_columns([[value]]):
                raise KeepRow(f"{self.table.columns[index]} is infinite")

    def _read_times(self, fields: Fields, at: str | None) -> list[str]:
        """Times in the log's form; `at` is that of occurred_at, where the order of the rows made it known."""
        assumed = []
        for field, kind, clock in self._times:
            value = fields.get(field)
            if value is None:
                continue
            if value == "":
                if field in self._key_times:  # as where it is NULL: nothing could be shown under it
                    raise KeepRow(f"{field}, by which the row is known, is empty")
                fields[field] = None
                assumed.append(field)
                continue
            if at is not None and field == "occurred_at" and type(value) is str:
                fields[field] = at
                if clock.assumes(value, is_naive=clock.is_assumed and is_assumed(value, clock.zone)):
                    assumed.append(field)
                continue
            try:
                read = read_moment if kind is Kind.MOMENT or field == "occurred_at" else read_instant
                reading = read(value, clock.zone)
            except (ValueError, TypeError) as error:
                raise KeepRow(f"{field} is not {kind.value}: {value!r}") from error
            fields[field] = reading.text
            if clock.assumes(value, is_naive=reading.assumed):
                assumed.append(field)
        return assumed

    def zone_of(self, column: str) -> ZoneInfo:
        """The zone of the naive times of a column."""
        return self.knowledge.clock(column).zone

    def keep(self, row: Cells, reason: str) -> Ready | None:
        """Keep one row as it is; None when the log has it already. The caller counts it as read."""
        body = encode_row(self.table.columns, row[: self._width], plain=False)
        ready, name = self._keep(row, body, reason)
        self.memory.meet([name])
        return ready

    def _keep(self, row: Cells, body: bytes, reason: str) -> tuple[Ready | None, str]:
        self.tally.kept += 1
        self.tally.kept_reasons[reason] += 1
        name = self._names.kept(row)
        found = self.memory.recall([name]).get(name)
        if found is not None and found.digest == digest(body):
            return None, name
        return self._kept_entry(name, row, body, reason), name

    def _kept_entry(self, name: str, row: Cells, body: bytes, reason: str) -> Ready:
        values = dict(zip(self.table.columns, map(wrap, row), strict=False))
        event = LegacyRowKept(file=self.file, table=self.table.name, reason=reason, row=values)
        key = [wrap(row[self.table.columns.index(column)]) for column in self.table.key] or [row[self._width]]
        source = provenance.of_row(self.shared, key, body)
        return Ready(self._order(row), Entry(name, topic_of(LegacyRowKept), events.encode(event), source), 1)

    def event_of(self, row: Cells) -> Event | None:
        """The event that a row becomes, None when it is only kept."""
        try:
            return self._event(row, self._names.stream(row), trusted=False, changed=False)
        except KeepRow:
            return None

    def proof_streams(self, row: Cells) -> tuple[str | None, str]:
        """The streams a row may be recorded in: as an event, and as a kept row."""
        return self._names.stream(row), self._names.kept(row)


def _valid_time(column: str, table: Table) -> str:
    name = apsw.format_sql_value(table.name)
    return f"valid_time(CASE typeof({column}) WHEN 'text' THEN CAST({column} AS BLOB) END, {name})"


def _class(value: object) -> str:
    return {bytes: "a blob", str: "text", int: "a whole number", float: "a number"}.get(type(value), "broken text")


def _reason(error: msgspec.ValidationError) -> str:
    text = str(error)
    what, _, where = text.partition(" - at `$.")
    return f"{where.rstrip('`')}: {what}" if where else text
