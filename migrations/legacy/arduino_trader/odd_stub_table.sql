-- A stub that a later program left in the wrong file: the right name, never a row.

CREATE TABLE securities (
    symbol TEXT PRIMARY KEY,
    yahoo_symbol TEXT,
    isin TEXT,
    name TEXT NOT NULL,
    product_type TEXT,
    industry TEXT,
    country TEXT,
    fullExchangeName TEXT,
    priority_multiplier REAL DEFAULT 1.0,
    min_lot INTEGER DEFAULT 1,
    active INTEGER DEFAULT 1,
    allow_buy INTEGER DEFAULT 1,
    allow_sell INTEGER DEFAULT 0,
    currency TEXT,
    last_synced TEXT,
    min_portfolio_target REAL,
    max_portfolio_target REAL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    bucket_id TEXT DEFAULT 'core'
);
