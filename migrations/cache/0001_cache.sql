-- What may be forgotten: recommendations and cached data. geography, from old files, is the last column.
CREATE TABLE recommendations (
    uuid TEXT NOT NULL PRIMARY KEY,
    symbol TEXT NOT NULL,
    isin TEXT,
    name TEXT,
    side TEXT NOT NULL,
    amount REAL,
    quantity ANY,
    estimated_price REAL,
    estimated_value REAL,
    reason TEXT NOT NULL,
    country TEXT,
    industry TEXT,
    currency TEXT,
    priority REAL,
    current_portfolio_score REAL,
    new_portfolio_score REAL,
    score_change REAL,
    status TEXT,
    portfolio_hash TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT,
    executed_at TEXT,
    dismissed_at TEXT,
    geography TEXT,
    UNIQUE (symbol, side, reason, portfolio_hash)
) STRICT;
CREATE INDEX idx_recommendations_status ON recommendations (status);

-- Everything that is recommended at present, from whichever file; `recommendations` shows those that were not outdone by
-- a newer one of the same uuid or of the same symbol, side, reason and portfolio. copy '' is the proper home; position:
-- the event's place in the log, which decides between equals.
CREATE TABLE recommendations_copies (
    copy TEXT NOT NULL,
    uuid TEXT NOT NULL,
    symbol TEXT NOT NULL,
    isin TEXT,
    name TEXT,
    side TEXT NOT NULL,
    amount REAL,
    quantity ANY,
    estimated_price REAL,
    estimated_value REAL,
    reason TEXT NOT NULL,
    country TEXT,
    industry TEXT,
    currency TEXT,
    priority REAL,
    current_portfolio_score REAL,
    new_portfolio_score REAL,
    score_change REAL,
    status TEXT,
    portfolio_hash TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT,
    executed_at TEXT,
    dismissed_at TEXT,
    geography TEXT,
    position INTEGER NOT NULL,
    PRIMARY KEY (uuid, copy)
) STRICT;
CREATE INDEX idx_recommendations_copies_same ON recommendations_copies (symbol, side, reason, portfolio_hash);

CREATE TABLE cache_data (
    cache_key TEXT NOT NULL PRIMARY KEY,
    cache_value TEXT NOT NULL,
    expires_at TEXT,
    created_at TEXT,
    cache TEXT NOT NULL,
    symbol TEXT,
    data_type TEXT,
    portfolio_hash TEXT,
    cache_type TEXT
) STRICT;
CREATE INDEX idx_cache_data_expires ON cache_data (expires_at) WHERE expires_at IS NOT NULL;
