-- How the trading bot is set up. Legacy columns under their names; times are UTC instants, truth is 0 or 1.

-- password_hash is a secret; this is the only read model that holds it.
CREATE TABLE users (
    username TEXT NOT NULL PRIMARY KEY,
    password_hash TEXT,
    roles TEXT,
    created_at TEXT
) STRICT;

CREATE TABLE roles (role_name TEXT NOT NULL PRIMARY KEY, permissions TEXT) STRICT;

CREATE TABLE user_watchlist (
    username TEXT NOT NULL,
    instrument_key TEXT NOT NULL,
    trading_symbol TEXT,
    exchange TEXT,
    market_type TEXT,
    added_at TEXT,
    PRIMARY KEY (username, instrument_key)
) STRICT;

CREATE TABLE instrument_meta (
    symbol TEXT NOT NULL PRIMARY KEY,
    trading_symbol TEXT,
    instrument_key TEXT,
    exchange TEXT,
    market_type TEXT,
    lot_size ANY,
    tick_size REAL,
    is_active INTEGER,
    created_at TEXT
) STRICT;
CREATE INDEX idx_instrument_meta_key ON instrument_meta (instrument_key);

-- The contracts of the first monolith.
CREATE TABLE instruments (
    instrument_key TEXT NOT NULL PRIMARY KEY,
    trading_symbol TEXT NOT NULL,
    name TEXT,
    instrument_type TEXT,
    exchange TEXT,
    segment TEXT NOT NULL,
    lot_size ANY,
    tick_size REAL,
    expiry TEXT,
    strike REAL,
    option_type TEXT,
    is_active INTEGER,
    created_at TEXT,
    updated_at TEXT
) STRICT;

CREATE TABLE fo_stocks (
    trading_symbol TEXT NOT NULL PRIMARY KEY,
    instrument_key TEXT,
    name TEXT,
    lot_size ANY,
    is_active INTEGER,
    last_updated TEXT
) STRICT;

CREATE TABLE fo_stocks_master (
    trading_symbol TEXT NOT NULL PRIMARY KEY,
    instrument_key TEXT,
    name TEXT,
    exchange TEXT,
    lot_size ANY,
    is_active INTEGER,
    added_date TEXT,
    updated_at TEXT
) STRICT;

CREATE TABLE runner_state (
    symbol TEXT NOT NULL,
    strategy_id TEXT NOT NULL,
    timeframe TEXT,
    current_bias TEXT,
    signal_state TEXT,
    confidence REAL,
    last_bar_ts TEXT,
    status TEXT,
    updated_at TEXT,
    PRIMARY KEY (symbol, strategy_id)
) STRICT;

CREATE TABLE websocket_status (
    key TEXT NOT NULL PRIMARY KEY,
    status TEXT,
    updated_at TEXT,
    pid ANY
) STRICT;

-- progress: percent. progress_text: the legacy cell, where it is a text.
CREATE TABLE download_jobs (
    job_id TEXT NOT NULL PRIMARY KEY,
    symbols TEXT,
    unit TEXT,
    interval ANY,
    from_date ANY,
    to_date ANY,
    status TEXT,
    progress REAL,
    error_message TEXT,
    created_at TEXT,
    updated_at TEXT,
    progress_text ANY
) STRICT;

CREATE TABLE market_status (
    instrument_key TEXT NOT NULL PRIMARY KEY,
    last_1m_timestamp TEXT,
    last_5m_timestamp TEXT,
    last_1d_timestamp TEXT,
    last_checked TEXT,
    status TEXT
) STRICT;

-- details: the other columns of the legacy row, as a JSON object.
CREATE TABLE ehma_universe (
    id INTEGER NOT NULL PRIMARY KEY,
    signal_date TEXT,
    symbol TEXT,
    signal_type TEXT,
    details TEXT NOT NULL
) STRICT;
