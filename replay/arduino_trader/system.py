"""How the Arduino Trader is recognised, and what its rows need to know of each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import cached_property
from zoneinfo import ZoneInfo

import apsw

from domain.moments import read_moment
from domain.money import EUR
from replay.arduino_trader.symbols import Names, Owner, Security, isin_faults
from replay.arduino_trader.tables import FILES, SERIES, TABLES, schema_version
from replay.blocks import SeriesMapping
from replay.mapping import Knowledge, TableMapping
from replay.reading import Table, chunks, quote

HISTORY = "history/"
OTHER_LAYOUT = frozenset({"universe.db", "portfolio.db", "agents.db", "history.db"})


class ArduinoTrader:
    """The legacy system of December 2025: config, ledger, state and their companions, one file of prices per security."""

    name = "arduino-trader"

    def recognises(self, files: Iterable[str]) -> bool:
        """Whether a folder with these files is one of this system's."""
        return any(file in FILES or file.startswith(HISTORY) or file == "trader.db" for file in files)

    def mapping(self, file: str, table: Table) -> TableMapping | None:
        """How a table of a file becomes events; None for one that is only kept."""
        found = next((one for one in TABLES if one.table == table.name and file in one.files), None)
        if found is None and table.name == "schema_version" and (file in FILES or file.startswith(HISTORY)):
            found = schema_version(file)
        return found if found is not None and {*found.key} <= {*table.columns} else None

    def declared(self, file: str, table: str) -> TableMapping | None:
        """The mapping of a table that may no longer be there."""
        return next((one for one in TABLES if one.table == table and file in one.files), None)

    def series(self, file: str, table: Table) -> SeriesMapping | None:
        """How a price table becomes blocks; None for any other table."""
        if not file.startswith(HISTORY):
            return None
        found = next((one for one in SERIES if one.table == table.name), None)
        return found if found is not None and {found.key, found.required} <= {*table.columns} else None

    def universe(self, files: Mapping[str, apsw.Connection], tables: Mapping[str, Mapping[str, Table]]) -> Universe:
        """What the tables of these files say about each other."""
        return Universe(files, tables)

    def why_kept(self, file: str, table: str) -> str:
        """Why the rows of a table are only kept."""
        if file in OTHER_LAYOUT:
            return "belongs to the layout that the legacy system was moving to"
        if table.startswith("sqlite_"):
            return "SQLite's own bookkeeping"
        if file == "trader.db":
            return "the single file from before 24 December 2025, replaced by the others"
        if any(one.table == table for one in TABLES):
            return f"{table} does not belong into {file}"
        return "no event describes this table"


class Universe:
    """What the tables of one source say about each other: currencies, rates, symbols, settings."""

    def __init__(self, files: Mapping[str, apsw.Connection], tables: Mapping[str, Mapping[str, Table]]) -> None:
        self._files, self._tables = files, tables

    def _rows(self, file: str, table: str, *columns: str) -> list[tuple[object, ...]]:
        """Columns of a table, NULL for a column that is not there; nothing when the table is not there."""
        known = self._tables.get(file, {}).get(table)
        if known is None or columns[0] not in known.columns:
            return []
        select = [quote(column) if column in known.columns else "NULL" for column in columns]
        distinct = (
            f"FROM {quote(table)} GROUP BY {', '.join(select)}" if "NULL" not in select else f"FROM {quote(table)}"
        )
        pages = chunks(self._files[file], select, distinct)
        return [row for page in pages for row in page]

    @cached_property
    def _securities(self) -> list[tuple[object, ...]]:
        found = self._rows("config.db", "stocks", "symbol", "isin", "active", "currency")
        found += self._rows("config.db", "securities", "symbol", "isin", "active", "currency")
        return [row for row in found if isinstance(row[0], str)]

    @cached_property
    def names(self) -> Names:
        """The file names that all known symbols can have."""
        known = {
            str(symbol): Security(str(symbol), isin if isinstance(isin, str) else None, active != 0)
            for symbol, isin, active, _ in self._securities
        }
        for file, table in (("ledger.db", "trades"), ("state.db", "positions")):
            for symbol, isin in self._symbols(file, table):
                known.setdefault(symbol, Security(symbol, isin))
        return Names(known.values())

    def _symbols(self, file: str, table: str) -> set[tuple[str, str | None]]:
        rows = self._rows(file, table, "symbol", "isin")
        return {(symbol, isin if isinstance(isin, str) else None) for symbol, isin in rows if isinstance(symbol, str)}

    def owner(self, file: str) -> Owner:
        """Whose prices a file of the history folder holds."""
        return self.names.owner(file)

    def version(self, file: str) -> int:
        """The schema version of a file, 0 when it does not say."""
        found = [row[0] for row in self._rows(file, "schema_version", "version") if isinstance(row[0], int)]
        return max(found, default=0)

    @cached_property
    def _currencies(self) -> dict[str, str]:
        return {
            str(symbol): currency
            for symbol, _, _, currency in self._securities
            if isinstance(currency, str) and len(currency) == 3
        }

    def _rates(self, zone: ZoneInfo) -> dict[tuple[str, str], Decimal]:
        """Units of a currency per 1 EUR by currency and day, from the quotes labelled currency to EUR."""
        found = {}
        for file in ("cache.db", "rates.db"):
            rows = self._rows(file, "exchange_rates", "from_currency", "to_currency", "rate", "fetched_at")
            for currency, to, rate, fetched_at in rows:
                if to == EUR and isinstance(currency, str) and isinstance(rate, int | float):
                    day = _day(fetched_at, zone)
                    if day:
                        found[currency, day] = Decimal(repr(rate))
        return found

    def knowledge(self, zone: ZoneInfo, *, zone_assumed: bool) -> Knowledge:
        """What the fills may look up."""
        settings = frozenset(str(row[0]) for row in self._rows("config.db", "settings", "key"))
        return Knowledge(zone, zone_assumed, currencies=self._currencies, rates=self._rates(zone), settings=settings)

    def findings(self) -> list[str]:
        """What is wrong with the universe as such, a sentence each."""
        isins = {str(symbol): isin if isinstance(isin, str) else None for symbol, isin, _, _ in self._securities}
        return isin_faults(isins)


def _day(moment: object, zone: ZoneInfo) -> str | None:
    try:
        return read_moment(moment, zone).text[:10] if isinstance(moment, str) else None
    except ValueError:
        return None


SYSTEM = ArduinoTrader()
