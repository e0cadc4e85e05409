-- backtest/runs/<run_id>.duckdb (legacy facts 2.1).
CREATE TABLE trades (
    trade_id TEXT PRIMARY KEY,
    symbol TEXT,
    entry_ts TIMESTAMP,
    exit_ts TIMESTAMP,
    direction TEXT,
    entry_price DOUBLE,
    exit_price DOUBLE,
    qty INTEGER,
    pnl DOUBLE,
    fees DOUBLE,
    metadata JSON
);
