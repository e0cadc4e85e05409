-- Which events the file of each run is derived from. The columns are those of every read model of many files: session is the
-- id of the run, kind is run; exchange, timeframe and zone say nothing here, and no run is ever sealed.
CREATE TABLE partitions (
    id INTEGER PRIMARY KEY,
    path TEXT NOT NULL UNIQUE,
    exchange TEXT NOT NULL,
    session TEXT NOT NULL,
    kind TEXT NOT NULL,
    timeframe TEXT NOT NULL,
    zone TEXT NOT NULL,
    events INTEGER NOT NULL,
    last_position INTEGER NOT NULL,
    sealed_through INTEGER,
    sealed_digest TEXT
) STRICT;

CREATE TABLE partition_events (
    partition INTEGER NOT NULL,
    position INTEGER NOT NULL,
    is_held INTEGER NOT NULL CHECK (is_held = 0),
    PRIMARY KEY (partition, position)
) STRICT, WITHOUT ROWID;

-- The run that a round trip of the first monolith was last said to belong to.
CREATE TABLE round_trip_runs (trade_id TEXT NOT NULL PRIMARY KEY, run_id TEXT NOT NULL) STRICT, WITHOUT ROWID;

-- The newest mark of equity of each stream.
CREATE TABLE equity_marks (stream TEXT NOT NULL PRIMARY KEY, position INTEGER NOT NULL) STRICT, WITHOUT ROWID;
