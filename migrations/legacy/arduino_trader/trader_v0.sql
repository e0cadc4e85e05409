-- trader.db: everything in one file, before the split of 24 December 2025. No version table.

CREATE TABLE stocks (
    symbol TEXT PRIMARY KEY,
    yahoo_symbol TEXT,
    name TEXT NOT NULL,
    industry TEXT,
    geography TEXT NOT NULL,
    priority_multiplier REAL DEFAULT 1.0,
    min_lot INTEGER DEFAULT 1,
    active INTEGER DEFAULT 1
);

CREATE TABLE positions (
    id INTEGER PRIMARY KEY,
    symbol TEXT UNIQUE NOT NULL,
    quantity REAL NOT NULL,
    avg_price REAL NOT NULL,
    current_price REAL,
    currency TEXT DEFAULT 'EUR',
    currency_rate REAL DEFAULT 1.0,
    market_value_eur REAL,
    last_updated TEXT
);

CREATE TABLE trades (
    id INTEGER PRIMARY KEY,
    symbol TEXT NOT NULL,
    side TEXT NOT NULL,
    quantity REAL NOT NULL,
    price REAL NOT NULL,
    executed_at TEXT NOT NULL,
    order_id TEXT
);

CREATE TABLE scores (
    symbol TEXT PRIMARY KEY,
    technical_score REAL,
    analyst_score REAL,
    fundamental_score REAL,
    total_score REAL,
    volatility REAL,
    calculated_at TEXT
);

CREATE TABLE portfolio_snapshots (
    id INTEGER PRIMARY KEY,
    date TEXT UNIQUE NOT NULL,
    total_value REAL NOT NULL,
    cash_balance REAL NOT NULL,
    geo_eu_pct REAL,
    geo_asia_pct REAL,
    geo_us_pct REAL
);

CREATE TABLE allocation_targets (
    id INTEGER PRIMARY KEY,
    type TEXT NOT NULL,
    name TEXT NOT NULL,
    target_pct REAL NOT NULL,
    UNIQUE(type, name)
);

CREATE TABLE settings (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE cash_flows (
    id INTEGER PRIMARY KEY,
    transaction_id TEXT UNIQUE NOT NULL,
    type_doc_id INTEGER NOT NULL,
    transaction_type TEXT,
    date TEXT NOT NULL,
    amount REAL NOT NULL,
    currency TEXT NOT NULL,
    amount_eur REAL NOT NULL,
    status TEXT,
    status_c INTEGER,
    description TEXT,
    params_json TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);

CREATE TABLE stock_price_history (
    symbol TEXT NOT NULL,
    date TEXT NOT NULL,
    open_price REAL,
    high_price REAL,
    low_price REAL,
    close_price REAL NOT NULL,
    volume INTEGER,
    source TEXT,
    created_at TEXT NOT NULL,
    PRIMARY KEY (symbol, date)
);

CREATE TABLE stock_price_monthly (
    symbol TEXT NOT NULL,
    year_month TEXT NOT NULL,
    avg_close REAL NOT NULL,
    avg_adj_close REAL,
    source TEXT,
    created_at TEXT NOT NULL,
    PRIMARY KEY (symbol, year_month)
);
