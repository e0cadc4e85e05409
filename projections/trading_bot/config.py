"""config/config.db: the trading bot's users, watchlists and instruments, and how its runner, feed and downloads stand."""

from __future__ import annotations

import msgspec
from msgspec import field

from domain.bot_config import (
    ContractDelisted,
    ContractListed,
    DerivativesMasterDelisted,
    DerivativesMasterListed,
    DerivativesStockDelisted,
    DerivativesStockListed,
    DownloadJobRemoved,
    DownloadJobUpdated,
    FeedStatusChanged,
    FeedStatusDropped,
    InstrumentDelisted,
    InstrumentListed,
    MarketStatusChecked,
    MarketStatusDropped,
    RoleDefined,
    RoleRemoved,
    RunnerStateCleared,
    RunnerStateUpdated,
    UniverseSignalListed,
    UserRegistered,
    UserRemoved,
    WatchlistItemAdded,
    WatchlistItemRemoved,
)
from domain.systems import TRADING_BOT
from projections.projector import Projector, RowTable


class User(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row of `users`."""

    username: str
    password_hash: str | None = None
    roles: str | None = None
    created_at: str | None = field(name="occurred_at", default=None)


class Role(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row of `roles`."""

    role_name: str
    permissions: str | None = None


class Watched(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row of `user_watchlist`."""

    username: str
    instrument_key: str
    trading_symbol: str | None = None
    exchange: str | None = None
    market_type: str | None = None
    added_at: str | None = field(name="occurred_at", default=None)


class Instrument(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row of `instrument_meta`."""

    symbol: str
    trading_symbol: str | None = None
    instrument_key: str | None = None
    exchange: str | None = None
    market_type: str | None = None
    lot_size: int | float | None = None
    tick_size: float | None = None
    is_active: int | None = None
    created_at: str | None = field(name="occurred_at", default=None)


class Contract(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row of `instruments`."""

    instrument_key: str
    trading_symbol: str
    name: str | None = None
    instrument_type: str | None = None
    exchange: str | None = None
    segment: str
    lot_size: int | float | None = None
    tick_size: float | None = None
    expiry: str | None = None
    strike: float | None = None
    option_type: str | None = None
    is_active: int | None = None
    created_at: str | None = None
    updated_at: str | None = field(name="occurred_at", default=None)


class DerivativesStock(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row of `fo_stocks`."""

    trading_symbol: str
    instrument_key: str | None = None
    name: str | None = None
    lot_size: int | float | None = None
    is_active: int | None = None
    last_updated: str | None = field(name="occurred_at", default=None)


class DerivativesMaster(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row of `fo_stocks_master`."""

    trading_symbol: str
    instrument_key: str | None = None
    name: str | None = None
    exchange: str | None = None
    lot_size: int | float | None = None
    is_active: int | None = None
    added_date: str | None = None
    updated_at: str | None = field(name="occurred_at", default=None)


class RunnerState(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row of `runner_state`."""

    symbol: str
    strategy_id: str
    timeframe: str | None = None
    current_bias: str | None = None
    signal_state: str | None = None
    confidence: float | None = None
    last_bar_ts: str | None = None
    status: str | None = None
    updated_at: str | None = field(name="occurred_at", default=None)


class FeedStatus(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row of `websocket_status`."""

    key: str
    status: str | None = None
    updated_at: str | None = field(name="occurred_at", default=None)
    pid: int | float | None = None


class DownloadJob(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row of `download_jobs`."""

    job_id: str
    symbols: str | None = None
    unit: str | None = None
    interval: int | float | str | None = None
    from_date: int | float | str | None = None
    to_date: int | float | str | None = None
    status: str | None = None
    progress: float | None = None
    error_message: str | None = None
    created_at: str | None = None
    updated_at: str | None = field(name="occurred_at", default=None)
    progress_text: int | float | str | None = None


class MarketStatus(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row of `market_status`."""

    instrument_key: str
    last_1m_timestamp: str | None = None
    last_5m_timestamp: str | None = None
    last_1d_timestamp: str | None = None
    last_checked: str | None = field(name="occurred_at", default=None)
    status: str | None = None


class UniverseSignal(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row of `ehma_universe`."""

    id: int
    signal_date: str | None = field(name="occurred_at", default=None)
    symbol: str | None = None
    signal_type: str | None = None
    details: str = "{}"


_WATCHED, _RUNNER = ("username", "instrument_key"), ("symbol", "strategy_id")
_STOCK = ("trading_symbol",)

projector = Projector(
    name="trading-bot/config",
    version=2,
    system=TRADING_BOT,
    file="config/config.db",
    rows=(
        RowTable("users", User, ("username",), (UserRegistered,), (UserRemoved,)),
        RowTable("roles", Role, ("role_name",), (RoleDefined,), (RoleRemoved,)),
        RowTable("user_watchlist", Watched, _WATCHED, (WatchlistItemAdded,), (WatchlistItemRemoved,)),
        RowTable("instrument_meta", Instrument, ("symbol",), (InstrumentListed,), (InstrumentDelisted,)),
        RowTable("instruments", Contract, ("instrument_key",), (ContractListed,), (ContractDelisted,)),
        RowTable("fo_stocks", DerivativesStock, _STOCK, (DerivativesStockListed,), (DerivativesStockDelisted,)),
        RowTable(
            "fo_stocks_master",
            DerivativesMaster,
            _STOCK,
            (DerivativesMasterListed,),
            (DerivativesMasterDelisted,),
        ),
        RowTable("runner_state", RunnerState, _RUNNER, (RunnerStateUpdated,), (RunnerStateCleared,)),
        RowTable("websocket_status", FeedStatus, ("key",), (FeedStatusChanged,), (FeedStatusDropped,)),
        RowTable("download_jobs", DownloadJob, ("job_id",), (DownloadJobUpdated,), (DownloadJobRemoved,)),
        RowTable("market_status", MarketStatus, ("instrument_key",), (MarketStatusChecked,), (MarketStatusDropped,)),
        RowTable("ehma_universe", UniverseSignal, ("id",), (UniverseSignalListed,)),
    ),
)
