-- Which times of each job were done, so that a clock that is set back brings none of them a second time.
CREATE TABLE jobs_done (
    name TEXT NOT NULL,
    due_at TEXT NOT NULL,
    PRIMARY KEY (name, due_at)
) STRICT, WITHOUT ROWID;
