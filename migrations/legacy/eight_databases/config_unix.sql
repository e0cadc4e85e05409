-- config.db of the eight databases in its later state: targets as fractions again, the planner's switches.

CREATE TABLE settings (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL,
    description TEXT,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE allocation_targets (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    type TEXT NOT NULL,
    name TEXT NOT NULL,
    target_pct REAL NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (type, name)
) STRICT;

CREATE TABLE planner_settings (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    max_depth INTEGER NOT NULL,
    diversity_weight REAL NOT NULL,
    allow_sell INTEGER NOT NULL,
    optimizer_blend REAL,
    updated_at INTEGER NOT NULL
) STRICT;
