-- history.db of the eight databases in its later state: keyed by ISIN, dates as midnight in unix seconds, monthly prices.

CREATE TABLE daily_prices (
    isin TEXT NOT NULL,
    date INTEGER NOT NULL,
    open REAL NOT NULL,
    high REAL NOT NULL,
    low REAL NOT NULL,
    close REAL NOT NULL,
    volume INTEGER,
    adjusted_close REAL,
    PRIMARY KEY (isin, date)
) STRICT;

CREATE TABLE monthly_prices (
    isin TEXT NOT NULL,
    year_month TEXT NOT NULL,
    avg_close REAL NOT NULL,
    avg_adj_close REAL NOT NULL,
    source TEXT,
    created_at INTEGER,
    PRIMARY KEY (isin, year_month)
) STRICT;

CREATE TABLE exchange_rates (
    from_currency TEXT NOT NULL,
    to_currency TEXT NOT NULL,
    date INTEGER NOT NULL,
    rate REAL NOT NULL,
    PRIMARY KEY (from_currency, to_currency, date)
) STRICT;
