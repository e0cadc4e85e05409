-- config/config.db (legacy facts 2.2).
CREATE TABLE users (username TEXT PRIMARY KEY, password_hash TEXT, roles TEXT, created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE roles (role_name TEXT PRIMARY KEY, permissions TEXT);
CREATE TABLE user_watchlist (
    username TEXT DEFAULT 'default',
    instrument_key TEXT NOT NULL,
    trading_symbol TEXT,
    exchange TEXT,
    market_type TEXT,
    added_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    PRIMARY KEY (username, instrument_key)
);
CREATE TABLE instrument_meta (
    symbol TEXT PRIMARY KEY,
    trading_symbol TEXT,
    instrument_key TEXT,
    exchange TEXT,
    market_type TEXT,
    lot_size INTEGER DEFAULT 1,
    tick_size REAL DEFAULT 0.05,
    is_active BOOLEAN DEFAULT 1,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE runner_state (
    symbol TEXT,
    strategy_id TEXT,
    timeframe TEXT DEFAULT '1m',
    current_bias TEXT,
    signal_state TEXT,
    confidence REAL,
    last_bar_ts TIMESTAMP,
    status TEXT,
    updated_at TIMESTAMP,
    PRIMARY KEY (symbol, strategy_id)
);
CREATE TABLE websocket_status (
    key TEXT PRIMARY KEY DEFAULT 'singleton',
    status TEXT NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    pid INTEGER
);
CREATE TABLE fo_stocks (
    trading_symbol TEXT PRIMARY KEY,
    instrument_key TEXT NOT NULL,
    name TEXT,
    lot_size INTEGER DEFAULT 1,
    is_active BOOLEAN DEFAULT 1,
    last_updated TIMESTAMP
);
CREATE TABLE download_jobs (
    job_id TEXT PRIMARY KEY,
    symbols TEXT,
    unit TEXT,
    interval TEXT,
    from_date TEXT,
    to_date TEXT,
    status TEXT DEFAULT 'PENDING',
    progress REAL,
    error_message TEXT,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP
);
