-- What the positions are computed from. Decimals are TEXT here, so that nothing is rounded on the way.

-- The trades that change what is held, in the order in which they are replayed. executed_at is '~', which sorts last, when
-- nobody knows it; position: the place in the log of the event that brought the trade in.
CREATE TABLE holding_trades (
    symbol TEXT NOT NULL,
    executed_at TEXT NOT NULL,
    position INTEGER NOT NULL,
    stream TEXT NOT NULL,
    side TEXT NOT NULL,
    quantity TEXT NOT NULL,
    price TEXT NOT NULL,
    isin TEXT,
    currency TEXT,
    currency_rate TEXT,
    bucket_id TEXT,
    PRIMARY KEY (symbol, executed_at, position)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX idx_holding_trades_stream ON holding_trades (stream);

-- One row per symbol: what its trades add up to (JSON), the broker's newest report (JSON of the event), and whether the
-- broker was last known not to hold it.
CREATE TABLE holding_states (
    symbol TEXT NOT NULL PRIMARY KEY,
    derived TEXT NOT NULL,
    report TEXT,
    denied INTEGER NOT NULL
) STRICT;

-- Units of a currency per 1 EUR, the newest quote of each day; copy '' is the proper home.
CREATE TABLE known_rates (
    currency TEXT NOT NULL,
    date TEXT NOT NULL,
    rate TEXT NOT NULL,
    fetched_at TEXT NOT NULL,
    copy TEXT NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (currency, date)
) STRICT, WITHOUT ROWID;
