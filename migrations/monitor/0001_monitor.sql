-- What was measured on this machine: sizes, ages, durations. It is no part of the ledger and may be thrown away.
CREATE TABLE measurements (
    measured_at TEXT NOT NULL,
    name TEXT NOT NULL,
    label TEXT NOT NULL,
    value REAL NOT NULL,
    PRIMARY KEY (name, label, measured_at)
) STRICT, WITHOUT ROWID;
CREATE INDEX idx_measurements_time ON measurements (measured_at);

-- The conditions that are alerted now. since: when each began; told_at: when somebody was last told.
CREATE TABLE alerts (
    name TEXT NOT NULL,
    label TEXT NOT NULL,
    level TEXT NOT NULL,
    message TEXT NOT NULL,
    since TEXT NOT NULL,
    told_at TEXT NOT NULL,
    PRIMARY KEY (name, label)
) STRICT, WITHOUT ROWID;

-- When each job of the schedule was last done.
CREATE TABLE jobs (name TEXT NOT NULL PRIMARY KEY, done_at TEXT NOT NULL) STRICT;
