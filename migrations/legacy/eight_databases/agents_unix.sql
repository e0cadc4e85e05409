-- agents.db of the eight databases in its later state: no strategies, the best plan in full.

CREATE TABLE sequences (
    sequence_hash TEXT NOT NULL,
    portfolio_hash TEXT NOT NULL,
    priority REAL NOT NULL,
    sequence_json TEXT NOT NULL,
    depth INTEGER NOT NULL,
    pattern_type TEXT,
    completed INTEGER DEFAULT 0,
    evaluated_at INTEGER,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (sequence_hash, portfolio_hash)
) STRICT;

CREATE TABLE best_result (
    portfolio_hash TEXT PRIMARY KEY,
    sequence_hash TEXT NOT NULL,
    plan_data TEXT NOT NULL,
    score REAL NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
