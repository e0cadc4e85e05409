-- history.db of the eight databases as designed: all prices in one table, no monthly ones.

CREATE TABLE daily_prices (
    symbol TEXT NOT NULL,
    date TEXT NOT NULL,
    open REAL NOT NULL,
    high REAL NOT NULL,
    low REAL NOT NULL,
    close REAL NOT NULL,
    volume INTEGER,
    adjusted_close REAL,
    PRIMARY KEY (symbol, date)
) STRICT;
CREATE INDEX idx_prices_symbol ON daily_prices (symbol);
CREATE INDEX idx_prices_date ON daily_prices (date DESC);
CREATE INDEX idx_prices_symbol_date ON daily_prices (symbol, date DESC);

CREATE TABLE exchange_rates (
    from_currency TEXT NOT NULL,
    to_currency TEXT NOT NULL,
    date TEXT NOT NULL,
    rate REAL NOT NULL,
    PRIMARY KEY (from_currency, to_currency, date)
) STRICT;

CREATE TABLE symbol_removals (
    symbol TEXT PRIMARY KEY,
    removed_at INTEGER NOT NULL,
    grace_period_days INTEGER DEFAULT 30,
    row_count INTEGER,
    marked_by TEXT
) STRICT;

CREATE TABLE cleanup_log (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    symbol TEXT NOT NULL,
    deleted_at INTEGER NOT NULL,
    row_count INTEGER,
    cleanup_reason TEXT,
    size_freed_bytes INTEGER
) STRICT;

CREATE TABLE _database_health (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    checked_at INTEGER NOT NULL,
    integrity_check_passed INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    wal_size_bytes INTEGER,
    page_count INTEGER,
    freelist_count INTEGER,
    vacuum_performed INTEGER DEFAULT 0,
    notes TEXT
) STRICT;
CREATE INDEX idx_database_health_checked_at ON _database_health (checked_at);
