"""How the Arduino Trader's files are written again: where it looks for prices, and what its schemas demand of a new row."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from domain import audit, entered, legacy, portfolio, prices, trading, upkeep
from domain.event import Event
from domain.money import EUR
from replay.arduino_trader.system import FOLDER, SYSTEM, ArduinoTrader
from replay.arduino_trader.tables import SERIES, TABLES
from replay.arduino_trader.target_tables import TARGET_TABLES
from replay.blocks import SeriesMapping
from replay.mapping import TableMapping

_BOOKS = frozenset({
    legacy.ReplayStarted, legacy.ReplayCompleted, legacy.LegacySchemaRead, legacy.CutOver, legacy.CutOverReversed,
    audit.LedgerSealed, entered.EntryAccepted, portfolio.PositionReconciled, portfolio.CashReconciled,
    upkeep.RestoreProven, upkeep.RestoreFailed, prices.PriceHistoryPurged, prices.CleanupForgotten,
})  # fmt: skip
"""Daybook's own: a replay of the files makes those again that it needs. What the read models forgot, the files have again."""
_STAND_INS = {"amount_eur": "amount", "name": "symbol"}
_LOWER_SIDES = re.compile(r"\bside\b[^,]*'buy'")


class ArduinoWritingBack:
    """What it takes to write the files of the Arduino Trader again."""

    system: ArduinoTrader = SYSTEM
    mappings: Sequence[TableMapping] = (*TABLES, *TARGET_TABLES)
    series: Sequence[SeriesMapping] = SERIES
    version_table: str = "schema_version"
    voids: Mapping[type[Event], type[Event]] = MappingProxyType({
        trading.TradeExecuted: trading.TradeVoided, trading.TradeCorrected: trading.TradeVoided,
        trading.CashFlowBooked: trading.CashFlowVoided, trading.CashFlowCorrected: trading.CashFlowVoided,
        trading.DividendPaid: trading.DividendVoided, trading.DividendCorrected: trading.DividendVoided,
        portfolio.PortfolioValued: portfolio.PortfolioValuationVoided,
    })  # fmt: skip

    def series_file(self, symbol: str) -> str:
        """The name that both its programs look for first, whatever the symbol: a dot becomes an underscore."""
        return f"{FOLDER}{symbol.replace('.', '_')}.db"

    def has_one_series(self, file: str) -> bool:
        """Whether a file of prices holds those of one security only."""
        return file.startswith(FOLDER)

    def complete(self, cells: dict[str, Any], event: Event, demanded: Sequence[str], statement: str) -> list[str]:
        """amount_eur without a rate is the amount, as its own import has it; a nameless security goes by its symbol; trades
        belong to the core and are live. The first of the eight databases had sides in lower case.
        """
        made = []
        for column in demanded:
            if column in _STAND_INS and cells.get(_STAND_INS[column]) is not None:
                cells[column] = cells[_STAND_INS[column]]
                made += [] if getattr(event, "currency", None) == EUR else [column]
        if isinstance(event, trading.TradeExecuted | portfolio.PositionReported):
            _default(cells, {"bucket_id": "core", "mode": "live"})
        if isinstance(cells.get("side"), str) and _LOWER_SIDES.search(statement):
            cells["side"] = cells["side"].lower()
        return made

    def why_unwritten(self, event: type[Event]) -> str | None:
        """Why no file holds such an event; None where it is Daybook's own and no fact is lost without it."""
        return None if event in _BOOKS else "the legacy system has no table for it"


def _default(cells: dict[str, Any], values: dict[str, str]) -> None:
    for column, value in values.items():
        if column in cells and cells[column] is None:
            cells[column] = value


WRITING_BACK = ArduinoWritingBack()
