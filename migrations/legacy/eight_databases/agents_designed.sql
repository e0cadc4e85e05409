-- agents.db of the eight databases as designed.

CREATE TABLE agent_configs (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    toml_config TEXT NOT NULL,
    bucket_id TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
) STRICT;

CREATE TABLE config_history (
    id TEXT PRIMARY KEY,
    agent_config_id TEXT NOT NULL REFERENCES agent_configs (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    toml_config TEXT NOT NULL,
    saved_at TEXT NOT NULL,
    performance_score REAL
) STRICT;

CREATE TABLE sequences (
    sequence_hash TEXT NOT NULL,
    portfolio_hash TEXT NOT NULL,
    priority REAL NOT NULL,
    sequence_json TEXT NOT NULL,
    depth INTEGER NOT NULL,
    pattern_type TEXT,
    completed INTEGER DEFAULT 0,
    evaluated_at TEXT,
    created_at TEXT NOT NULL,
    PRIMARY KEY (sequence_hash, portfolio_hash)
) STRICT;

CREATE TABLE evaluations (
    sequence_hash TEXT NOT NULL,
    portfolio_hash TEXT NOT NULL,
    end_score REAL NOT NULL,
    breakdown_json TEXT NOT NULL,
    end_cash REAL NOT NULL,
    end_context_positions_json TEXT NOT NULL,
    div_score REAL NOT NULL,
    total_value REAL NOT NULL,
    evaluated_at TEXT NOT NULL,
    PRIMARY KEY (sequence_hash, portfolio_hash)
) STRICT;

CREATE TABLE best_result (
    portfolio_hash TEXT PRIMARY KEY,
    best_sequence_hash TEXT NOT NULL,
    best_score REAL NOT NULL,
    updated_at TEXT NOT NULL
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
