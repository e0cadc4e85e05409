-- The trading bot's backtests and scans. Legacy columns first, under their names; what Daybook adds stands last.

-- win_rate: percent; legacy_win_rate: as the legacy row has it, a fraction or percent as win_rate_unit says. max_drawdown:
-- percent. timeframe, initial_capital, final_capital, profit_factor, metrics: of the first monolith.
CREATE TABLE backtest_runs (
    run_id TEXT NOT NULL PRIMARY KEY,
    strategy_id TEXT,
    symbol TEXT,
    start_date ANY,
    end_date ANY,
    params TEXT,
    total_trades ANY,
    win_rate REAL,
    total_pnl REAL,
    max_drawdown REAL,
    sharpe_ratio REAL,
    status TEXT,
    error_message TEXT,
    created_at TEXT,
    timeframe TEXT,
    initial_capital REAL,
    final_capital REAL,
    profit_factor REAL,
    metrics TEXT,
    legacy_win_rate REAL,
    win_rate_unit TEXT
) STRICT;

CREATE TABLE backtest_trades (
    trade_id TEXT NOT NULL,
    run_id TEXT NOT NULL,
    symbol TEXT,
    entry_ts TEXT,
    exit_ts TEXT,
    direction TEXT,
    entry_price REAL,
    exit_price REAL,
    qty REAL,
    pnl REAL,
    fees REAL,
    metadata TEXT,
    PRIMARY KEY (run_id, trade_id)
) STRICT;

CREATE TABLE backtest_equity_curves (
    run_id TEXT NOT NULL,
    timestamp TEXT NOT NULL,
    equity REAL NOT NULL,
    -- Of the fact in the log; its moment may be corrected.
    stream TEXT NOT NULL,
    PRIMARY KEY (run_id, timestamp)
) STRICT, WITHOUT ROWID;
CREATE INDEX idx_backtest_equity_curves_stream ON backtest_equity_curves (stream);

-- Where the file of each run lies, relative to the home. is_renamed: 1 where the run's id is not fit to name a file, so that
-- its digest does; why: in which way it is not.
CREATE TABLE run_files (
    run_id TEXT NOT NULL PRIMARY KEY,
    file TEXT NOT NULL,
    is_renamed INTEGER NOT NULL,
    why TEXT
) STRICT;

CREATE TABLE scanner_results (
    scan_id TEXT NOT NULL PRIMARY KEY,
    scan_timestamp TEXT,
    total_symbols ANY,
    profitable_symbols ANY,
    scan_params TEXT,
    status TEXT,
    created_at TEXT
) STRICT;

CREATE TABLE scanner_symbol_results (
    scan_id TEXT NOT NULL,
    symbol TEXT NOT NULL,
    trading_symbol TEXT,
    train_pnl REAL,
    train_trades ANY,
    train_win_rate REAL,
    train_max_dd REAL,
    train_run_id TEXT,
    train_status TEXT,
    test_pnl REAL,
    test_trades ANY,
    test_win_rate REAL,
    test_max_dd REAL,
    test_run_id TEXT,
    test_status TEXT,
    is_profitable INTEGER,
    rank ANY,
    error TEXT,
    PRIMARY KEY (scan_id, symbol)
) STRICT;
