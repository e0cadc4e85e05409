-- ledger.db of the eight databases in its later state: the old columns again, times in unix seconds, no buckets.

CREATE TABLE trades (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    symbol TEXT NOT NULL,
    isin TEXT,
    side TEXT NOT NULL CHECK (side IN ('BUY', 'SELL')),
    quantity REAL NOT NULL CHECK (quantity > 0),
    price REAL NOT NULL CHECK (price > 0),
    executed_at INTEGER NOT NULL,
    order_id TEXT,
    currency TEXT NOT NULL,
    value_eur REAL NOT NULL,
    source TEXT DEFAULT 'manual',
    mode TEXT DEFAULT 'normal',
    created_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX idx_trades_order_id ON trades (order_id) WHERE order_id IS NOT NULL AND order_id <> '';

CREATE TABLE cash_flows (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    transaction_id TEXT UNIQUE NOT NULL,
    type_doc_id INTEGER NOT NULL,
    transaction_type TEXT,
    date INTEGER NOT NULL,
    amount REAL NOT NULL,
    currency TEXT NOT NULL,
    amount_eur REAL NOT NULL,
    status TEXT,
    status_c INTEGER,
    description TEXT,
    params_json TEXT,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE dividend_history (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    symbol TEXT NOT NULL,
    isin TEXT,
    cash_flow_id INTEGER REFERENCES cash_flows (id) ON DELETE CASCADE,
    amount REAL NOT NULL,
    currency TEXT NOT NULL,
    amount_eur REAL NOT NULL,
    payment_date INTEGER NOT NULL,
    reinvested INTEGER DEFAULT 0,
    reinvested_at INTEGER,
    reinvested_quantity INTEGER,
    pending_bonus REAL DEFAULT 0,
    bonus_cleared INTEGER DEFAULT 0,
    cleared_at INTEGER,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE drip_tracking (
    symbol TEXT PRIMARY KEY,
    drip_enabled INTEGER DEFAULT 0,
    total_dividends_received REAL DEFAULT 0,
    total_shares_reinvested REAL DEFAULT 0,
    last_dividend_date INTEGER,
    updated_at INTEGER NOT NULL
) STRICT;
