"""The tables of the Arduino Trader and the events they become (legacy facts 1.2 to 1.13, 1.15)."""

from __future__ import annotations

from domain import advice, agents, legacy, portfolio, prices, satellites, trading, universe
from replay.arduino_trader import fills
from replay.arduino_trader.repairs import unshifted
from replay.blocks import SeriesMapping
from replay.mapping import TableMapping as Map
from replay.series_keys import are_dates, are_months

_DAY = frozenset({"occurred_at"})  # a date, also where it is the midnight in unix seconds

_SECURITIES = (
    Map(
        "securities", ("config.db",), universe.SecurityDescribed, "security", ("symbol",), time="updated_at",
        renamed={"fullExchangeName": "full_exchange_name"}, removed=universe.SecurityRemoved,
        fill=fills.security, repair=unshifted,
    ),
    Map(
        "stocks", ("config.db",), universe.SecurityDescribed, "security", ("symbol",), time="updated_at",
        renamed={"fullExchangeName": "full_exchange_name"}, removed=universe.SecurityRemoved,
        fill=fills.security, copy="config.db/stocks",
    ),
)  # fmt: skip

_CONFIG = (
    Map(
        "allocation_targets", ("config.db",), universe.AllocationTargetSet, "allocation-target", ("type", "name"),
        time="updated_at", removed=universe.AllocationTargetRemoved,
    ),
    Map(
        "country_groups", ("config.db",), universe.CountryGrouped, "country-group", ("group_name", "country_name"),
        time="updated_at", removed=universe.CountryUngrouped,
    ),
    Map(
        "industry_groups", ("config.db",), universe.IndustryGrouped, "industry-group", ("group_name", "industry_name"),
        time="updated_at", removed=universe.IndustryUngrouped,
    ),
    Map(
        "settings", ("config.db",), universe.SettingChanged, "setting", ("key",), time="updated_at",
        removed=universe.SettingRemoved, fill=fills.setting, key_name=fills.setting_name,
    ),
    Map(
        "recommendations", ("recommendations.db", "config.db"), advice.RecommendationIssued, "recommendation", ("uuid",),
        time="updated_at", removed=advice.RecommendationRemoved, fill=fills.recommendation,
    ),
)  # fmt: skip

_LEDGER = (
    Map(
        "trades", ("ledger.db",), trading.TradeExecuted, "trade", ("order_id",), time="executed_at",
        changed=trading.TradeCorrected, twins=("symbol", "side", "quantity", "price", "executed_at"), fill=fills.trade,
    ),
    Map(
        "cash_flows", ("ledger.db",), trading.CashFlowBooked, "cash-flow", ("transaction_id",), time="date",
        changed=trading.CashFlowCorrected, days=_DAY,
    ),
    Map(
        "dividend_history", ("dividends.db", "ledger.db"), trading.DividendPaid, "dividend", ("cash_flow_id",),
        time="payment_date", changed=trading.DividendCorrected, twins=("symbol", "payment_date", "amount"),
        days=_DAY,
    ),
    Map(
        "drip_tracking", ("dividends.db", "ledger.db"), trading.ReinvestmentTracked, "reinvestment", ("symbol",),
        time="updated_at", days=frozenset({"last_dividend_date"}),
    ),
)  # fmt: skip

_STATE = (
    Map(
        "positions", ("state.db",), portfolio.PositionReported, "position", ("symbol",), time="last_updated",
        removed=portfolio.PositionNoLongerReported, fill=fills.bucket_of_position,
    ),
    Map(
        "scores", ("calculations.db", "state.db"), portfolio.ScoreCalculated, "score", ("symbol",), time="calculated_at",
        removed=portfolio.ScoreRemoved,
    ),
    Map(
        "calculated_metrics", ("calculations.db",), portfolio.MetricCalculated, "metric", ("symbol", "metric"),
        time="calculated_at", removed=portfolio.MetricRemoved,
    ),
    Map(
        "portfolio_snapshots", ("snapshots.db", "state.db"), portfolio.PortfolioValued, "snapshot", ("date",), time="date",
    ),
)  # fmt: skip

_SATELLITES = (
    Map(
        "buckets", ("satellites.db",), satellites.BucketDescribed, "bucket", ("id",), time="updated_at",
        removed=satellites.BucketRemoved,
    ),
    Map(
        "bucket_balances", ("satellites.db",), satellites.BucketBalanceStated, "bucket-balance",
        ("bucket_id", "currency"), time="last_updated", removed=satellites.BucketBalanceRemoved,
    ),
    Map(
        "bucket_transactions", ("satellites.db",), satellites.BucketCashMoved, "bucket-transaction", ("id",),
        time="created_at",
    ),
    Map(
        "satellite_settings", ("satellites.db",), satellites.SatelliteConfigured, "satellite-settings",
        ("satellite_id",), removed=satellites.SatelliteUnconfigured,
    ),
    Map(
        "allocation_settings", ("satellites.db",), satellites.AllocationSettingChanged, "allocation-setting", ("key",),
        removed=satellites.AllocationSettingRemoved,
    ),
    Map(
        "satellite_regime_performance", ("satellites.db",), satellites.RegimePerformanceMeasured, "regime-performance",
        ("satellite_id", "regime", "period_start"), time="period_end", removed=satellites.RegimePerformanceRemoved,
    ),
)  # fmt: skip

_PLANNER = (
    Map(
        "planner_configs", ("planner.db",), agents.AgentConfigured, "agent", ("id",), time="updated_at",
        removed=agents.AgentRemoved,
    ),
    Map(
        "planner_config_history", ("planner.db",), agents.AgentConfigArchived, "agent-config", ("id",), time="saved_at",
        renamed={"planner_config_id": "agent_config_id"},
    ),
    Map(
        "sequences", ("planner.db",), agents.SequenceProposed, "sequence", ("sequence_hash", "portfolio_hash"),
        time="created_at",
    ),
    Map(
        "evaluations", ("planner.db",), agents.SequenceEvaluated, "evaluation", ("sequence_hash", "portfolio_hash"),
        time="evaluated_at",
    ),
    Map(
        "best_result", ("planner.db",), agents.BestSequenceChosen, "best-sequence", ("portfolio_hash",), time="updated_at",
        removed=agents.BestSequenceDropped,
    ),
)  # fmt: skip

_CACHE = (
    Map(
        "exchange_rates", ("rates.db", "cache.db"), prices.ExchangeRateQuoted, "exchange-rate",
        ("from_currency", "to_currency"), time="fetched_at",
    ),
    Map(
        "cache_entries", ("cache.db",), advice.CacheEntryStored, "cache-entry", ("key",), time="created_at",
        renamed={"key": "cache_key", "value": "cache_value"}, removed=advice.CacheEntryDropped,
        constants={"cache": "cache_entries"},
    ),
    Map(
        "yahoo_cache", ("cache.db",), advice.CacheEntryStored, "yahoo-cache", ("symbol", "data_type"), time="created_at",
        renamed={"data": "cache_value"}, removed=advice.CacheEntryDropped,
        constants={"cache": "yahoo_cache"}, fill=fills.cache_of_two("symbol", "data_type"),
    ),
    Map(
        "recommendation_cache", ("cache.db",), advice.CacheEntryStored, "recommendation-cache",
        ("portfolio_hash", "cache_type"), time="created_at", renamed={"data": "cache_value"},
        removed=advice.CacheEntryDropped, constants={"cache": "recommendation_cache"},
        fill=fills.cache_of_two("portfolio_hash", "cache_type"),
    ),
    Map(
        "analytics_cache", ("cache.db",), advice.CacheEntryStored, "analytics-cache", ("cache_key",), time="created_at",
        renamed={"data": "cache_value"}, removed=advice.CacheEntryDropped, constants={"cache": "analytics_cache"},
        fill=fills.analytics, made=frozenset({"cache_key"}),
    ),
)  # fmt: skip

TABLES: tuple[Map, ...] = (*_SECURITIES, *_CONFIG, *_LEDGER, *_STATE, *_SATELLITES, *_PLANNER, *_CACHE)

FILES = frozenset(file for mapping in TABLES for file in mapping.files)

SERIES: tuple[SeriesMapping, ...] = (
    SeriesMapping(
        "daily_prices", prices.DailyPricesRecorded, "prices:1d", "date", are_dates, "close_price",
        numbers=frozenset({"open_price", "high_price", "low_price", "close_price", "adjusted_close"}),
        mixed=frozenset({"volume"}),
    ),
    SeriesMapping(
        "monthly_prices", prices.MonthlyPricesRecorded, "prices:1mo", "year_month", are_months, "avg_close",
        numbers=frozenset({"avg_close", "avg_adj_close", "min_price", "max_price"}),
    ),
)  # fmt: skip


def schema_version(file: str) -> Map:
    """The version table that every file but planner.db has."""
    return Map(
        "schema_version", (file,), legacy.SchemaUpgraded, f"schema-version:{file.replace('/', '%2F')}", ("version",),
        time="applied_at", constants={"file": file},
    )  # fmt: skip
