"""Where an event came from: run, legacy file, table and key, the legacy row, and which of its cells a column shows."""

from __future__ import annotations

from functools import cached_property
from itertools import islice
from typing import Any

import msgspec
from msgspec import Struct, field

from domain.event import Event, decode, topic_of
from domain.legacy import LegacyRowVanished, ReplayCompleted, ReplayStarted
from domain.market import MarketBlock
from domain.prices import PriceBlock
from domain.satellites import BucketDescribed
from domain.streams import stream
from domain.trading import ReinvestmentTracked
from ledger.log import Log, Stored
from operations import market_origins, market_tables
from operations.replaying import SYSTEMS
from operations.shown import LEDGER, Place, places
from replay import provenance
from replay.blocks import verbatim_rows
from replay.provenance import Provenance
from replay.verbatim import decode_row, wrap

Cells = dict[str, Any]  # the cells of a legacy row, as JSON can hold them


class Origin(Struct, kw_only=True, omit_defaults=True):
    """Where an event came from. row: the legacy row; column, cell: of it, what the asked column shows. gap: what is missing
    on the way, and why; is_broken: it should not be missing.
    """

    run: int | None = None
    system: str | None = None
    file: str | None = None
    table: str | None = None
    key: list[Any] = field(default_factory=list)  # legacy cells
    row: Cells = field(default_factory=dict)
    column: str | None = None
    cell: Any = None  # a legacy cell
    gap: str = ""
    is_broken: bool = False


_BY_LANES: dict[type[Event], Place] = {
    BucketDescribed: Place("satellites", "buckets", ("id",), {"occurred_at": "updated_at"}),
    ReinvestmentTracked: Place(LEDGER, "drip_tracking", ("symbol",), {"occurred_at": "updated_at"}),
}


def place_of_kind(event: type[Event]) -> Place | None:
    """Where such events are rows of a read model; a correction stands where the fact stood."""
    known = _BY_LANES | places()
    return next((known[kind] for kind in event.__mro__ if kind in known), None)


def keys_of_block(block: PriceBlock) -> list[str]:
    """The days or months of a block, one for each of its rows."""
    keys: list[str] = getattr(block, "date", None) or getattr(block, "year_month", [])
    return keys


class Origins:
    """Looks up origins; what the runs say of themselves is read once."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def of(self, stored: Stored, table: str, key: Cells, column: str | None) -> Origin:
        """Where an event came from that stands behind a row, or a cell of it."""
        if stored.source is None:
            return Origin(gap="recorded here: no legacy row stands behind it")
        source = provenance.decode(stored.source)
        origin = Origin(
            run=source.run,
            system=source.system,
            file=source.file,
            table=source.table,
            key=[*map(wrap, source.key or [])],
        )
        event = decode(stored.topic, stored.state)
        if isinstance(event, PriceBlock):
            self._of_block(origin, event, source, key)
        elif isinstance(event, MarketBlock):
            _of_market_block(origin, event, source, key)
        elif source.vanished or isinstance(event, LegacyRowVanished):
            origin.gap = "the legacy row was no longer there in that run"
        else:
            origin.row = {name: wrap(cell) for name, cell in decode_row(source.row).items()}
        if column is not None:
            self._name_cell(origin, event, source, table, column)
        self._check_run(origin, source)
        return origin

    def _of_block(self, origin: Origin, block: PriceBlock, source: Provenance, key: Cells) -> None:
        """The row within the block; of a row with another key only the block is known."""
        wanted = next((value for name, value in key.items() if isinstance(getattr(block, name, None), list)), None)
        keys = keys_of_block(block)
        if wanted not in keys:
            origin.key = [source.first, source.last]
            return
        origin.key = [wanted]
        row = next(islice(verbatim_rows(block, source), keys.index(wanted), None))
        origin.row = dict(zip(source.columns or [], map(wrap, row), strict=True))

    def _name_cell(self, origin: Origin, event: Event, source: Provenance, table: str, column: str) -> None:
        if isinstance(event, PriceBlock):
            name = next((one for one in origin.row if (source.fields or {}).get(one, one) == column), None)
        elif isinstance(event, MarketBlock):
            name = market_origins.column_of(source, event, column)
        else:
            name = self._legacy_column(origin, event, table, column)
        if name in origin.row:
            origin.column, origin.cell = name, origin.row[name]

    def _legacy_column(self, origin: Origin, event: Event, table: str, column: str) -> str | None:
        place, system = place_of_kind(type(event)), SYSTEMS.get(origin.system or "")
        mapping = system.declared(origin.file or "", origin.table or "") if system else None
        if place is None or mapping is None or table.removesuffix("_copies") != f"{place.model}.{place.table}":
            return None
        shown = place.field(column)
        return next((name for name in origin.row if mapping.target(name) == shown), None)

    def _check_run(self, origin: Origin, source: Provenance) -> None:
        run = (source.system, source.run)
        if run not in self._runs:
            origin.gap, origin.is_broken = f"the log knows no run {source.run} of {source.system}", True
        elif (files := self._runs[run]) and source.file not in files:
            origin.gap, origin.is_broken = f"run {source.run} read no file {source.file}", True

    @cached_property
    def _runs(self) -> dict[tuple[str, int], frozenset[str]]:
        """The runs that the log knows, each with the files that it read; none for one that never reached its end."""
        found: dict[tuple[str, int], frozenset[str]] = {}
        for system in SYSTEMS:
            for stored in self._log.stream(stream("replay", system)):
                if stored.topic == topic_of(ReplayStarted):
                    found[system, msgspec.json.decode(stored.state, type=_Run).run] = frozenset()
                elif stored.topic == topic_of(ReplayCompleted):
                    run = msgspec.json.decode(stored.state, type=_Run)
                    found[system, run.run] = frozenset(run.manifest)
        return found


def _of_market_block(origin: Origin, block: MarketBlock, source: Provenance, key: Cells) -> None:
    """The row of the block that has this key, of several the last; the first and the last row where none has."""
    rows = market_tables.table_of(block).rows_of(block)
    places = [place for place, row in enumerate(rows) if key and {**row, **key} == row]
    if not places:
        origin.key = [market_origins.key_of(block, source, place)[-1] for place in (0, block.count - 1)]
        return
    origin.key = market_origins.key_of(block, source, places[-1])
    origin.row = {name: wrap(cell) for name, cell in market_origins.verbatim(block, source, places[-1]).items()}


class _Run(Struct):
    run: int
    manifest: dict[str, str] = {}
