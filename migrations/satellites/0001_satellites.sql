-- The buckets, their cash, settings and results. Legacy files hold rows of buckets that are gone: no foreign keys.
CREATE TABLE buckets (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    notes TEXT,
    target_pct REAL,
    min_pct REAL,
    max_pct REAL,
    consecutive_losses ANY,
    max_consecutive_losses ANY,
    high_water_mark REAL,
    high_water_mark_date TEXT,
    loss_streak_paused_at TEXT,
    status TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT,
    agent_id TEXT
) STRICT;
CREATE INDEX idx_buckets_agent ON buckets (agent_id);
CREATE INDEX idx_buckets_status ON buckets (status);

-- Which strategy names which bucket (stated 0), and which strategy a bucket names itself (stated 1): what agent_id follows.
CREATE TABLE bucket_agents (
    bucket_id TEXT NOT NULL,
    stated INTEGER NOT NULL,
    agent_id TEXT NOT NULL,
    PRIMARY KEY (bucket_id, stated, agent_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX idx_bucket_agents_agent ON bucket_agents (agent_id);

CREATE TABLE bucket_balances (
    bucket_id TEXT NOT NULL,
    currency TEXT NOT NULL,
    balance REAL NOT NULL,
    last_updated TEXT,
    PRIMARY KEY (bucket_id, currency)
) STRICT, WITHOUT ROWID;

CREATE TABLE bucket_transactions (
    id INTEGER PRIMARY KEY,
    bucket_id TEXT NOT NULL,
    type TEXT NOT NULL,
    amount REAL NOT NULL,
    currency TEXT NOT NULL,
    description TEXT,
    created_at TEXT
) STRICT;
CREATE INDEX idx_bucket_transactions_bucket ON bucket_transactions (bucket_id);

CREATE TABLE satellite_settings (
    satellite_id TEXT NOT NULL PRIMARY KEY,
    preset TEXT,
    risk_appetite REAL,
    hold_duration REAL,
    entry_style REAL,
    position_spread REAL,
    profit_taking REAL,
    trailing_stops INTEGER,
    follow_regime INTEGER,
    auto_harvest INTEGER,
    pause_high_volatility INTEGER,
    dividend_handling TEXT,
    risk_free_rate REAL,
    sortino_mar REAL,
    evaluation_period_days ANY,
    volatility_window ANY
) STRICT, WITHOUT ROWID;

CREATE TABLE allocation_settings (
    key TEXT NOT NULL PRIMARY KEY,
    value REAL NOT NULL,
    description TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE satellite_regime_performance (
    satellite_id TEXT NOT NULL,
    regime TEXT NOT NULL,
    period_start TEXT NOT NULL,
    period_end TEXT,
    return_pct REAL,
    trades_count ANY,
    win_rate REAL,
    PRIMARY KEY (satellite_id, regime, period_start)
) STRICT, WITHOUT ROWID;
