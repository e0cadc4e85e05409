-- Settings and allocation targets, as the legacy config.db has them.
CREATE TABLE settings (
    key TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL,
    description TEXT,
    updated_at TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE allocation_targets (
    id INTEGER,
    type TEXT NOT NULL,
    name TEXT NOT NULL,
    target_pct REAL NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT,
    PRIMARY KEY (type, name)
) STRICT, WITHOUT ROWID;
