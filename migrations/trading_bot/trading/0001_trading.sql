-- Orders, fills and positions of the trading bot. Legacy columns first, under their names; what Daybook adds stands last.
-- Amounts are INR, prices per unit.

-- order_id: in execution.db correlation_id; only there strategy_id, only in trading.db price, status and broker_order_id.
CREATE TABLE orders (
    order_id TEXT NOT NULL PRIMARY KEY,
    signal_id TEXT,
    timestamp TEXT,
    symbol TEXT NOT NULL,
    order_type TEXT NOT NULL,
    side TEXT NOT NULL,
    quantity REAL NOT NULL,
    price REAL,
    status TEXT,
    broker_order_id TEXT,
    metadata TEXT,
    strategy_id TEXT
) STRICT;
CREATE INDEX idx_orders_symbol ON orders (symbol, timestamp);

-- entry_price: from the legacy column of that name, else from price. direction, price: where the legacy row had both columns
-- of a pair. stream: of the fill in the log; trade_id may be missing. order_id: of a fill of execution.db.
CREATE TABLE trades (
    trade_id TEXT,
    signal_id TEXT,
    strategy_id TEXT,
    symbol TEXT NOT NULL,
    timestamp TEXT,
    side TEXT NOT NULL,
    entry_price REAL NOT NULL,
    exit_price REAL,
    quantity REAL NOT NULL,
    pnl REAL,
    fees REAL,
    metadata TEXT,
    direction TEXT,
    price REAL,
    status TEXT,
    order_id TEXT,
    stream TEXT NOT NULL PRIMARY KEY
) STRICT;
CREATE INDEX idx_trades_trade ON trades (trade_id);
CREATE INDEX idx_trades_symbol ON trades (symbol, timestamp);

-- quantity, avg_entry_price, realized_pnl: from the fills alone; negative quantities are short, realized_pnl is before fees.
-- updated_at: when the last fill was. reported_: what the bot had written down, NULL where it had no such row.
CREATE TABLE positions (
    symbol TEXT NOT NULL PRIMARY KEY,
    quantity REAL NOT NULL,
    avg_entry_price REAL NOT NULL,
    realized_pnl REAL NOT NULL,
    updated_at TEXT,
    fees REAL NOT NULL,
    reported_quantity REAL,
    reported_avg_entry_price REAL,
    reported_realized_pnl REAL,
    reported_at TEXT
) STRICT, WITHOUT ROWID;

-- position: the event's place in the log. open: 1 for the newest of a symbol while the two sides differ.
CREATE TABLE reconciliations (
    position INTEGER PRIMARY KEY,
    symbol TEXT NOT NULL,
    occurred_at TEXT,
    derived_quantity REAL NOT NULL,
    reported_quantity REAL,
    difference REAL NOT NULL,
    derived_avg_price REAL,
    reported_avg_price REAL,
    reason TEXT NOT NULL,
    open INTEGER NOT NULL
) STRICT;
CREATE INDEX idx_reconciliations_open ON reconciliations (symbol) WHERE open = 1;

-- Round trips of the first monolith's trades table.
CREATE TABLE round_trips (
    trade_id TEXT NOT NULL PRIMARY KEY,
    run_id TEXT,
    instrument_key TEXT NOT NULL,
    trade_type TEXT NOT NULL,
    direction TEXT NOT NULL,
    entry_time TEXT,
    entry_price REAL NOT NULL,
    exit_time TEXT,
    exit_price REAL,
    quantity REAL,
    exit_reason TEXT,
    pnl REAL,
    pnl_pct REAL,
    commission REAL,
    notes TEXT,
    created_at TEXT
) STRICT;
CREATE INDEX idx_round_trips_run ON round_trips (run_id);

-- What the positions are computed from. Decimals are TEXT here, so that nothing is rounded on the way. executed_at is '~',
-- which sorts last, when nobody knows it; position: the place in the log of the event that brought the fill in.
CREATE TABLE position_fills (
    symbol TEXT NOT NULL,
    executed_at TEXT NOT NULL,
    position INTEGER NOT NULL,
    stream TEXT NOT NULL,
    side TEXT NOT NULL,
    quantity TEXT NOT NULL,
    price TEXT NOT NULL,
    fees TEXT,
    PRIMARY KEY (symbol, executed_at, position)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX idx_position_fills_stream ON position_fills (stream);

-- One row per symbol: what its fills add up to, and the bot's newest report of it (both JSON).
CREATE TABLE position_states (
    symbol TEXT NOT NULL PRIMARY KEY,
    derived TEXT NOT NULL,
    report TEXT
) STRICT;
