-- backtest/summaries/backtest_index.db (legacy facts 2.2).
CREATE TABLE backtest_runs (
    run_id TEXT PRIMARY KEY,
    strategy_id TEXT,
    symbol TEXT,
    start_date TEXT,
    end_date TEXT,
    params TEXT,
    total_trades INTEGER,
    win_rate REAL,
    total_pnl REAL,
    max_drawdown REAL,
    sharpe_ratio REAL,
    status TEXT DEFAULT 'PENDING',
    error_message TEXT,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
);
