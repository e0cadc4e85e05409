"""history.db: prices of all securities, exchange rates, and the securities whose prices are about to go."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby, repeat
from zoneinfo import ZoneInfo

import apsw
import msgspec
from msgspec import field

from domain.event import Event, Verbatim
from domain.moments import read_instant, zone
from domain.prices import (
    CleanupForgotten,
    Column,
    DailyPricesRecorded,
    ExchangeRateQuoted,
    ExchangeRatesVoided,
    LegacyCleanupForgotten,
    LegacyPricesDeleted,
    MonthlyPricesRecorded,
    PriceBlock,
    PriceHistoryPurged,
    PricesVoided,
    SymbolMarkedForRemoval,
    SymbolRemovalSettled,
    each,
)
from domain.universe import SecurityDescribed, SecurityRemoved, SecurityRestored
from ledger.concerning import POSITION, Lead
from projections.bulk import BlockColumn, Row
from projections.copies import PROPER, Copies
from projections.projector import Concern, Fact, LaneTable, Projector, RowTable


class MarkedSymbol(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row of `legacy_symbol_removals`."""

    symbol: str
    isin: str | None = None
    removed_at: str | None = field(name="occurred_at", default=None)
    grace_period_days: int | float | None = None
    row_count: int | float | None = None
    marked_by: str | None = None


class Deletion(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row of `legacy_cleanup_log`."""

    id: int
    symbol: str
    isin: str | None = None
    deleted_at: str | None = field(name="occurred_at", default=None)
    row_count: int | float | None = None
    cleanup_reason: str | None = None
    size_freed_bytes: int | float | None = None


projector = Projector(
    name="history",
    version=5,
    rows=(
        RowTable(
            "legacy_symbol_removals", MarkedSymbol, ("symbol",), (SymbolMarkedForRemoval,), (SymbolRemovalSettled,)
        ),
        RowTable("legacy_cleanup_log", Deletion, ("id",), (LegacyPricesDeleted,), (LegacyCleanupForgotten,)),
    ),
    batch_max=1_000,  # a block is as large as some hundred other events
)

_DAILY = Copies(
    "daily_prices",
    "daily_price_copies",
    columns=(
        "symbol",
        "date",
        "open_price",
        "high_price",
        "low_price",
        "close_price",
        "volume",
        "source",
        "created_at",
        "adjusted_close",
    ),
    key=("symbol", "date"),
    newest="created_at",
)
_MONTHLY = Copies(
    "monthly_prices",
    "monthly_price_copies",
    columns=(
        "symbol",
        "year_month",
        "avg_close",
        "avg_adj_close",
        "min_price",
        "max_price",
        "source",
        "created_at",
    ),
    key=("symbol", "year_month"),
    newest="created_at",
)
_RATES = Copies(
    "exchange_rates",
    "exchange_rate_copies",
    columns=("from_currency", "to_currency", "date", "rate", "fetched_at", "expires_at"),
    key=("from_currency", "to_currency", "date"),
    newest="fetched_at",
)

_PURGED_TABLES = ("daily_prices", "daily_price_copies", "monthly_prices", "monthly_price_copies")
_PURGE = [f'DELETE FROM "{table}" WHERE symbol = ?' for table in _PURGED_TABLES]
_COUNT_DAILY = "SELECT count(*) FROM daily_prices WHERE symbol = ?"
_COUNT_MONTHLY = "SELECT count(*) FROM monthly_prices WHERE symbol = ?"
_LOG_PURGE = "INSERT INTO cleanup_log (id, symbol, deleted_at, row_count, cleanup_reason) VALUES (?, ?, ?, ?, ?)"
_FORGET_PURGE = "DELETE FROM cleanup_log WHERE id = ?"
_MARK = """
INSERT INTO symbol_removals (symbol, removed_at, grace_period_days, row_count, marked_by) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (symbol) DO UPDATE SET removed_at = excluded.removed_at,
    grace_period_days = excluded.grace_period_days, row_count = excluded.row_count, marked_by = excluded.marked_by
"""
_UNMARK = "DELETE FROM symbol_removals WHERE symbol = ?"
_DESCRIBE = "INSERT INTO described_securities (symbol, copy) VALUES (?, ?) ON CONFLICT DO NOTHING"
_FORGET = "DELETE FROM described_securities WHERE symbol = ? AND copy = ?"
_STILL_DESCRIBED = "SELECT 1 FROM described_securities WHERE symbol = ? LIMIT 1"


_OF_A_SYMBOL = (
    DailyPricesRecorded, MonthlyPricesRecorded, PricesVoided, PriceHistoryPurged, CleanupForgotten, SecurityDescribed,
    SecurityRestored, SecurityRemoved,
)  # fmt: skip
_BY_SYMBOL = (Concern(_OF_A_SYMBOL, {"symbol": "symbol"}),)
_PRICE_TABLES = (
    *(LaneTable(table, _BY_SYMBOL, dated_by="date") for table in ("daily_prices", "daily_price_copies")),
    *(LaneTable(table, _BY_SYMBOL, dated_by="year_month") for table in ("monthly_prices", "monthly_price_copies")),
    LaneTable("symbol_removals", _BY_SYMBOL, rows_from=(SecurityRemoved,)),
    LaneTable("described_securities", _BY_SYMBOL, is_shown=False),
    LaneTable(
        "cleanup_log",
        (Concern(_OF_A_SYMBOL, {"id": POSITION}, then=(Lead("symbol", "symbol"),)),),
        rows_from=(PriceHistoryPurged,),
    ),
)


# One lane, because a removal counts the prices that are there at its place in the log. By symbol, because rows in the
# order of the table's key go in a quarter faster.
@projector.lane(*_OF_A_SYMBOL, dated=True, apart_by="symbol", tables=_PRICE_TABLES)
def prices(db: apsw.Connection, facts: Sequence[Fact]) -> None:
    for kind, run in groupby(facts, key=lambda fact: type(fact.event)):
        _FOLDS[kind](db, run)


_QUOTES = (ExchangeRateQuoted, ExchangeRatesVoided)
_BY_PAIR = Concern(_QUOTES, {"from_currency": "from_currency", "to_currency": "to_currency"})
_RATE_TABLES = (LaneTable("exchange_rates", (_BY_PAIR,)), LaneTable("exchange_rate_copies", (_BY_PAIR,)))


@projector.lane(*_QUOTES, dated=True, tables=_RATE_TABLES)
def exchange_rates(db: apsw.Connection, facts: Sequence[Fact]) -> None:
    for is_void, run in groupby(facts, key=lambda fact: isinstance(fact.event, ExchangeRatesVoided)):
        if is_void:
            _exchange_rates_voided(db, run)
        else:
            _RATES.state(db, [_rate(fact.event) for fact in run])


def _exchange_rates_voided(db: apsw.Connection, facts: Iterable[Fact]) -> None:
    for _, void in facts:
        assert isinstance(void, ExchangeRatesVoided)
        _RATES.forget(db, (void.from_currency, void.to_currency, void.date))


def _rate(quote: Event) -> Row:
    assert isinstance(quote, ExchangeRateQuoted)
    assert quote.occurred_at is not None
    pair = (quote.from_currency, quote.to_currency, quote.occurred_at[:10])
    return (*pair, float(quote.rate), quote.occurred_at, quote.expires_at, quote.copy)


def _daily_prices_recorded(db: apsw.Connection, facts: Iterable[Fact]) -> None:
    has_copies = _DAILY.any(db)
    for _, block in facts:
        assert isinstance(block, DailyPricesRecorded)
        values = (block.open_price, block.high_price, block.low_price, block.close_price, block.volume)
        columns = (block.symbol, block.date, *values, block.source, _created_at(block), block.adjusted_close)
        has_copies = _write_block(db, _DAILY, block, columns, has_copies=has_copies)


def _monthly_prices_recorded(db: apsw.Connection, facts: Iterable[Fact]) -> None:
    has_copies = _MONTHLY.any(db)
    for _, block in facts:
        assert isinstance(block, MonthlyPricesRecorded)
        values = (block.avg_close, block.avg_adj_close, block.min_price, block.max_price)
        columns = (block.symbol, block.year_month, *values, block.source, _created_at(block))
        has_copies = _write_block(db, _MONTHLY, block, columns, has_copies=has_copies)


def _write_block(
    db: apsw.Connection, table: Copies, block: PriceBlock, columns: Sequence[BlockColumn], *, has_copies: bool
) -> bool:
    """Write the rows of a block; returns whether the table has copies now."""
    if block.copy is None and not has_copies:
        table.plain.block(db, columns)
        return False
    spread = [each(column, block.count) for column in columns]
    table.state(db, list(zip(*spread, repeat(block.copy, block.count), strict=True)))
    return True


def _prices_voided(db: apsw.Connection, facts: Iterable[Fact]) -> None:
    for _, void in facts:
        assert isinstance(void, PricesVoided)
        table = _DAILY if void.interval == "1d" else _MONTHLY
        for date in void.dates:
            table.forget(db, (void.symbol, date))


def _created_at(block: DailyPricesRecorded | MonthlyPricesRecorded) -> Column:
    """When the rows were written, in UTC; a stamp that cannot be read is shown as it stands in the legacy file."""
    local = zone(block.zone)
    if isinstance(block.created_at, list):
        return [_in_utc(stamp, local) for stamp in block.created_at]
    return _in_utc(block.created_at, local)


def _in_utc(stamp: Verbatim, local: ZoneInfo) -> Verbatim:
    if not isinstance(stamp, str):
        return stamp
    try:
        return read_instant(stamp, local).text
    except ValueError:
        return stamp


def _price_history_purged(db: apsw.Connection, facts: Iterable[Fact]) -> None:
    for position, purge in facts:
        assert isinstance(purge, PriceHistoryPurged)
        key = (purge.symbol,)
        count = db.execute(_COUNT_DAILY, key).get + db.execute(_COUNT_MONTHLY, key).get
        for statement in _PURGE:
            db.execute(statement, key)
        db.execute(_LOG_PURGE, (position, purge.symbol, purge.occurred_at, count, purge.cleanup_reason))
        db.execute(_UNMARK, key)


def _cleanup_forgotten(db: apsw.Connection, facts: Iterable[Fact]) -> None:
    for _, cleanup in facts:
        assert isinstance(cleanup, CleanupForgotten)
        db.execute(_FORGET_PURGE, (cleanup.id,))


def _security_described(db: apsw.Connection, facts: Iterable[Fact]) -> None:
    for _, security in facts:
        assert isinstance(security, SecurityDescribed)
        db.execute(_DESCRIBE, (security.symbol, security.copy or PROPER))
        db.execute(_UNMARK, (security.symbol,))


def _security_removed(db: apsw.Connection, facts: Iterable[Fact]) -> None:
    for _, removal in facts:
        assert isinstance(removal, SecurityRemoved)
        key = (removal.symbol,)
        db.execute(_FORGET, (removal.symbol, removal.copy or PROPER))
        if db.execute(_STILL_DESCRIBED, key).fetchone() is None:
            count = db.execute(_COUNT_DAILY, key).get
            values = (removal.occurred_at, removal.grace_period_days, count, removal.marked_by)
            db.execute(_MARK, (removal.symbol, *values))


_FOLDS: dict[type[Event], Callable[[apsw.Connection, Iterable[Fact]], None]] = {
    DailyPricesRecorded: _daily_prices_recorded,
    MonthlyPricesRecorded: _monthly_prices_recorded,
    PricesVoided: _prices_voided,
    PriceHistoryPurged: _price_history_purged,
    CleanupForgotten: _cleanup_forgotten,
    SecurityDescribed: _security_described,
    SecurityRestored: _security_described,
    SecurityRemoved: _security_removed,
}
