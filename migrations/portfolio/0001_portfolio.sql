-- The state of the portfolio. Legacy columns first, under their names; what Daybook adds stands last.

-- derived_: from the trades alone. computed: the columns, comma separated, whose value was computed here, else NULL.
CREATE TABLE positions (
    symbol TEXT NOT NULL PRIMARY KEY,
    isin TEXT,
    quantity REAL NOT NULL,
    avg_price REAL NOT NULL,
    current_price REAL,
    currency TEXT,
    currency_rate REAL,
    market_value_eur REAL,
    cost_basis_eur REAL,
    unrealized_pnl REAL,
    unrealized_pnl_pct REAL,
    last_updated TEXT,
    first_bought_at TEXT,
    last_sold_at TEXT,
    bucket_id TEXT,
    derived_quantity REAL NOT NULL,
    derived_avg_price REAL,
    computed TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX idx_positions_bucket_id ON positions (bucket_id);
CREATE INDEX idx_positions_isin ON positions (isin);
CREATE INDEX idx_positions_market_value ON positions (market_value_eur DESC);

CREATE TABLE scores (
    symbol TEXT NOT NULL PRIMARY KEY,
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
) STRICT, WITHOUT ROWID;

-- What each legacy file says about a score or a day that more than one of them holds; copy '' is the proper home.
CREATE TABLE scores_copies (
    copy TEXT NOT NULL,
    symbol TEXT NOT NULL,
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
    calculated_at TEXT,
    PRIMARY KEY (symbol, copy)
) STRICT;

CREATE TABLE calculated_metrics (
    symbol TEXT NOT NULL,
    isin TEXT,
    metric TEXT NOT NULL,
    value REAL NOT NULL,
    calculated_at TEXT,
    expires_at TEXT,
    source TEXT,
    PRIMARY KEY (symbol, metric)
) STRICT, WITHOUT ROWID;

CREATE TABLE portfolio_snapshots (
    date TEXT NOT NULL PRIMARY KEY,
    total_value REAL NOT NULL,
    cash_balance REAL NOT NULL,
    invested_value REAL,
    unrealized_pnl REAL,
    geo_eu_pct REAL,
    geo_asia_pct REAL,
    geo_us_pct REAL,
    position_count ANY,
    annual_turnover REAL,
    created_at TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE portfolio_snapshots_copies (
    copy TEXT NOT NULL,
    date TEXT NOT NULL,
    total_value REAL NOT NULL,
    cash_balance REAL NOT NULL,
    invested_value REAL,
    unrealized_pnl REAL,
    geo_eu_pct REAL,
    geo_asia_pct REAL,
    geo_us_pct REAL,
    position_count ANY,
    annual_turnover REAL,
    created_at TEXT,
    PRIMARY KEY (date, copy)
) STRICT;

-- position: the event's place in the log. kind: position or cash; subject: its symbol or date. For cash, derived_quantity,
-- reported_quantity and difference are EUR. open: 1 for the newest of a subject while the two sides differ.
CREATE TABLE reconciliations (
    position INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    occurred_at TEXT,
    derived_quantity REAL NOT NULL,
    reported_quantity REAL,
    difference REAL NOT NULL,
    derived_avg_price REAL,
    reported_avg_price REAL,
    reason TEXT NOT NULL,
    open INTEGER NOT NULL
) STRICT;
CREATE INDEX idx_reconciliations_open ON reconciliations (kind, subject) WHERE open = 1;
