"""What replay asks of a legacy system: to recognise its files, and to say how each table becomes events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol
from zoneinfo import ZoneInfo

import apsw

from replay.blocks import SeriesMapping
from replay.mapping import Knowledge, TableMapping
from replay.reading import Table


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

    def recognises(self, files: Iterable[str]) -> bool:
        """Whether a folder with these files is one of this system's."""

    def mapping(self, file: str, table: Table) -> TableMapping | None:
        """How a table of a file becomes events; None for one that is only kept."""

    def declared(self, file: str, table: str) -> TableMapping | None:
        """The mapping of a table that may no longer be there."""

    def series(self, file: str, table: Table) -> SeriesMapping | None:
        """How a table of series becomes blocks; None for any other table."""

    def why_kept(self, file: str, table: str) -> str:
        """Why the rows of a table are only kept."""

    def universe(self, files: Mapping[str, apsw.Connection], tables: Mapping[str, Mapping[str, Table]]) -> Universe:
        """What the tables of these files say about each other."""
