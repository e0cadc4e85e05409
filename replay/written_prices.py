"""The price tables written again: blocks of the log taken apart, those of the legacy files and those entered here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from domain import event as events
from domain.event import Event, topics
from domain.moments import Instant
from domain.prices import PriceBlock, PricesVoided
from ledger.log import Stored
from replay import provenance
from replay.blocks import verbatim_rows
from replay.reading import Table
from replay.standing_rows import At, StandingRows
from replay.system import WritingBack
from replay.writing_back import cell

Cells = dict[str, Any]  # legacy column to cell


class Prices:
    """The series of a legacy system. homeless: topics of blocks entered here for which no file of prices shows a schema.

    schemas: of every file, with those that are added for securities that had none; like: the file that an added one is like.
    """

    def __init__(self, standing: StandingRows, back: WritingBack, as_of: Instant | None = None) -> None:
        self._standing, self._back, self._as_of = standing, back, as_of
        self._keys: dict[type[Event], str] = {one.event: one.key for one in back.series}
        self._tables: dict[type[Event], str] = {one.event: one.table for one in back.series}
        self._entered: dict[At, dict[str, list[Stored]]] = {}
        self._recorded = sorted(standing.tables())
        self.homeless: list[str] = []
        self.like: dict[str, str] = {}
        self.schemas = dict(standing.schemas)
        for stored in standing.entered_blocks():
            self._place(stored)

    def _place(self, stored: Stored) -> None:
        """Put a block that was entered here to the table it belongs into; a security without a file gets one."""
        told = _told(stored)
        if isinstance(told, PricesVoided):
            self._void(stored)
            return
        table = self._tables.get(topics()[stored.topic])
        file = self._standing.home_of(stored.stream) or self._new_file(told.symbol, table)
        if table is None or file not in self.schemas:
            self.homeless.append(stored.topic)
        else:
            self._entered.setdefault(At(file, table), {}).setdefault(stored.stream, []).append(stored)

    def _void(self, stored: Stored) -> None:
        """Put it wherever the series stands, in files that are read no more as well."""
        known = {at for at in self._recorded if stored.stream in self._standing.series(at)}
        for at in known | {at for at, held in self._entered.items() if stored.stream in held}:
            self._entered.setdefault(at, {}).setdefault(stored.stream, []).append(stored)

    def _new_file(self, symbol: str, table: str | None) -> str:
        """The file that the legacy system would look in, with the schema of another of its kind."""
        name = self._back.series_file(symbol)
        like = next((at.file for at in self._recorded if at.table == table and at.file in self.schemas), None)
        if like is not None and self._back.has_one_series(like) and name not in self.schemas:
            self.like[name] = like
            self.schemas[name] = msgspec.structs.replace(self.schemas[like], file=name)
        return name if like is None or self._back.has_one_series(like) else like

    def entered(self, at: At) -> int:
        """How many rows of a table were entered here."""
        told = [_told(stored) for blocks in self._entered.get(at, {}).values() for stored in blocks]
        return sum(one.count for one in told if isinstance(one, PriceBlock))

    def rows(self, at: At, table: Table) -> Iterator[tuple[str, str, Cells]]:
        """Stream, key and cells of the rows of a table, series by series, the newest form of each."""
        entered = self._entered.get(at, {})
        for stream in sorted({*self._standing.series(at), *entered}):
            found: dict[str, Cells] = {}
            for stored in self._standing.blocks(at, stream):
                found |= self._recorded_rows(stored)
            like = next(reversed(found.values()), {})
            for stored in entered.get(stream, ()):
                if isinstance(void := _told(stored), PricesVoided):
                    found = {key: row for key, row in found.items() if key not in void.dates}
                    continue
                for key, row in self._entered_rows(at, table, stored, like):
                    found[key] = found.get(key, {}) | row
            for key, row in sorted(found.items()):
                if self._as_of is None or key <= self._as_of[: len(key)]:
                    yield stream, key, {name: row.get(name) for name in table.columns}

    def _key_of(self, block: PriceBlock) -> list[str]:
        keys: list[str] = getattr(block, self._keys[type(block)])
        return keys

    def _recorded_rows(self, stored: Stored) -> dict[str, Cells]:
        """The legacy rows of a block by key."""
        source, block = provenance.decode(stored.source or ""), _block(stored)
        names = source.columns or []
        rows = (dict(zip(names, row, strict=True)) for row in verbatim_rows(block, source))
        return dict(zip(self._key_of(block), rows, strict=True))

    def _entered_rows(self, at: At, table: Table, stored: Stored, like: Cells) -> Iterator[tuple[str, Cells]]:
        """The rows of a block that was entered here by key; `like`: a row of the same series, which says whose it is."""
        block = _block(stored)
        shared = self._back.system.shared_series(at.file, table)
        fields = {name: shared.target(name) if shared else name for name in table.columns}
        owner = {shared.owner: like.get(shared.owner, block.symbol)} if shared else {}
        for index, key in enumerate(self._key_of(block)):
            row: Cells = (
                {"created_at": cell(stored.recorded_at, table.declared("created_at"))} if _stamped(table) else {}
            )
            for column, name in fields.items():
                held = getattr(block, name) if name in block.__struct_fields__ else None
                value = held[index] if isinstance(held, list) else held
                if value is not None and column not in owner:
                    row[column] = cell(value, table.declared(column))
            yield key, row | owner


def _stamped(table: Table) -> bool:
    return "created_at" in table.columns


def _told(stored: Stored) -> PriceBlock | PricesVoided:
    """A block of prices, or what is void of others."""
    told = events.decode(stored.topic, stored.state)
    assert isinstance(told, PriceBlock | PricesVoided)
    return told


def _block(stored: Stored) -> PriceBlock:
    block = _told(stored)
    assert isinstance(block, PriceBlock)
    return block
