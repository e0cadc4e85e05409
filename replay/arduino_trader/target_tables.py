"""The tables of the layout with eight databases, in all its states, and the events they become (legacy facts 2.1, 2.2).

Tables that are the same in both layouts stand in `tables`. Where a table changed its shape on the way, each shape has a
mapping, told apart by its columns. A row whose event knows copies is a copy here: the proper home of such rows is the
older layout, which may still be there; without it, nothing contests them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from domain import advice, agents, legacy, portfolio, prices, trading, universe
from replay.arduino_trader import fills
from replay.arduino_trader.json_securities import SECURITY_FIELDS, json_security
from replay.blocks import SeriesMapping
from replay.mapping import TableMapping as Map
from replay.reading import Table
from replay.series_keys import are_dates, are_months
from replay.shared_series import SharedMapping

DAY = frozenset({"occurred_at"})


def _by_isin(mapping: Map) -> Map:
    """The same table keyed by ISIN instead of by symbol, which is looked up among the securities."""
    key = tuple("isin" if column == "symbol" else column for column in mapping.key)
    return replace(
        mapping,
        key=key,
        key_name=fills.symbol_by_isin(mapping.table),
        fill=fills.with_symbol(mapping.table, mapping.fill),
    )


def _timed_by(mapping: Map, *columns: str) -> Iterable[Map]:
    """One shape for each of the names that the column of its time had; the last one also without any."""
    shapes = [replace(mapping, time=column, marks=(*mapping.marks, column)) for column in columns]
    return (*shapes, replace(mapping, time=None))


_SECURITIES = Map(
    "securities", ("universe.db",), universe.SecurityDescribed, "security", ("symbol",), time="updated_at",
    renamed={"fullExchangeName": "full_exchange_name"}, removed=universe.SecurityRemoved, marks=("name",),
    fill=fills.target_security, copy="universe.db/securities",
)  # fmt: skip
_JSON_SECURITIES = replace(
    _SECURITIES, marks=("data",), time="last_synced", renamed={"data": "name"}, fill=json_security,
    made=SECURITY_FIELDS | {"occurred_at"},
)  # fmt: skip
_SECURITY_TAGS = Map(
    "security_tags", ("universe.db",), universe.SecurityTagged, "security-tag", ("symbol", "tag_id"), time="updated_at",
    removed=universe.SecurityUntagged,
)  # fmt: skip

_UNIVERSE = (
    _SECURITIES,
    _JSON_SECURITIES,
    replace(_JSON_SECURITIES, key=("isin",), key_name=fills.symbol_by_isin("securities")),
    Map(
        "country_groups", ("universe.db",), universe.CountryGrouped, "country-group", ("group_name", "country_name"),
        time="updated_at", removed=universe.CountryUngrouped,
    ),
    Map(
        "industry_groups", ("universe.db",), universe.IndustryGrouped, "industry-group", ("group_name", "industry_name"),
        time="updated_at", removed=universe.IndustryUngrouped,
    ),
    Map(
        "tags", ("universe.db",), universe.TagDefined, "tag", ("id",), time="updated_at", removed=universe.TagDropped,
    ),
    _SECURITY_TAGS,
    _by_isin(_SECURITY_TAGS),
)  # fmt: skip

_CONFIG = (
    Map(
        "allocation_targets", ("config.db",), universe.AllocationTargetSet, "allocation-target",
        ("group_type", "group_name"), time="updated_at", removed=universe.AllocationTargetRemoved,
        renamed={
            "group_type": "type", "group_name": "name", "target_percentage": "target_pct", "min_percentage": "min_pct",
            "max_percentage": "max_pct",
        },
        marks=("target_percentage",), shifted=dict.fromkeys(("target_pct", "min_pct", "max_pct"), -2),
        fill=fills.fractions("target_pct", "min_pct", "max_pct"),
    ),
    Map(
        "planner_settings", ("config.db",), universe.PlannerSettingsChanged, "planner-settings", ("id",),
        time="updated_at", removed=universe.PlannerSettingsRemoved, rest="settings_json",
        made=frozenset({"settings_json"}),
    ),
)  # fmt: skip

_LEDGER = (
    Map(
        "cash_flows", ("ledger.db",), trading.CashFlowBooked, "cash-flow", ("id",), time="executed_at",
        changed=trading.CashFlowCorrected, renamed={"flow_type": "transaction_type"}, marks=("flow_type",),
        key_name=fills.migrated_id, fill=fills.cash_flow_without_id,
    ),
    Map(
        "dividend_history", ("dividends.db", "ledger.db"), trading.DividendPaid, "dividend", (), time="payment_date",
        changed=trading.DividendCorrected, twins=("symbol", "payment_date", "total_amount"), marks=("total_amount",),
        renamed={
            "total_amount": "amount", "total_amount_eur": "amount_eur", "reinvested_shares": "reinvested_quantity",
        },
        days=frozenset({"occurred_at", "ex_date"}),
    ),
)  # fmt: skip

_POSITIONS = Map(
    "positions", ("portfolio.db",), portfolio.PositionReported, "position", ("symbol",), time="last_updated",
    renamed={"first_bought": "first_bought_at", "last_sold": "last_sold_at"},
    removed=portfolio.PositionNoLongerReported, fill=fills.bucket_of_position,
)  # fmt: skip
_SCORES = Map(
    "scores", ("portfolio.db",), portfolio.ScoreCalculated, "score", ("symbol",), removed=portfolio.ScoreRemoved,
    copy="portfolio.db/scores",
)  # fmt: skip
_METRICS = Map(
    "calculated_metrics", ("portfolio.db",), portfolio.MetricCalculated, "metric", ("symbol", "metric_name"),
    time="calculated_at", renamed={"metric_name": "metric", "metric_value": "value"}, removed=portfolio.MetricRemoved,
)  # fmt: skip
_OLD_METRICS = replace(_METRICS, key=("symbol", "metric"), renamed={})
_SNAPSHOTS = Map(
    "portfolio_snapshots", ("portfolio.db",), portfolio.PortfolioValued, "snapshot", ("snapshot_date",),
    time="snapshot_date", days=DAY, copy="portfolio.db/portfolio_snapshots",
)  # fmt: skip

_PORTFOLIO = (
    _POSITIONS,
    _by_isin(_POSITIONS),
    *_timed_by(_SCORES, "last_updated", "calculated_at"),
    *_timed_by(_by_isin(_SCORES), "last_updated", "calculated_at"),
    *(shape for metrics in (_METRICS, _OLD_METRICS) for shape in (metrics, _by_isin(metrics))),
    _SNAPSHOTS,
    replace(_SNAPSHOTS, key=("date",), time="date"),
    Map(
        "cash_balances", ("portfolio.db",), portfolio.CashBalanceStated, "cash-balance", ("currency",),
        time="last_updated", removed=portfolio.CashBalanceRemoved,
    ),
)  # fmt: skip

_AGENTS = (
    Map(
        "agent_configs", ("agents.db",), agents.AgentConfigured, "agent", ("id",), time="updated_at",
        removed=agents.AgentRemoved,
    ),
    Map("config_history", ("agents.db",), agents.AgentConfigArchived, "agent-config", ("id",), time="saved_at"),
    Map(
        "sequences", ("agents.db",), agents.SequenceProposed, "sequence", ("sequence_hash", "portfolio_hash"),
        time="created_at",
    ),
    Map(
        "evaluations", ("agents.db",), agents.SequenceEvaluated, "evaluation", ("sequence_hash", "portfolio_hash"),
        time="evaluated_at",
    ),
    Map(
        "best_result", ("agents.db",), agents.BestSequenceChosen, "best-sequence", ("portfolio_hash",), time="updated_at",
        renamed={"sequence_hash": "best_sequence_hash", "score": "best_score"}, removed=agents.BestSequenceDropped,
    ),
)  # fmt: skip

_REMOVALS = Map(
    "symbol_removals", ("history.db",), prices.SymbolMarkedForRemoval, "symbol-removal", ("symbol",), time="removed_at",
    removed=prices.SymbolRemovalSettled,
)  # fmt: skip
_CLEANUPS = Map("cleanup_log", ("history.db",), prices.LegacyPricesDeleted, "cleanup", ("id",), time="deleted_at")

_HISTORY = (
    Map(
        "exchange_rates", ("history.db",), prices.ExchangeRateQuoted, "exchange-rate",
        ("from_currency", "to_currency", "date"), time="date", days=DAY, copy="history.db/exchange_rates",
    ),
    _REMOVALS,
    _by_isin(_REMOVALS),
    replace(_CLEANUPS, marks=("symbol",)),
    replace(_CLEANUPS, marks=("isin",), fill=fills.with_symbol("cleanup_log")),
)  # fmt: skip

_CACHE = (
    Map(
        "recommendations", ("cache.db",), advice.RecommendationIssued, "recommendation", ("uuid",), time="updated_at",
        removed=advice.RecommendationRemoved, fill=fills.recommendation, copy="cache.db/recommendations",
    ),
    Map(
        "cache_data", ("cache.db",), advice.CacheEntryStored, "cache-entry", ("cache_key",), time="created_at",
        removed=advice.CacheEntryDropped, constants={"cache": "cache_data"},
    ),
)  # fmt: skip

TARGET_TABLES: tuple[Map, ...] = tuple(
    replace(shape, is_newer=True)
    for shape in (*_UNIVERSE, *_CONFIG, *_LEDGER, *_PORTFOLIO, *_AGENTS, *_HISTORY, *_CACHE)
)

TARGET_FILES = frozenset(
    {"universe.db", "config.db", "ledger.db", "portfolio.db", "satellites.db", "agents.db", "history.db", "cache.db"}
)

HISTORY = "history.db"

_DAILY = SeriesMapping(
    "daily_prices", prices.DailyPricesRecorded, "prices:1d", "date", are_dates, "close_price",
    numbers=frozenset({"open_price", "high_price", "low_price", "close_price", "adjusted_close"}),
    mixed=frozenset({"volume"}),
)  # fmt: skip
_MONTHLY = SeriesMapping(
    "monthly_prices", prices.MonthlyPricesRecorded, "prices:1mo", "year_month", are_months, "avg_close",
    numbers=frozenset({"avg_close", "avg_adj_close", "min_price", "max_price"}),
)  # fmt: skip
_BARS = {"open": "open_price", "high": "high_price", "low": "low_price", "close": "close_price"}

SHARED_SERIES: tuple[SharedMapping, ...] = tuple(
    SharedMapping(series, owner, renamed, symbol_of(series.table) if symbol_of else None)
    for series, renamed in ((_DAILY, _BARS), (_MONTHLY, {}))
    for owner, symbol_of in (("symbol", None), ("isin", fills.symbol_by_isin))
)


def database_health(file: str) -> Map:
    """The table in which the legacy program noted its checks of a file."""
    return Map(
        "_database_health", (file,), legacy.LegacyDatabaseChecked, f"legacy-health:{file}", ("id",), time="checked_at",
        constants={"file": file},
    )  # fmt: skip


def fits(mapping: Map, table: Table) -> bool:
    """Whether a table has the columns by which the mapping finds and recognises its rows."""
    needed = {*mapping.key, *mapping.marks} or {*mapping.twins}
    return mapping.table == table.name and needed <= {*table.columns}


def with_unix_days(mapping: Map, table: Table) -> Map:
    """The mapping of a table, its days those that may be midnights in unix seconds."""
    numbers = {mapping.target(name) for name in table.columns if table.declared(name).startswith("INT")} & mapping.days
    if numbers == mapping.days == frozenset():
        return mapping
    fill = fills.as_dates(numbers, mapping.fill) if numbers else mapping.fill
    return replace(mapping, days=frozenset(numbers), fill=fill)
