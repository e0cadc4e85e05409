-- backtest/runs/<run_id>.duckdb: the trades and the equity of one run. Times are UTC; amounts INR; pnl before fees.
CREATE TABLE trades (
    trade_id TEXT PRIMARY KEY,
    symbol TEXT,
    entry_ts TIMESTAMP,
    exit_ts TIMESTAMP,
    direction TEXT,
    entry_price DOUBLE,
    exit_price DOUBLE,
    qty DOUBLE,
    pnl DOUBLE,
    fees DOUBLE,
    metadata TEXT
);

CREATE TABLE equity (timestamp TIMESTAMP, equity DOUBLE NOT NULL);

-- By which version of these tables the file was made, and from what.
CREATE TABLE schema_version (
    version TEXT NOT NULL,
    run_id TEXT NOT NULL,
    events BIGINT NOT NULL,
    last_position BIGINT NOT NULL
);
