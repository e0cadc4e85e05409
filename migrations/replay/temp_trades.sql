-- The trades and splits of the log while the holdings are derived from them: of a split, side SPLIT, quantity and price are
-- what becomes of what. A temporary database that SQLite may put on disk.
CREATE TEMP TABLE holding_trades (
    stream TEXT PRIMARY KEY, position INTEGER NOT NULL, symbol TEXT NOT NULL, executed_at TEXT NOT NULL, side TEXT NOT NULL,
    quantity TEXT NOT NULL, price TEXT NOT NULL, short INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX temp.holding_trades_in_order ON holding_trades (symbol, executed_at, position);
