-- Columns and a table that only the eight-database layout had.
ALTER TABLE scores ADD COLUMN volatility REAL;
ALTER TABLE scores ADD COLUMN technical_score REAL;
ALTER TABLE scores ADD COLUMN fundamental_score REAL;
ALTER TABLE scores ADD COLUMN stability_score REAL;
ALTER TABLE scores_copies ADD COLUMN volatility REAL;
ALTER TABLE scores_copies ADD COLUMN technical_score REAL;
ALTER TABLE scores_copies ADD COLUMN fundamental_score REAL;
ALTER TABLE scores_copies ADD COLUMN stability_score REAL;
ALTER TABLE portfolio_snapshots ADD COLUMN total_pnl REAL;
ALTER TABLE portfolio_snapshots ADD COLUMN total_pnl_pct REAL;
ALTER TABLE portfolio_snapshots ADD COLUMN bucket_id TEXT;
ALTER TABLE portfolio_snapshots ADD COLUMN snapshot_json TEXT;
ALTER TABLE portfolio_snapshots_copies ADD COLUMN total_pnl REAL;
ALTER TABLE portfolio_snapshots_copies ADD COLUMN total_pnl_pct REAL;
ALTER TABLE portfolio_snapshots_copies ADD COLUMN bucket_id TEXT;
ALTER TABLE portfolio_snapshots_copies ADD COLUMN snapshot_json TEXT;

-- The broker's cash, one row per currency.
CREATE TABLE cash_balances (
    currency TEXT NOT NULL PRIMARY KEY,
    balance REAL NOT NULL,
    last_updated TEXT
) STRICT, WITHOUT ROWID;
