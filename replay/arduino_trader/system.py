"""How the Arduino Trader is recognised, and how its tables become events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import apsw

from domain.systems import ARDUINO_TRADER
from ledger.log import Entry, Log
from replay import reconciling
from replay.arduino_trader import generations
from replay.arduino_trader.tables import FILES, SERIES, TABLES, schema_version
from replay.arduino_trader.target_tables import (
    HISTORY,
    SHARED_SERIES,
    TARGET_FILES,
    TARGET_TABLES,
    database_health,
    fits,
    with_unix_days,
)
from replay.arduino_trader.universe import Universe
from replay.blocks import SeriesMapping
from replay.mapping import TableMapping
from replay.reading import Table
from replay.reconciling import Break
from replay.shared_series import SharedMapping

FOLDER = "history/"
_ALL_TABLES = (*TABLES, *TARGET_TABLES)


class ArduinoTrader:
    """The legacy system: the files of December 2025, one of prices per security, and the eight databases of January 2026.

    Some files have the same name in both layouts and a folder may hold both, so each table is recognised by itself: by the
    file it stands in, its name and its columns.
    """

    name = ARDUINO_TRADER
    folders: tuple[str, ...] = ("history",)
    reads_in_part = False
    has_local_times = False

    def recognises(self, files: Iterable[str]) -> bool:
        """Whether a folder with these files is one of this system's."""
        return any(_is_own(file) or file == "trader.db" for file in files)

    def mapping(self, file: str, table: Table) -> TableMapping | None:
        """How a table of a file becomes events; None for one that is only kept."""
        found = next((one for one in self._declared(file, table.name) if fits(one, table)), None)
        return with_unix_days(found, table) if found else None

    def declared(self, file: str, table: str) -> TableMapping | None:
        """The mapping of a table that may no longer be there."""
        return next(self._declared(file, table), None)

    def _declared(self, file: str, table: str) -> Iterator[TableMapping]:
        """The shapes that a table of this name can have in a file."""
        yield from (one for one in _ALL_TABLES if one.table == table and file in one.files)
        if table == "schema_version" and _is_own(file):
            yield schema_version(file)
        if table == "_database_health" and file in TARGET_FILES:
            yield database_health(file)

    def series(self, file: str, table: Table) -> SeriesMapping | None:
        """How a price table becomes blocks; None for any other table."""
        if not file.startswith(FOLDER):
            return None
        found = next((one for one in SERIES if one.table == table.name), None)
        return found if found is not None and {found.key, found.required} <= {*table.columns} else None

    def shared_series(self, file: str, table: Table) -> SharedMapping | None:
        """How a table with the prices of many securities becomes blocks; None for any other table."""
        if file != HISTORY:
            return None
        return next((one for one in SHARED_SERIES if one.fits(table)), None)

    def reconcile(self, log: Log) -> tuple[list[Entry], list[Break]]:
        """Holdings and cash beside what the broker reported."""
        return reconciling.reconcile(log)

    def universe(
        self,
        files: Mapping[str, apsw.Connection],
        tables: Mapping[str, Mapping[str, Table]],
        recorded: Mapping[str, str],
    ) -> Universe:
        """What the tables of these files say about each other; `recorded`: symbol by ISIN, as the log has them."""
        return Universe(files, tables, recorded)

    def market(self, file: str, table: Table) -> None:
        """How a table in a DuckDB file becomes blocks: the system has no such file."""

    def generation(self, file: str, tables: Mapping[str, Table], version: int) -> str:
        """The name of the state that a file's schema is in."""
        return generations.generation(file, tables, version)

    def why_kept(self, file: str, table: str) -> str:
        """Why the rows of a table are only kept."""
        if table.startswith("sqlite_"):
            return "SQLite's own bookkeeping"
        if file == "trader.db":
            return "the single file from before 24 December 2025, replaced by the others"
        if next(self._declared(file, table), None) is not None or (file == HISTORY and table.endswith("_prices")):
            return f"{table} has other columns than any version of the legacy system gave it"
        if any(one.table == table for one in _ALL_TABLES):
            return f"{table} does not belong into {file}"
        return "no event describes this table"


def _is_own(file: str) -> bool:
    return file in FILES or file in TARGET_FILES or file.startswith(FOLDER)


SYSTEM = ArduinoTrader()
