-- trading/trading.db (legacy facts 2.2).
CREATE TABLE orders (
    order_id TEXT PRIMARY KEY,
    signal_id TEXT,
    timestamp TIMESTAMP NOT NULL,
    symbol TEXT NOT NULL,
    order_type TEXT NOT NULL,
    side TEXT NOT NULL,
    quantity REAL NOT NULL,
    price REAL,
    status TEXT NOT NULL,
    broker_order_id TEXT,
    metadata TEXT
);
CREATE TABLE trades (
    trade_id TEXT PRIMARY KEY,
    signal_id TEXT UNIQUE,
    strategy_id TEXT,
    symbol TEXT,
    timestamp TIMESTAMP,
    side TEXT,
    entry_price REAL,
    exit_price REAL,
    quantity INTEGER,
    pnl REAL,
    fees REAL,
    metadata TEXT
);
CREATE TABLE positions (
    symbol TEXT PRIMARY KEY,
    quantity REAL DEFAULT 0,
    avg_entry_price REAL DEFAULT 0,
    realized_pnl REAL DEFAULT 0,
    updated_at TIMESTAMP
);
