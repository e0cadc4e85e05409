-- live_buffer/live.db: ticks and bars of the sessions that a feed records and that are not put away yet.

CREATE TABLE sessions (
    exchange TEXT NOT NULL,
    session TEXT NOT NULL,
    zone TEXT NOT NULL,
    last_position INTEGER NOT NULL,
    PRIMARY KEY (exchange, session)
) STRICT, WITHOUT ROWID;

-- time_us: microseconds after midnight of the session by the exchange's clocks. A void row hides one of the day file.
-- Values are shown as they were received, whatever their kind.
CREATE TABLE candles (
    exchange TEXT NOT NULL,
    session TEXT NOT NULL,
    symbol TEXT NOT NULL,
    timeframe TEXT NOT NULL,
    time_us INTEGER NOT NULL,
    open ANY,
    high ANY,
    low ANY,
    close ANY,
    volume ANY,
    is_synthetic ANY,
    open_interest ANY,
    is_void INTEGER NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (exchange, session, symbol, timeframe, time_us)
) STRICT, WITHOUT ROWID;

CREATE TABLE ticks (
    exchange TEXT NOT NULL,
    session TEXT NOT NULL,
    symbol TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    time_us INTEGER,
    price ANY,
    volume ANY,
    bid ANY,
    ask ANY,
    is_void INTEGER NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (exchange, session, symbol, sequence)
) STRICT, WITHOUT ROWID;
