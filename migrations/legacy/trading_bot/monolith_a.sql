-- trading_bot.duckdb of January 2026 (generation A): its complete schema as far as columns are known (legacy facts 1.3).
CREATE TABLE instruments (
    instrument_key VARCHAR PRIMARY KEY,
    trading_symbol VARCHAR NOT NULL,
    name VARCHAR,
    instrument_type VARCHAR,
    exchange VARCHAR,
    segment VARCHAR NOT NULL,
    lot_size INTEGER,
    tick_size DOUBLE,
    expiry DATE,
    strike DOUBLE,
    option_type VARCHAR,
    is_active BOOLEAN DEFAULT TRUE,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE ohlcv_1m (
    instrument_key VARCHAR NOT NULL,
    timestamp TIMESTAMP NOT NULL,
    open DOUBLE NOT NULL,
    high DOUBLE NOT NULL,
    low DOUBLE NOT NULL,
    close DOUBLE NOT NULL,
    volume BIGINT DEFAULT 0,
    oi BIGINT,
    PRIMARY KEY (instrument_key, timestamp)
);
CREATE INDEX idx_ohlcv_1m_timestamp ON ohlcv_1m (timestamp);
CREATE TABLE ohlcv_resampled (
    instrument_key VARCHAR NOT NULL,
    timeframe VARCHAR NOT NULL,
    timestamp TIMESTAMP NOT NULL,
    open DOUBLE NOT NULL,
    high DOUBLE NOT NULL,
    low DOUBLE NOT NULL,
    close DOUBLE NOT NULL,
    volume BIGINT DEFAULT 0,
    PRIMARY KEY (instrument_key, timeframe, timestamp)
);
CREATE INDEX idx_ohlcv_resampled_timestamp ON ohlcv_resampled (timestamp);
CREATE TABLE trades (
    trade_id VARCHAR PRIMARY KEY,
    run_id VARCHAR,
    instrument_key VARCHAR NOT NULL,
    trade_type VARCHAR NOT NULL,
    direction VARCHAR NOT NULL,
    entry_time TIMESTAMP NOT NULL,
    entry_price DOUBLE NOT NULL,
    exit_time TIMESTAMP,
    exit_price DOUBLE,
    quantity INTEGER DEFAULT 1,
    exit_reason VARCHAR,
    pnl DOUBLE,
    pnl_pct DOUBLE,
    commission DOUBLE DEFAULT 0,
    notes VARCHAR,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX idx_trades_run_id ON trades (run_id);
CREATE TABLE backtest_runs (
    run_id VARCHAR PRIMARY KEY,
    strategy_name VARCHAR NOT NULL,
    instrument_key VARCHAR NOT NULL,
    timeframe VARCHAR NOT NULL,
    start_date DATE NOT NULL,
    end_date DATE NOT NULL,
    parameters VARCHAR,
    initial_capital DOUBLE,
    final_capital DOUBLE,
    total_trades INTEGER,
    win_rate DOUBLE,
    profit_factor DOUBLE,
    sharpe_ratio DOUBLE,
    max_drawdown_pct DOUBLE,
    metrics VARCHAR,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE market_status (
    instrument_key VARCHAR PRIMARY KEY,
    last_1m_timestamp TIMESTAMP,
    last_5m_timestamp TIMESTAMP,
    last_1d_timestamp TIMESTAMP,
    last_checked TIMESTAMP,
    status VARCHAR
);
CREATE TABLE fo_stocks_master (
    instrument_key VARCHAR PRIMARY KEY,
    trading_symbol VARCHAR NOT NULL,
    name VARCHAR,
    lot_size INTEGER,
    is_active BOOLEAN DEFAULT TRUE,
    added_date DATE,
    updated_at TIMESTAMP
);
CREATE TABLE ehma_universe (
    id BIGINT PRIMARY KEY,
    signal_date DATE,
    symbol VARCHAR,
    signal_type VARCHAR,
    score DOUBLE,
    UNIQUE (signal_date, symbol, signal_type)
);
