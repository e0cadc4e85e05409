-- market_data/index.db: which events each day file of ticks or candles is derived from, and how far each session is put away.

-- A session is open from the moment a feed records it live until it is put away: its rows stand in the live buffer.
CREATE TABLE sessions (
    exchange TEXT NOT NULL,
    session TEXT NOT NULL,
    zone TEXT NOT NULL,
    is_open INTEGER NOT NULL CHECK (is_open IN (0, 1)),
    -- Up to which position a rollover has taken its rows, and the position of its newest event.
    through INTEGER NOT NULL,
    last_position INTEGER NOT NULL,
    PRIMARY KEY (exchange, session)
) STRICT, WITHOUT ROWID;

CREATE TABLE partitions (
    id INTEGER PRIMARY KEY,
    -- Ends in .parquet once the file is archived.
    path TEXT NOT NULL UNIQUE,
    exchange TEXT NOT NULL,
    session TEXT NOT NULL,
    -- ticks, or candles of a timeframe; '' for ticks.
    kind TEXT NOT NULL,
    timeframe TEXT NOT NULL,
    zone TEXT NOT NULL,
    -- How many events its file shows, and the newest of them; 0 while all are held back.
    events INTEGER NOT NULL,
    last_position INTEGER NOT NULL,
    -- What the last seal of the session says of it; NULL when it has none.
    sealed_through INTEGER,
    sealed_rows INTEGER,
    sealed_digest TEXT
) STRICT;

CREATE UNIQUE INDEX partitions_of_session ON partitions (exchange, session, kind, timeframe);

-- is_held: recorded live and not put away yet, so only the live buffer shows it.
CREATE TABLE partition_events (
    partition INTEGER NOT NULL,
    position INTEGER NOT NULL,
    is_held INTEGER NOT NULL CHECK (is_held IN (0, 1)),
    PRIMARY KEY (partition, position)
) STRICT, WITHOUT ROWID;

-- Ticks and bars that were handed in and are none.
CREATE TABLE kept_rows (
    position INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    row TEXT NOT NULL,
    reason TEXT NOT NULL
) STRICT;
