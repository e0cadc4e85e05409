-- What only the eight-database layout had.
ALTER TABLE daily_prices ADD COLUMN adjusted_close REAL;
ALTER TABLE daily_price_copies ADD COLUMN adjusted_close REAL;

-- What the legacy system itself said of prices that it was going to delete, and that it deleted. symbol_removals and
-- cleanup_log are about the prices in this database; these two are about the legacy system's.
CREATE TABLE legacy_symbol_removals (
    symbol TEXT NOT NULL PRIMARY KEY,
    isin TEXT,
    removed_at TEXT,
    grace_period_days ANY,
    row_count ANY,
    marked_by TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE legacy_cleanup_log (
    id INTEGER PRIMARY KEY,
    symbol TEXT NOT NULL,
    isin TEXT,
    deleted_at TEXT,
    row_count ANY,
    cleanup_reason TEXT,
    size_freed_bytes ANY
) STRICT;
