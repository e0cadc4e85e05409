-- execution.db of the execution engine that came later (legacy facts 4.7).
CREATE TABLE orders (
    correlation_id TEXT PRIMARY KEY,
    symbol TEXT NOT NULL,
    side TEXT NOT NULL,
    quantity REAL NOT NULL,
    order_type TEXT NOT NULL,
    strategy_id TEXT,
    signal_id TEXT,
    timestamp TEXT NOT NULL,
    metadata TEXT
);
CREATE TABLE fills (
    fill_id TEXT PRIMARY KEY,
    order_id TEXT NOT NULL REFERENCES orders (correlation_id),
    symbol TEXT NOT NULL,
    quantity REAL NOT NULL,
    price REAL NOT NULL,
    side TEXT NOT NULL,
    fee REAL DEFAULT 0,
    timestamp TEXT NOT NULL
);
CREATE TABLE positions (
    symbol TEXT PRIMARY KEY,
    side TEXT NOT NULL,
    quantity REAL NOT NULL,
    avg_price REAL NOT NULL,
    timestamp TEXT NOT NULL
);
