"""What the tables of one source say about each other: symbols, ISINs, currencies, rates, settings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import cached_property
from types import MappingProxyType
from typing import NamedTuple
from zoneinfo import ZoneInfo

import apsw

from domain.moments import read_moment
from domain.money import EUR
from replay.arduino_trader.json_securities import read_object
from replay.arduino_trader.symbols import ISIN, Names, Owner, Security, isin_faults
from replay.mapping import Knowledge
from replay.reading import Table, chunks, quote

_RATES = (
    ("history.db", "date"),
    ("cache.db", "fetched_at"),
    ("rates.db", "fetched_at"),
)
_MIGRATED = "migrated-"


class Described(NamedTuple):
    """What a table of securities says of one."""

    symbol: str
    isin: str | None
    active: bool
    currency: str | None


class Universe:
    """The source as a whole; `recorded`: symbol by ISIN, as the log has them."""

    def __init__(
        self,
        files: Mapping[str, apsw.Connection],
        tables: Mapping[str, Mapping[str, Table]],
        recorded: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._files, self._tables, self._recorded = files, tables, recorded

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
    def _securities(self) -> list[Described]:
        """What every place says, the newest layout last."""
        places = (("config.db", "stocks"), ("config.db", "securities"), ("universe.db", "securities"))
        found = []
        for file, table in places:
            columns = ("symbol", "isin", "active", "currency", "data")
            found += [_described(*row) for row in self._rows(file, table, *columns)]
            if "symbol" not in self._columns(file, table):
                found += [
                    _described(None, isin, None, None, data) for isin, data in self._rows(file, table, "isin", "data")
                ]
        return [one for one in found if one is not None]

    def _columns(self, file: str, table: str) -> tuple[str, ...]:
        known = self._tables.get(file, {}).get(table)
        return known.columns if known else ()

    @cached_property
    def names(self) -> Names:
        """The file names that all known symbols can have."""
        known = {one.symbol: Security(one.symbol, one.isin, one.active) for one in self._securities}
        places = (
            ("ledger.db", "trades"), ("state.db", "positions"), ("portfolio.db", "positions"),
        )  # fmt: skip
        for file, table in places:
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
        return {one.symbol: one.currency for one in self._securities if one.currency and len(one.currency) == 3}

    @cached_property
    def symbols(self) -> dict[str, str]:
        """Symbol by ISIN, one ISIN for a symbol and one symbol for an ISIN; a symbol stands for itself."""
        by_symbol: dict[str, set[str]] = defaultdict(set)
        for one in self._securities:
            if one.isin:
                by_symbol[one.symbol].add(one.isin)
        found: dict[str, str] = {}
        for symbol in sorted(by_symbol):
            isin = min(by_symbol[symbol], key=lambda one: (ISIN.fullmatch(one) is None, one))
            found.setdefault(isin, symbol)
        # What the log knows counts where these files do not say: their universe may be missing this time.
        for isin, symbol in sorted(self._recorded.items()):
            if symbol not in by_symbol:
                found.setdefault(isin, symbol)
                by_symbol[symbol].add(isin)
        known = {*self._recorded.values(), *(one.symbol for one in self._securities)}
        return found | {symbol: symbol for symbol in known if symbol not in found}

    @cached_property
    def doubled(self) -> frozenset[tuple[str, str]]:
        """Tables and symbols that stand there in the ISIN's place beside a row under the ISIN itself."""
        found = set()
        for file in ("universe.db", "portfolio.db", "history.db"):
            for table in self._tables.get(file, {}):
                if table == "securities":
                    continue
                isins = {isin for (isin,) in self._rows(file, table, "isin") if isinstance(isin, str)}
                proper = {self.symbols[isin] for isin in isins if self.symbols.get(isin, isin) != isin}
                found |= {(table, symbol) for symbol in isins & proper}
        return frozenset(found)

    def _rates(self, zone: ZoneInfo) -> dict[tuple[str, str], Decimal]:
        """Units of a currency per 1 EUR by currency and day, from the quotes labelled currency to EUR."""
        found = {}
        for file, time in _RATES:
            for currency, to, rate, at in self._rows(
                file, "exchange_rates", "from_currency", "to_currency", "rate", time
            ):
                if to == EUR and isinstance(currency, str) and isinstance(rate, int | float):
                    day = _day(at, zone)
                    if day:
                        found[currency, day] = Decimal(repr(rate))
        return found

    def knowledge(self, zone: ZoneInfo, *, zone_assumed: bool) -> Knowledge:
        """What the fills may look up."""
        settings = frozenset(str(row[0]) for row in self._rows("config.db", "settings", "key"))
        return Knowledge(
            zone, zone_assumed, currencies=self._currencies, rates=self._rates(zone), settings=settings,
            symbols=self.symbols, doubled=self.doubled,
        )  # fmt: skip

    def findings(self) -> list[str]:
        """What is wrong with the universe as such, a sentence each."""
        isins = {one.symbol: one.isin for one in self._securities}
        return [*isin_faults(isins), *self._made_up()]

    def _made_up(self) -> Iterable[str]:
        """Rows to which a legacy migration gave an id of its own (legacy facts 3.3)."""
        for file, table, column, why in (
            ("ledger.db", "cash_flows", "transaction_id", "the broker's own rows may stand beside them, the same money twice"),
            ("cache.db", "recommendations", "uuid", "with a quantity and a price that nobody ever recommended"),
        ):  # fmt: skip
            made_up = [key for (key,) in self._rows(file, table, column) if str(key).startswith(_MIGRATED)]
            if made_up:
                yield f"{file}: {len(made_up)} {table} were made up by a legacy migration ({made_up[0]} …): {why}"


def _described(symbol: object, isin: object, active: object, currency: object, data: object) -> Described | None:
    held = read_object(data) or {}
    symbol, isin = symbol or held.get("symbol"), isin or held.get("isin")
    currency, active = currency or held.get("currency"), held.get("active", active)
    if not isinstance(symbol, str):
        return None
    text = [value if isinstance(value, str) else None for value in (isin, currency)]
    return Described(symbol, text[0], active not in (0, False), text[1])


def _day(moment: object, zone: ZoneInfo) -> str | None:
    try:
        return read_moment(moment, zone).text[:10] if isinstance(moment, str | int) else None
    except ValueError:
        return None
