"""Tables whose rows are events as they stand: stored JSON goes straight into a struct shaped like the row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from itertools import groupby
from operator import itemgetter
from typing import Any

import apsw
import msgspec
from msgspec.structs import astuple

from domain.event import decode, encode, topic_of
from projections.bulk import Row, Upsert
from projections.copies import Copies
from projections.projector import RowTable
from projections.topics import topics_of

COPY = "copy"
_TEXT = itemgetter(2)  # of a State

# Position, topic, state and hash of an event, as the log hands them out.
State = tuple[int, str, str, bytes]


class RowLane:
    """Writes the events of one RowTable."""

    def __init__(self, declared: RowTable) -> None:
        fields = msgspec.structs.fields(declared.row)
        columns = tuple(field.name for field in fields if field.name != COPY)
        names = {topic_of(event) for event in declared.stated}
        self.stated = frozenset(topic for event in declared.stated for topic in topics_of(event))
        self.topics = self.stated | {topic for event in declared.removed for topic in topics_of(event)}
        self._older = self.topics - names - {topic_of(event) for event in declared.removed}
        self._ends_copies = {
            topic for event in declared.removed if COPY not in event.__struct_fields__ for topic in topics_of(event)
        }
        self._has_copy = len(columns) < len(fields)
        assert not self._has_copy or fields[-1].name == COPY, f"{declared.table}: copy is not the last field"
        # strict=False reads the JSON string "0.1" as the exact double; SQLite's own conversion is off by one unit in
        # the last place now and then.
        self._decode = msgspec.json.Decoder(declared.row, strict=False).decode
        # The row is known only here, so what is in the list cannot be said.
        self._decode_all: Callable[[str], list[Any]] = msgspec.json.Decoder(list[declared.row], strict=False).decode  # type: ignore[name-defined]
        self._decode_key = msgspec.json.Decoder(_key_struct(declared), strict=False).decode
        self._upsert = Upsert(declared.table, columns, declared.key)
        self._delete = f'DELETE FROM "{declared.table}" WHERE ' + " AND ".join(f'"{name}" = ?' for name in declared.key)
        self._copies: Copies | None = None
        if declared.newest is not None:
            assert self._has_copy, f"{declared.table}: rows of which the newest counts need the field copy"
            self._copies = Copies(
                declared.table, f"{declared.table}_copies", columns=columns, key=declared.key, newest=declared.newest
            )

    @property
    def plain(self) -> frozenset[str]:
        """The topics whose events become rows as they are stored."""
        return self.stated - self._older

    def apply(self, db: apsw.Connection, states: Sequence[State], present: set[str]) -> None:
        """Write these events, in order; `present` are their topics."""
        if present <= self.stated:
            self._state(db, states)
            return
        for stated, run in groupby(states, key=lambda state: state[1] in self.stated):
            (self._state if stated else self._remove)(db, list(run))

    def _state(self, db: apsw.Connection, states: Sequence[State]) -> None:
        self._write(db, list(map(astuple, map(self._decode, self._texts(states)))))

    def write_joined(self, db: apsw.Connection, states: str) -> None:
        """Write stated events of the newest version, in order; their states stand in one JSON array."""
        self._write(db, list(map(astuple, self._decode_all(states))))

    def _write(self, db: apsw.Connection, rows: list[Row]) -> None:
        if self._copies:
            self._copies.state(db, rows)
        else:
            self._upsert.rows(db, [row[:-1] for row in rows] if self._has_copy else rows)

    def _remove(self, db: apsw.Connection, states: Sequence[State]) -> None:
        keys: list[Row] = [astuple(self._decode_key(text)) for text in self._texts(states)]
        if self._copies is None:
            db.executemany(self._delete, [key[:-1] for key in keys])
            return
        for state, (*key, copy) in zip(states, keys, strict=True):
            assert copy is None or isinstance(copy, str)
            if state[1] in self._ends_copies:
                self._copies.forget(db, tuple(key))
            else:
                self._copies.remove(db, tuple(key), copy)

    def _texts(self, states: Sequence[State]) -> list[str] | list[bytes]:
        """The events as JSON in their newest version."""
        if not self._older:
            return list(map(_TEXT, states))
        return [
            encode(decode(state[1], state[2])) if state[1] in self._older else state[2].encode() for state in states
        ]


@cache
def row_lane(declared: RowTable) -> RowLane:
    """The lane of a table; it keeps nothing between two batches, and its decoders take longer to make than a small batch."""
    return RowLane(declared)


def _key_struct(declared: RowTable) -> type[msgspec.Struct]:
    """The key of the rows, read from an event that removes one, and its copy."""
    fields = {field.name: field for field in msgspec.structs.fields(declared.row)}
    keys = [(name, fields[name].type, msgspec.field(name=fields[name].encode_name)) for name in declared.key]
    return msgspec.defstruct(f"{declared.row.__name__}Key", [*keys, (COPY, str | None, None)])
