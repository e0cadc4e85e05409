"""What replay asks of a legacy system: to recognise its files, and to say how each table becomes events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import apsw

from domain.event import Event
from ledger.log import Entry, Log
from replay.blocks import SeriesMapping
from replay.mapping import Knowledge, TableMapping
from replay.market_series import MarketMapping
from replay.reading import Table
from replay.reconciling import Break
from replay.shared_series import SharedMapping


class Owner(Protocol):
    """Whose series a file holds; `assumed` says why that is not certain, empty when it is."""

    @property
    def symbol(self) -> str: ...

    @property
    def assumed(self) -> str: ...


class Universe(Protocol):
    """What the tables of one source say about each other."""

    def owner(self, file: str) -> Owner:
        """Whose prices a file of series holds."""

    def version(self, file: str) -> int:
        """The schema version of a file, 0 when it does not say."""

    def knowledge(self, zone: ZoneInfo, *, zone_assumed: bool) -> Knowledge:
        """What a translation may look up."""

    def findings(self) -> list[str]:
        """What is wrong with the source as a whole, a sentence each."""


class LegacySystem(Protocol):
    """One legacy system."""

    name: str
    folders: tuple[str, ...]
    """Where in a source its files lie beside the folder itself: patterns, such as `history` or `market_data/*/ticks`."""

    reads_in_part: bool
    """Whether what some of its files say comes in while others cannot be read; else nothing does until all can."""

    has_local_times: bool
    """Whether its programs wrote local times in the form in which SQLite writes its own, which are in UTC."""

    def recognises(self, files: Iterable[str]) -> bool:
        """Whether a folder with these files is one of this system's."""

    def mapping(self, file: str, table: Table) -> TableMapping | None:
        """How a table of a file becomes events; None for one that is only kept."""

    def declared(self, file: str, table: str) -> TableMapping | None:
        """The mapping of a table that may no longer be there."""

    def series(self, file: str, table: Table) -> SeriesMapping | None:
        """How a table of series becomes blocks; None for any other table."""

    def shared_series(self, file: str, table: Table) -> SharedMapping | None:
        """How a table with the series of many securities becomes blocks; None for any other table."""

    def market(self, file: str, table: Table) -> MarketMapping | None:
        """How a table of bars or ticks in a DuckDB file becomes blocks; None for any other table."""

    def generation(self, file: str, tables: Mapping[str, Table], version: int) -> str:
        """The name of the state that a file's schema is in."""

    def why_kept(self, file: str, table: str) -> str:
        """Why the rows of a table are only kept."""

    def reconcile(self, log: Log) -> tuple[list[Entry], list[Break]]:
        """What the log's facts imply beside what the system reported: the entries to append, and every open break."""

    def universe(
        self,
        files: Mapping[str, apsw.Connection],
        tables: Mapping[str, Mapping[str, Table]],
        recorded: Mapping[str, str],
    ) -> Universe:
        """What the tables of these files say about each other; `recorded`: symbol by ISIN, as the log has them."""


class WritingBack(Protocol):
    """What it takes to write a legacy system's files again from the log."""

    @property
    def system(self) -> LegacySystem:
        """The system whose files they are."""

    @property
    def mappings(self) -> Sequence[TableMapping]:
        """How its tables become events, all of them."""

    @property
    def series(self) -> Sequence[SeriesMapping]:
        """How its tables of series become blocks."""

    @property
    def voids(self) -> Mapping[type[Event], type[Event]]:
        """For each event of something that can be voided, the event that says it never happened."""

    @property
    def version_table(self) -> str:
        """The table in which each file says the version of its schema."""

    def series_file(self, symbol: str) -> str:
        """The file that the system would look for the prices of a security in."""

    def has_one_series(self, file: str) -> bool:
        """Whether a file of prices holds those of one security only."""

    def complete(self, cells: dict[str, Any], event: Event, demanded: Sequence[str], statement: str) -> list[str]:
        """Put a new row into the words of its table, whose CREATE statement is given, and fill the columns that it demands and
        the event leaves open, as the system itself would; returns which were filled.
        """

    def why_unwritten(self, event: type[Event]) -> str | None:
        """Why no file holds such an event; None where it is Daybook's own and no fact is lost without it."""
