"""Rows of one legacy table become entries of the log, by column name."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol
from zoneinfo import ZoneInfo

import apsw
import msgspec

from domain import event as events
from domain.event import Event, topic_of
from domain.legacy import LegacyRowKept
from domain.moments import read_instant, read_moment
from domain.streams import stream
from ledger.log import Entry, Stored
from replay import provenance
from replay.mapping import ALLOWED, Fields, KeepRow, Kind, Knowledge, TableMapping, kinds
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


def teach_time(db: apsw.Connection, zone: ZoneInfo) -> None:
    """Give a frozen file the SQL function valid_time(cell): the moment that a legacy time stamp means, NULL when none."""

    def valid_time(*cells: apsw.SQLiteValue) -> str | None:
        try:
            return read_moment(cells[0], zone).text if isinstance(cells[0], str) else None
        except ValueError:
            return None

    db.create_scalar_function("valid_time", valid_time, 1, deterministic=True)


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
        self._fields: list[tuple[int, str, Kind]] = []
        self._key: list[int] = []
        self._twins: list[int] = []
        if mapping is not None:
            self._prepare(mapping)

    def _prepare(self, mapping: TableMapping) -> None:
        kind_of, names = kinds(mapping.event), self.table.columns
        taken = [(index, mapping.target(name)) for index, name in enumerate(names)]
        self._fields = [(index, field, kind_of[field]) for index, field in taken if field in kind_of]
        self.tally.unknown_columns = [names[index] for index, field in taken if field not in kind_of]
        self._key = [names.index(column) for column in mapping.key]
        self._twins = [names.index(column) for column in mapping.twins if column in names]
        self._times = [(field, kind) for _, field, kind in self._fields if kind in (Kind.INSTANT, Kind.MOMENT)]
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
        at = f"valid_time({quote(time)})" if time in self.table.columns and time else "NULL"
        tie = row_number if self.table.row_number else ", ".join(map(quote, self.table.key))
        tail = f"FROM {quote(self.table.name)} NOT INDEXED"
        return chunks(db, [*names, row_number, self._twin_number(db, tie), at], tail, then=tie)

    def _twin_number(self, db: apsw.Connection, tie: str) -> str:
        """SQL that numbers the rows that would share a stream; 1 where the schema rules that out."""
        if self.mapping is None:
            return "1"
        key = [quote(column) for column in self.mapping.key]
        missing = " OR ".join(f"{column} IS NULL" for column in key)
        if frozenset(self.mapping.key) in self.table.unique:
            some = f"SELECT 1 FROM {quote(self.table.name)} NOT INDEXED WHERE {missing} LIMIT 1"
            if not self._twins or not list(db.execute(some)):
                return "1"
        twins = [f"CASE WHEN {missing} THEN {quote(self.table.columns[index])} END" for index in self._twins]
        return f"row_number() OVER (PARTITION BY {', '.join(key + twins)} ORDER BY {tie})"

    def _chunk(self, rows: list[Cells]) -> Iterator[Ready]:
        columns = list(zip(*rows, strict=True))
        data = columns[: self._width]
        plain = plain_columns(data)
        trusted = plain and all(
            {*map(type, data[index])} <= ALLOWED[kind] | {type(None)} for index, _, kind in self._fields
        )
        names, width = self.table.columns, self._width
        bodies = [encode_row(names, row[:width], plain=plain) for row in rows]
        streams = [self._stream(row) for row in rows]
        known = self.memory.recall([name or self._kept_stream(row) for name, row in zip(streams, rows, strict=True)])
        self.tally.read += len(rows)
        met = []
        for row, body, name in zip(rows, bodies, streams, strict=True):
            found = known.get(name) if name else None
            if found is not None and self._is_recorded(row, body, name, found):
                self.tally.unchanged += 1
                met.append(name)
                continue
            ready, used = self._row(row, body, name, found, trusted=trusted)
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

    def _stream(self, row: Cells) -> str | None:
        """The stream of a row, None when its key is missing or is not fit to be one."""
        mapping = self.mapping
        if mapping is None:
            return None
        key = [row[index] for index in self._key]
        twin = row[self._width + 1]
        if None in key and self._twins:
            same = [row[index] for index in self._twins]
            name = stream(mapping.kind, "", *map(_key_text, same))
        elif all(type(part) in (str, int) for part in key):
            if twin > 1 and not mapping.twins:
                return None
            try:
                named = [mapping.key_name(key[0], self.knowledge)] if mapping.key_name else map(str, key)
            except KeepRow:
                return None
            name = stream(mapping.kind, *named)
        else:
            return None
        return name if twin == 1 else f"{name}~{twin}"

    def _kept_stream(self, row: Cells) -> str:
        """The stream of a row that is only kept: by its primary key, else by its row number."""
        key = [row[self.table.columns.index(column)] for column in self.table.key]
        if not key or None in key:
            key = [row[self._width]]
        return stream("kept", self.file, self.table.name, *map(_key_text, key))

    def _row(
        self, row: Cells, body: bytes, name: str | None, found: Known | None, *, trusted: bool
    ) -> tuple[Ready | None, str]:
        try:
            event = self._event(row, name, trusted=trusted, changed=found is not None and not found.kept)
        except KeepRow as reason:
            return self._keep(row, body, str(reason))
        assert name is not None
        self.tally.events += 1
        self.tally.assumed.update(event.assumed)
        self.tally.repaired += event.repaired is not None
        key = [wrap(row[index]) for index in self._key]
        source = provenance.of_row(self.shared, key, body)
        entry = Entry(name, topic_of(type(event)), events.encode(event), source)
        return Ready((event.occurred_at is None, event.occurred_at or ""), entry, 1), name

    def _event(self, row: Cells, name: str | None, *, trusted: bool, changed: bool) -> Event:
        mapping = self.mapping
        if mapping is None:
            raise KeepRow(self.why_kept)
        if name is None:
            raise KeepRow(self._no_stream(row))
        fields: Fields = {field: row[index] for index, field, _ in self._fields}
        repaired = mapping.repair(dict(zip(self.table.columns, row, strict=False))) if mapping.repair else None
        if repaired is not None:
            fields = {mapping.target(column): value for column, value in repaired.items()}
        elif not trusted:
            self._check(row)
        fields |= self._constants
        assumed = self._read_times(fields)
        if mapping.fill:
            assumed += mapping.fill(fields, self.knowledge)
        if assumed:
            fields["assumed"] = tuple(dict.fromkeys(assumed))
        try:
            return msgspec.convert(fields, mapping.changed if changed and mapping.changed else mapping.event)
        except msgspec.ValidationError as error:
            raise KeepRow(_reason(error)) from error

    def _no_stream(self, row: Cells) -> str:
        mapping = self.mapping
        assert mapping is not None
        columns = " and ".join(mapping.key)
        if row[self._width + 1] > 1:
            return f"another row has the same {columns}"
        if mapping.key_name and isinstance(row[self._key[0]], str):
            mapping.key_name(row[self._key[0]], self.knowledge)
        return f"{columns} is missing or is neither text nor a whole number"

    def _check(self, row: Cells) -> None:
        for index, _, kind in self._fields:
            value = row[index]
            if value is not None and type(value) not in ALLOWED[kind]:
                raise KeepRow(f"{self.table.columns[index]} is not {kind.value} but {_class(value)}")
            if type(value) is float and not plain_columns([[value]]):
                raise KeepRow(f"{self.table.columns[index]} is infinite")

    def _read_times(self, fields: Fields) -> list[str]:
        assumed = []
        for field, kind in self._times:
            value = fields.get(field)
            if value is None:
                continue
            if value == "":
                fields[field] = None
                assumed.append(field)
                continue
            try:
                read = read_moment if kind is Kind.MOMENT or field == "occurred_at" else read_instant
                reading = read(value, self.knowledge.zone)
            except (ValueError, TypeError) as error:
                raise KeepRow(f"{field} is not {kind.value}: {value!r}") from error
            fields[field] = reading.text
            if reading.assumed and self.knowledge.zone_assumed:
                assumed.append(field)
        return assumed

    def keep(self, row: Cells, reason: str) -> Ready | None:
        """Keep one row as it is; None when the log has it already. The caller counts it as read."""
        body = encode_row(self.table.columns, row[: self._width], plain=False)
        ready, name = self._keep(row, body, reason)
        self.memory.meet([name])
        return ready

    def _keep(self, row: Cells, body: bytes, reason: str) -> tuple[Ready | None, str]:
        self.tally.kept += 1
        self.tally.kept_reasons[reason] += 1
        name = self._kept_stream(row)
        found = self.memory.recall([name]).get(name)
        if found is not None and found.digest == digest(body):
            return None, name
        return self._kept_entry(name, row, body, reason), name

    def _kept_entry(self, name: str, row: Cells, body: bytes, reason: str) -> Ready:
        values = dict(zip(self.table.columns, map(wrap, row), strict=False))
        event = LegacyRowKept(file=self.file, table=self.table.name, reason=reason, row=values)
        key = [wrap(row[self.table.columns.index(column)]) for column in self.table.key] or [row[self._width]]
        source = provenance.of_row(self.shared, key, body)
        return Ready((True, ""), Entry(name, topic_of(LegacyRowKept), events.encode(event), source), 1)

    def event_of(self, row: Cells) -> Event | None:
        """The event that a row becomes, None when it is only kept."""
        try:
            return self._event(row, self._stream(row), trusted=False, changed=False)
        except KeepRow:
            return None

    def proof_streams(self, row: Cells) -> tuple[str | None, str]:
        """The streams a row may be recorded in: as an event, and as a kept row."""
        return self._stream(row), self._kept_stream(row)


def _key_text(value: object) -> str:
    return value if type(value) is str else f"{type(value).__name__}-{value!r}"


def _class(value: object) -> str:
    return {bytes: "a blob", str: "text", int: "a whole number", float: "a number"}.get(type(value), "broken text")


def _reason(error: msgspec.ValidationError) -> str:
    text = str(error)
    what, _, where = text.partition(" - at `$.")
    return f"{where.rstrip('`')}: {what}" if where else text
