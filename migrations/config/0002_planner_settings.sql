-- What only the eight-database layout had: limits around a target, and the planner's switches.
ALTER TABLE allocation_targets ADD COLUMN min_pct REAL;
ALTER TABLE allocation_targets ADD COLUMN max_pct REAL;

-- settings_json: all columns of the legacy row but its id and updated_at.
CREATE TABLE planner_settings (
    id ANY NOT NULL PRIMARY KEY,
    settings_json TEXT NOT NULL,
    updated_at TEXT
) STRICT, WITHOUT ROWID;
