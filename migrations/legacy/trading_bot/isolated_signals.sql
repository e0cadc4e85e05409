-- signals/signals.db (legacy facts 2.2).
CREATE TABLE confluence_insights (
    timestamp TIMESTAMP,
    symbol TEXT,
    bias TEXT,
    confidence REAL,
    agreement_level REAL,
    indicator_states TEXT,
    insight_signal TEXT,
    PRIMARY KEY (timestamp, symbol)
);
CREATE TABLE regime_insights (
    insight_id TEXT,
    symbol TEXT,
    timestamp TIMESTAMP,
    regime TEXT,
    momentum_bias TEXT,
    trend_strength REAL,
    volatility_level TEXT,
    persistence_score REAL,
    ma_fast REAL,
    ma_medium REAL,
    ma_slow REAL,
    PRIMARY KEY (symbol, timestamp)
);
CREATE TABLE signals (
    signal_id TEXT PRIMARY KEY,
    strategy_id TEXT,
    symbol TEXT,
    signal_type TEXT,
    confidence REAL,
    bar_ts TIMESTAMP,
    status TEXT,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
);
