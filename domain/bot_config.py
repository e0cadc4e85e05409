"""Events of how the trading bot is set up and how it fares: users, watchlists, instruments, runner, feed, downloads.

Legacy config.db and the same tables of the monolith.
"""

from __future__ import annotations

from decimal import Decimal

from domain.event import Count, Event, Flag, Verbatim, register
from domain.moments import Date, Instant


@register
class UserRegistered(Event, frozen=True, kw_only=True, tag="bot-user-registered.v1"):
    """A user of the bot was registered or changed. Legacy `users`; occurred_at from created_at.

    password_hash: a secret, salt and PBKDF2 digest in base64; it is shown nowhere but in config.db. roles: separated by
    commas; None in files that are older than that column.
    """

    username: str
    password_hash: str | None = None
    roles: str | None = None


@register
class UserRemoved(Event, frozen=True, kw_only=True, tag="bot-user-removed.v1"):
    """A user was deleted. A legacy `users` row that vanished."""

    username: str


@register
class RoleDefined(Event, frozen=True, kw_only=True, tag="bot-role-defined.v1"):
    """A role was defined or changed. Legacy `roles`; role_name from role_name, in older files from name.

    permissions: separated by commas, such as read,write,execute.
    """

    role_name: str
    permissions: str | None = None


@register
class RoleRemoved(Event, frozen=True, kw_only=True, tag="bot-role-removed.v1"):
    """A role was deleted. A legacy `roles` row that vanished."""

    role_name: str


@register
class WatchlistItemAdded(Event, frozen=True, kw_only=True, tag="bot-watchlist-item-added.v1"):
    """A user began to watch an instrument. Legacy `user_watchlist`; occurred_at from added_at."""

    username: str
    instrument_key: str
    trading_symbol: str | None = None
    exchange: str | None = None
    market_type: str | None = None


@register
class WatchlistItemRemoved(Event, frozen=True, kw_only=True, tag="bot-watchlist-item-removed.v1"):
    """A user stopped watching an instrument. A legacy `user_watchlist` row that vanished."""

    username: str
    instrument_key: str


@register
class InstrumentListed(Event, frozen=True, kw_only=True, tag="bot-instrument-listed.v1"):
    """An instrument became known or changed. Legacy `instrument_meta`; occurred_at from created_at.

    market_type: INDEX, FUT, EQ, ETF, or a segment such as NSE_FO. lot_size: units; tick_size: INR; is_active: 0 or 1.
    """

    symbol: str
    trading_symbol: str | None = None
    instrument_key: str | None = None
    exchange: str | None = None
    market_type: str | None = None
    lot_size: Count | None = None
    tick_size: Decimal | None = None
    is_active: Flag | None = None


@register
class InstrumentDelisted(Event, frozen=True, kw_only=True, tag="bot-instrument-delisted.v1"):
    """An instrument is known no more. A legacy `instrument_meta` row that vanished."""

    symbol: str


@register
class ContractListed(Event, frozen=True, kw_only=True, tag="bot-contract-listed.v1"):
    """A contract of an exchange became known or changed. Legacy `instruments` of the first monolith; occurred_at from
    updated_at.

    lot_size: units; tick_size, strike: INR; option_type: CE or PE; is_active: 0 or 1.
    """

    instrument_key: str
    trading_symbol: str
    name: str | None = None
    instrument_type: str | None = None
    exchange: str | None = None
    segment: str
    lot_size: Count | None = None
    tick_size: Decimal | None = None
    expiry: Date | None = None
    strike: Decimal | None = None
    option_type: str | None = None
    is_active: Flag | None = None
    created_at: Instant | None = None


@register
class ContractDelisted(Event, frozen=True, kw_only=True, tag="bot-contract-delisted.v1"):
    """A contract is known no more. A legacy `instruments` row that vanished."""

    instrument_key: str


@register
class DerivativesStockListed(Event, frozen=True, kw_only=True, tag="bot-derivatives-stock-listed.v1"):
    """Derivatives of a stock became tradable or changed. Legacy `fo_stocks`; occurred_at from last_updated.

    lot_size: units; is_active: 0 or 1.
    """

    trading_symbol: str
    instrument_key: str | None = None
    name: str | None = None
    lot_size: Count | None = None
    is_active: Flag | None = None


@register
class DerivativesStockDelisted(Event, frozen=True, kw_only=True, tag="bot-derivatives-stock-delisted.v1"):
    """Derivatives of a stock are traded no more. A legacy `fo_stocks` row that vanished."""

    trading_symbol: str


@register
class DerivativesMasterListed(Event, frozen=True, kw_only=True, tag="bot-derivatives-master-listed.v1"):
    """The master list of stocks with derivatives took one in or changed it. Legacy `fo_stocks_master`; occurred_at from
    updated_at, in the isolated stores from last_updated.

    lot_size: units; is_active: 0 or 1. exchange, added_date: each known to one generation only.
    """

    trading_symbol: str
    instrument_key: str | None = None
    name: str | None = None
    exchange: str | None = None
    lot_size: Count | None = None
    is_active: Flag | None = None
    added_date: Date | None = None


@register
class DerivativesMasterDelisted(Event, frozen=True, kw_only=True, tag="bot-derivatives-master-delisted.v1"):
    """The master list dropped a stock. A legacy `fo_stocks_master` row that vanished."""

    trading_symbol: str


@register
class RunnerStateUpdated(Event, frozen=True, kw_only=True, tag="bot-runner-state-updated.v1"):
    """A strategy's runner wrote down how it stands with an instrument. Legacy `runner_state`; occurred_at from updated_at.

    current_bias: in truth the type of the last signal, BUY, SELL, EXIT or NEUTRAL. signal_state: PENDING, TRIGGERED.
    confidence: 0 to 1. last_bar_ts: beginning of the last bar that it saw. status: RUNNING, DISABLED.
    """

    symbol: str
    strategy_id: str
    timeframe: str | None = None
    current_bias: str | None = None
    signal_state: str | None = None
    confidence: Decimal | None = None
    last_bar_ts: Instant | None = None
    status: str | None = None


@register
class RunnerStateCleared(Event, frozen=True, kw_only=True, tag="bot-runner-state-cleared.v1"):
    """A strategy's runner no longer follows an instrument. A legacy `runner_state` row that vanished."""

    symbol: str
    strategy_id: str


@register
class FeedStatusChanged(Event, frozen=True, kw_only=True, tag="bot-feed-status-changed.v1"):
    """The connection to the market feed changed. Legacy `websocket_status`; occurred_at from updated_at.

    key: `singleton`. status: OPEN, CLOSED or DISCONNECTED. pid: of the process that holds the connection.
    """

    key: str
    status: str | None = None
    pid: Count | None = None


@register
class FeedStatusDropped(Event, frozen=True, kw_only=True, tag="bot-feed-status-dropped.v1"):
    """Nothing is known of a connection any more. A legacy `websocket_status` row that vanished."""

    key: str


@register
class DownloadJobUpdated(Event, frozen=True, kw_only=True, tag="bot-download-job-updated.v1"):
    """A download of history was asked for or got on. Legacy `download_jobs`; occurred_at from updated_at.

    symbols: a text, separated by commas or JSON. from_date, to_date: as the row has them. status: PENDING, RUNNING, COMPLETED
    or FAILED. progress: percent; progress_text: the cell where it is a text, such as 5/100 or 50%, or one that gives no
    percent.
    """

    job_id: str
    symbols: str | None = None
    unit: str | None = None
    interval: Verbatim = None
    from_date: Verbatim = None
    to_date: Verbatim = None
    status: str | None = None
    progress: Decimal | None = None
    progress_text: Verbatim = None
    error_message: str | None = None
    created_at: Instant | None = None


@register
class DownloadJobRemoved(Event, frozen=True, kw_only=True, tag="bot-download-job-removed.v1"):
    """A download was deleted. A legacy `download_jobs` row that vanished."""

    job_id: str


@register
class MarketStatusChecked(Event, frozen=True, kw_only=True, tag="bot-market-status-checked.v1"):
    """It was checked how far the bars of an instrument reach. Legacy `market_status`; occurred_at from last_checked."""

    instrument_key: str
    last_1m_timestamp: Instant | None = None
    last_5m_timestamp: Instant | None = None
    last_1d_timestamp: Instant | None = None
    status: str | None = None


@register
class MarketStatusDropped(Event, frozen=True, kw_only=True, tag="bot-market-status-dropped.v1"):
    """The bars of an instrument are checked no more. A legacy `market_status` row that vanished."""

    instrument_key: str


@register
class UniverseSignalListed(Event, frozen=True, kw_only=True, tag="bot-universe-signal-listed.v1"):
    """The EHMA scan put a stock on its list. Legacy `ehma_universe`; occurred_at from signal_date.

    details: all other columns of the row, as a JSON object; which there are differs from file to file.
    """

    id: int
    symbol: str | None = None
    signal_type: str | None = None
    details: str = "{}"
