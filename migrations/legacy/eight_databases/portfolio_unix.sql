-- portfolio.db of the eight databases in its later state: keyed by ISIN, times in unix seconds, cash in a table of its own.

CREATE TABLE positions (
    isin TEXT PRIMARY KEY,
    symbol TEXT NOT NULL,
    quantity REAL NOT NULL,
    avg_price REAL NOT NULL,
    current_price REAL,
    currency TEXT,
    currency_rate REAL DEFAULT 1.0,
    market_value_eur REAL,
    cost_basis_eur REAL,
    unrealized_pnl REAL,
    unrealized_pnl_pct REAL,
    last_updated INTEGER,
    first_bought INTEGER,
    last_sold INTEGER
) STRICT;

CREATE TABLE scores (
    isin TEXT PRIMARY KEY,
    total_score REAL NOT NULL,
    quality_score REAL,
    opportunity_score REAL,
    analyst_score REAL,
    allocation_fit_score REAL,
    volatility REAL,
    cagr_score REAL,
    consistency_score REAL,
    history_years REAL,
    technical_score REAL,
    stability_score REAL,
    sharpe_score REAL,
    drawdown_score REAL,
    dividend_bonus REAL,
    financial_strength_score REAL,
    rsi REAL,
    ema_200 REAL,
    below_52w_high_pct REAL,
    last_updated INTEGER NOT NULL
) STRICT;

CREATE TABLE calculated_metrics (
    isin TEXT NOT NULL,
    metric_name TEXT NOT NULL,
    metric_value REAL NOT NULL,
    calculated_at INTEGER NOT NULL,
    PRIMARY KEY (isin, metric_name)
) STRICT;

CREATE TABLE cash_balances (
    currency TEXT PRIMARY KEY,
    balance REAL NOT NULL,
    last_updated INTEGER NOT NULL
) STRICT;
