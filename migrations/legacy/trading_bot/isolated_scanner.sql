-- scanner/scanner_index.db (legacy facts 2.2).
CREATE TABLE scanner_results (
    scan_id TEXT PRIMARY KEY,
    scan_timestamp TIMESTAMP,
    total_symbols INTEGER,
    profitable_symbols INTEGER DEFAULT 0,
    scan_params TEXT,
    status TEXT DEFAULT 'RUNNING',
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE scanner_symbol_results (
    scan_id TEXT,
    symbol TEXT,
    trading_symbol TEXT,
    train_pnl REAL,
    train_trades INTEGER,
    train_win_rate REAL,
    train_max_dd REAL,
    train_run_id TEXT,
    train_status TEXT,
    test_pnl REAL,
    test_trades INTEGER,
    test_win_rate REAL,
    test_max_dd REAL,
    test_run_id TEXT,
    test_status TEXT,
    is_profitable BOOLEAN DEFAULT 0,
    rank INTEGER DEFAULT 0,
    error TEXT,
    PRIMARY KEY (scan_id, symbol)
);
