-- What the trading bot thought. Legacy columns under their names; times are UTC instants.

-- stream: of the fact in the log; signal_id may be missing, and moments may be corrected.
CREATE TABLE signals (
    signal_id TEXT,
    strategy_id TEXT,
    symbol TEXT,
    signal_type TEXT,
    confidence REAL,
    bar_ts TEXT,
    status TEXT,
    created_at TEXT,
    stream TEXT NOT NULL PRIMARY KEY
) STRICT;
CREATE INDEX idx_signals_signal ON signals (signal_id);
CREATE INDEX idx_signals_symbol ON signals (symbol, bar_ts);

CREATE TABLE confluence_insights (
    timestamp TEXT NOT NULL,
    symbol TEXT NOT NULL,
    bias TEXT,
    confidence ANY,
    agreement_level ANY,
    indicator_states TEXT,
    insight_signal TEXT,
    stream TEXT NOT NULL,
    PRIMARY KEY (symbol, timestamp)
) STRICT;
CREATE INDEX idx_confluence_insights_stream ON confluence_insights (stream);

CREATE TABLE regime_insights (
    insight_id TEXT,
    symbol TEXT NOT NULL,
    timestamp TEXT NOT NULL,
    regime TEXT,
    momentum_bias TEXT,
    trend_strength REAL,
    volatility_level TEXT,
    persistence_score REAL,
    ma_fast REAL,
    ma_medium REAL,
    ma_slow REAL,
    stream TEXT NOT NULL,
    PRIMARY KEY (symbol, timestamp)
) STRICT;
CREATE INDEX idx_regime_insights_stream ON regime_insights (stream);

CREATE TABLE regime_snapshots (
    insight_id TEXT,
    symbol TEXT NOT NULL,
    timestamp TEXT NOT NULL,
    regime TEXT,
    momentum_bias TEXT,
    trend_strength REAL,
    volatility_level TEXT,
    persistence_score REAL,
    ma_fast REAL,
    ma_medium REAL,
    ma_slow REAL,
    stream TEXT NOT NULL,
    PRIMARY KEY (symbol, timestamp)
) STRICT;
CREATE INDEX idx_regime_snapshots_stream ON regime_snapshots (stream);
