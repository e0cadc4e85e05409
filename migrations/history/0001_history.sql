-- Prices of all securities in one place; the legacy system kept one file per security.

CREATE TABLE daily_prices (
    symbol TEXT NOT NULL,
    date TEXT NOT NULL,
    open_price REAL,
    high_price REAL,
    low_price REAL,
    close_price REAL,
    -- An integer by declaration; legacy files hold fractions and text there as well.
    volume ANY,
    source TEXT,
    created_at TEXT,
    PRIMARY KEY (symbol, date)
) STRICT, WITHOUT ROWID;

-- All copies of a bar that more than one legacy file holds; '' is the security's own file.
CREATE TABLE daily_price_copies (
    copy TEXT NOT NULL,
    symbol TEXT NOT NULL,
    date TEXT NOT NULL,
    open_price REAL,
    high_price REAL,
    low_price REAL,
    close_price REAL,
    volume ANY,
    source TEXT,
    created_at TEXT,
    PRIMARY KEY (symbol, date, copy)
) STRICT;

CREATE TABLE monthly_prices (
    symbol TEXT NOT NULL,
    year_month TEXT NOT NULL,
    avg_close REAL,
    avg_adj_close REAL,
    min_price REAL,
    max_price REAL,
    source TEXT,
    created_at TEXT,
    PRIMARY KEY (symbol, year_month)
) STRICT, WITHOUT ROWID;

CREATE TABLE monthly_price_copies (
    copy TEXT NOT NULL,
    symbol TEXT NOT NULL,
    year_month TEXT NOT NULL,
    avg_close REAL,
    avg_adj_close REAL,
    min_price REAL,
    max_price REAL,
    source TEXT,
    created_at TEXT,
    PRIMARY KEY (symbol, year_month, copy)
) STRICT;

-- rate: units of from_currency per 1 unit of to_currency, as the legacy system meant it.
CREATE TABLE exchange_rates (
    from_currency TEXT NOT NULL,
    to_currency TEXT NOT NULL,
    date TEXT NOT NULL,
    rate REAL NOT NULL,
    fetched_at TEXT NOT NULL,
    expires_at TEXT,
    PRIMARY KEY (from_currency, to_currency, date)
) STRICT, WITHOUT ROWID;

CREATE TABLE exchange_rate_copies (
    copy TEXT NOT NULL,
    from_currency TEXT NOT NULL,
    to_currency TEXT NOT NULL,
    date TEXT NOT NULL,
    rate REAL NOT NULL,
    fetched_at TEXT NOT NULL,
    expires_at TEXT,
    PRIMARY KEY (from_currency, to_currency, date, copy)
) STRICT;

-- Securities that left the universe; their prices stay until the grace period is over.
CREATE TABLE symbol_removals (
    symbol TEXT PRIMARY KEY,
    removed_at TEXT NOT NULL,
    grace_period_days INTEGER NOT NULL,
    row_count INTEGER NOT NULL,
    marked_by TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Which legacy tables describe a security, so that it counts as removed when the last of them lets it go.
CREATE TABLE described_securities (
    symbol TEXT NOT NULL,
    copy TEXT NOT NULL,
    PRIMARY KEY (symbol, copy)
) STRICT, WITHOUT ROWID;

-- id: the position of the event. row_count: daily and monthly rows together.
CREATE TABLE cleanup_log (
    id INTEGER PRIMARY KEY,
    symbol TEXT NOT NULL,
    deleted_at TEXT NOT NULL,
    row_count INTEGER NOT NULL,
    cleanup_reason TEXT NOT NULL,
    size_freed_bytes INTEGER
) STRICT;
