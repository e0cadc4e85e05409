-- calculations.db, version 3, as a fresh installation creates it: isin is the second column.

CREATE TABLE schema_version (
    version INTEGER PRIMARY KEY,
    applied_at TEXT NOT NULL,
    description TEXT
);

CREATE TABLE calculated_metrics (
    symbol TEXT NOT NULL,
    isin TEXT,
    metric TEXT NOT NULL,
    value REAL NOT NULL,
    calculated_at TEXT NOT NULL,
    expires_at TEXT,
    source TEXT DEFAULT 'calculated',
    PRIMARY KEY (symbol, metric)
);

CREATE TABLE scores (
    symbol TEXT PRIMARY KEY,
    isin TEXT,
    quality_score REAL,
    opportunity_score REAL,
    analyst_score REAL,
    allocation_fit_score REAL,
    cagr_score REAL,
    consistency_score REAL,
    financial_strength_score REAL,
    sharpe_score REAL,
    drawdown_score REAL,
    dividend_bonus REAL,
    rsi REAL,
    ema_200 REAL,
    below_52w_high_pct REAL,
    total_score REAL,
    sell_score REAL,
    history_years REAL,
    calculated_at TEXT
);
