-- calculations.db, version 1 (28 December 2025): the metrics only, without isin.

CREATE TABLE schema_version (
    version INTEGER PRIMARY KEY,
    applied_at TEXT NOT NULL,
    description TEXT
);

CREATE TABLE calculated_metrics (
    symbol TEXT NOT NULL,
    metric TEXT NOT NULL,
    value REAL NOT NULL,
    calculated_at TEXT NOT NULL,
    expires_at TEXT,
    source TEXT DEFAULT 'calculated',
    PRIMARY KEY (symbol, metric)
);
