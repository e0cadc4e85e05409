-- config.db, version 6 (28 December 2025): securities are still called stocks and have a region (geography).
-- The measured files of that day have isin already, although the step to version 8 is what adds it.

CREATE TABLE schema_version (
    version INTEGER PRIMARY KEY,
    applied_at TEXT NOT NULL,
    description TEXT
);

CREATE TABLE stocks (
    symbol TEXT PRIMARY KEY,
    yahoo_symbol TEXT,
    name TEXT NOT NULL,
    industry TEXT,
    geography TEXT NOT NULL,
    priority_multiplier REAL DEFAULT 1.0,
    min_lot INTEGER DEFAULT 1,
    active INTEGER DEFAULT 1,
    allow_buy INTEGER DEFAULT 1,
    allow_sell INTEGER DEFAULT 0,
    currency TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    last_synced TEXT,
    country TEXT,
    fullExchangeName TEXT,
    min_portfolio_target REAL,
    max_portfolio_target REAL,
    isin TEXT
);

CREATE INDEX idx_stocks_active ON stocks(active);

CREATE TABLE allocation_targets (
    id INTEGER PRIMARY KEY,
    type TEXT NOT NULL,
    name TEXT NOT NULL,
    target_pct REAL NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    UNIQUE(type, name)
);

CREATE TABLE settings (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL,
    description TEXT,
    updated_at TEXT NOT NULL
);

CREATE TABLE recommendations (
    uuid TEXT PRIMARY KEY,
    symbol TEXT NOT NULL,
    name TEXT NOT NULL,
    side TEXT NOT NULL,
    amount REAL,
    quantity INTEGER,
    estimated_price REAL,
    estimated_value REAL,
    reason TEXT NOT NULL,
    geography TEXT,
    country TEXT,
    industry TEXT,
    currency TEXT DEFAULT 'EUR',
    priority REAL,
    current_portfolio_score REAL,
    new_portfolio_score REAL,
    score_change REAL,
    status TEXT DEFAULT 'pending',
    portfolio_hash TEXT NOT NULL DEFAULT '',
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    executed_at TEXT,
    dismissed_at TEXT,
    UNIQUE(symbol, side, reason, portfolio_hash)
);

CREATE INDEX idx_recommendations_status ON recommendations(status);
CREATE INDEX idx_recommendations_symbol ON recommendations(symbol);
