-- trading_bot.duckdb of February 2026 (generation B), from the statements that used it (legacy facts 1.2). The bars stand in
-- ohlcv_1m or in candles, which have a script of their own each.
CREATE TABLE users (username VARCHAR, password_hash VARCHAR, roles VARCHAR);
CREATE TABLE roles (role_name VARCHAR PRIMARY KEY, permissions VARCHAR);
CREATE TABLE user_watchlist (
    username VARCHAR DEFAULT 'default',
    instrument_key VARCHAR NOT NULL,
    trading_symbol VARCHAR,
    exchange VARCHAR,
    market_type VARCHAR,
    added_at TIMESTAMP,
    PRIMARY KEY (username, instrument_key)
);
CREATE TABLE instrument_meta (
    symbol VARCHAR PRIMARY KEY,
    trading_symbol VARCHAR,
    instrument_key VARCHAR,
    exchange VARCHAR,
    market_type VARCHAR,
    lot_size INTEGER DEFAULT 1,
    tick_size DOUBLE DEFAULT 0.05,
    is_active BOOLEAN DEFAULT TRUE,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE runner_state (
    symbol VARCHAR,
    strategy_id VARCHAR,
    timeframe VARCHAR DEFAULT '1m',
    current_bias VARCHAR,
    signal_state VARCHAR,
    confidence DOUBLE,
    last_bar_ts TIMESTAMP,
    status VARCHAR,
    updated_at TIMESTAMP,
    PRIMARY KEY (symbol, strategy_id)
);
CREATE TABLE websocket_status (
    key VARCHAR PRIMARY KEY DEFAULT 'singleton',
    status VARCHAR,
    updated_at TIMESTAMP,
    pid INTEGER
);
CREATE TABLE fo_stocks_master (
    trading_symbol VARCHAR PRIMARY KEY,
    instrument_key VARCHAR,
    name VARCHAR,
    exchange VARCHAR,
    lot_size INTEGER,
    is_active BOOLEAN
);
CREATE TABLE ohlcv_resampled (
    instrument_key VARCHAR,
    timeframe VARCHAR,
    timestamp TIMESTAMP,
    open DOUBLE,
    high DOUBLE,
    low DOUBLE,
    close DOUBLE,
    volume BIGINT
);
CREATE TABLE live_ticks (
    symbol VARCHAR,
    exchange_ts TIMESTAMP,
    price DOUBLE,
    volume BIGINT,
    exchange_ts_ms BIGINT,
    timestamp_utc TIMESTAMPTZ
);
CREATE TABLE confluence_insights (
    timestamp TIMESTAMP,
    symbol VARCHAR,
    bias VARCHAR,
    confidence DOUBLE,
    agreement_level DOUBLE,
    indicator_states VARCHAR,
    insight_signal VARCHAR,
    PRIMARY KEY (timestamp, symbol)
);
CREATE TABLE regime_insights (
    insight_id VARCHAR,
    symbol VARCHAR,
    timestamp TIMESTAMP,
    regime VARCHAR,
    momentum_bias VARCHAR,
    trend_strength DOUBLE,
    volatility_level VARCHAR,
    persistence_score DOUBLE,
    ma_fast DOUBLE,
    ma_medium DOUBLE,
    ma_slow DOUBLE
);
CREATE TABLE regime_snapshots (
    insight_id VARCHAR,
    symbol VARCHAR,
    timestamp TIMESTAMP,
    regime VARCHAR,
    momentum_bias VARCHAR,
    trend_strength DOUBLE,
    volatility_level VARCHAR,
    persistence_score DOUBLE,
    ma_fast DOUBLE,
    ma_medium DOUBLE,
    ma_slow DOUBLE
);
CREATE TABLE signals (
    signal_id VARCHAR,
    strategy_id VARCHAR,
    symbol VARCHAR,
    signal_type VARCHAR,
    confidence DOUBLE,
    bar_ts TIMESTAMP,
    status VARCHAR,
    created_at TIMESTAMP
);
CREATE TABLE trades (
    trade_id VARCHAR PRIMARY KEY,
    signal_id VARCHAR,
    timestamp TIMESTAMP,
    symbol VARCHAR,
    direction VARCHAR,
    quantity INTEGER,
    price DOUBLE,
    exit_price DOUBLE,
    pnl DOUBLE,
    fees DOUBLE,
    status VARCHAR,
    metadata VARCHAR
);
CREATE TABLE backtest_runs (
    run_id VARCHAR PRIMARY KEY,
    strategy_id VARCHAR,
    symbol VARCHAR,
    start_date DATE,
    end_date DATE,
    params JSON,
    total_trades INTEGER,
    win_rate DOUBLE,
    total_pnl DOUBLE,
    max_drawdown DOUBLE,
    sharpe_ratio DOUBLE,
    status VARCHAR,
    error_message VARCHAR,
    created_at TIMESTAMP
);
CREATE TABLE backtest_trades (
    trade_id VARCHAR,
    run_id VARCHAR,
    symbol VARCHAR,
    entry_ts TIMESTAMP,
    exit_ts TIMESTAMP,
    direction VARCHAR,
    entry_price DOUBLE,
    exit_price DOUBLE,
    qty INTEGER,
    pnl DOUBLE,
    fees DOUBLE,
    metadata JSON
);
CREATE TABLE backtest_equity_curves (run_id VARCHAR, timestamp TIMESTAMP, equity DOUBLE);
