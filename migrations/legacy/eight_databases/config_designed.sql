-- config.db of the eight databases as designed: targets in percent.

CREATE TABLE settings (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL,
    description TEXT,
    updated_at TEXT NOT NULL
) STRICT;

CREATE TABLE allocation_targets (
    group_type TEXT NOT NULL CHECK (group_type IN ('country', 'industry', 'bucket')),
    group_name TEXT NOT NULL,
    target_percentage REAL NOT NULL CHECK (target_percentage >= 0 AND target_percentage <= 100),
    min_percentage REAL,
    max_percentage REAL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    PRIMARY KEY (group_type, group_name)
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
