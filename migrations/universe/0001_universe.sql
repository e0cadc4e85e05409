-- The investment universe. Column names and order are those of the legacy config.db; geography, from the older `stocks`, is last.
CREATE TABLE securities (
    symbol TEXT NOT NULL PRIMARY KEY,
    yahoo_symbol TEXT,
    isin TEXT,
    name TEXT NOT NULL,
    product_type TEXT,
    industry TEXT,
    country TEXT,
    fullExchangeName TEXT,
    priority_multiplier REAL,
    min_lot ANY,
    active INTEGER,
    allow_buy INTEGER,
    allow_sell INTEGER,
    currency TEXT,
    last_synced TEXT,
    min_portfolio_target REAL,
    max_portfolio_target REAL,
    bucket_id TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT,
    geography TEXT
) STRICT;
CREATE INDEX idx_securities_active ON securities (active);
CREATE INDEX idx_securities_bucket_id ON securities (bucket_id);
CREATE INDEX idx_securities_country ON securities (country);
CREATE INDEX idx_securities_industry ON securities (industry);
CREATE INDEX idx_securities_isin ON securities (isin);

-- What each legacy place says about a security that more than one of them describes; copy '' is the proper home.
CREATE TABLE securities_copies (
    copy TEXT NOT NULL,
    symbol TEXT NOT NULL,
    yahoo_symbol TEXT,
    isin TEXT,
    name TEXT NOT NULL,
    product_type TEXT,
    industry TEXT,
    country TEXT,
    fullExchangeName TEXT,
    priority_multiplier REAL,
    min_lot ANY,
    active INTEGER,
    allow_buy INTEGER,
    allow_sell INTEGER,
    currency TEXT,
    last_synced TEXT,
    min_portfolio_target REAL,
    max_portfolio_target REAL,
    bucket_id TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT,
    geography TEXT,
    PRIMARY KEY (symbol, copy)
) STRICT;

CREATE TABLE country_groups (
    id INTEGER,
    group_name TEXT NOT NULL,
    country_name TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT,
    PRIMARY KEY (group_name, country_name)
) STRICT, WITHOUT ROWID;

CREATE TABLE industry_groups (
    id INTEGER,
    group_name TEXT NOT NULL,
    industry_name TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT,
    PRIMARY KEY (group_name, industry_name)
) STRICT, WITHOUT ROWID;
