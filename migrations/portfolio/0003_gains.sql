-- Cost basis and realised gains. The legacy system never computed them. docs/decisions/0007-gains.md says by which rules.

-- EUR, average cost: the sum of gain_eur of the symbol's average rows in realized_gains, 0 before the first sale.
-- realized_pnl_unknown: how many of these rows have no gain_eur and are not in the sum.
ALTER TABLE positions ADD COLUMN realized_pnl REAL NOT NULL DEFAULT 0;
ALTER TABLE positions ADD COLUMN realized_pnl_unknown INTEGER NOT NULL DEFAULT 0;

-- The lots of first in, first out: the shares that one trade opened. opened_at: '~', which sorts last, when nobody knows it;
-- position, stream: of that trade. side: long, or short for shares sold that were not held. quantity, price: in today's shares
-- while the lot is open, in those of its last day once it is closed. cost: what was paid (short: got) for all of it in
-- `currency`, without fee; _eur: at the rate of the opening day, NULL when that is not known; fee: NULL when no rate is known
-- that would convert it. remaining_: of what is still open. Decimals are TEXT here, so that nothing is rounded on the way.
CREATE TABLE lot_entries (
    symbol TEXT NOT NULL,
    opened_at TEXT NOT NULL,
    position INTEGER NOT NULL,
    closed_at TEXT,
    side TEXT NOT NULL,
    stream TEXT NOT NULL,
    price TEXT NOT NULL,
    bucket_id TEXT,
    currency TEXT,
    quantity TEXT NOT NULL,
    cost TEXT NOT NULL,
    cost_eur TEXT,
    fee TEXT,
    fee_eur TEXT,
    remaining TEXT NOT NULL,
    remaining_cost TEXT NOT NULL,
    remaining_cost_eur TEXT,
    remaining_fee TEXT,
    remaining_fee_eur TEXT,
    PRIMARY KEY (symbol, opened_at, position)
) STRICT, WITHOUT ROWID;

-- The same as numbers to calculate with. A lot is open while remaining > 0.
CREATE VIEW lots AS
SELECT
    symbol,
    nullif(opened_at, '~') AS opened_at,
    nullif(closed_at, '~') AS closed_at,
    position,
    stream,
    side,
    bucket_id,
    CAST(quantity AS REAL) AS quantity,
    CAST(price AS REAL) AS price,
    currency,
    CAST(cost AS REAL) AS cost,
    CAST(cost_eur AS REAL) AS cost_eur,
    CAST(fee AS REAL) AS fee,
    CAST(fee_eur AS REAL) AS fee_eur,
    CAST(remaining AS REAL) AS remaining,
    CAST(remaining_cost AS REAL) AS remaining_cost,
    CAST(remaining_cost_eur AS REAL) AS remaining_cost_eur
FROM lot_entries;

-- What closing trades made, by both methods side by side: never add fifo and average up. method: fifo has a row (part 1,
-- 2 …) for each lot that the trade closed, average one row for all of it; shares sold that were not held have a row of their
-- own by both. position, stream, closed_at, bucket_id: of the closing trade; opened_: of the lot, for fifo only.
-- gain = proceeds - cost - fees in `currency`, the closing trade's; _eur: each side at the rate of its own day. What is not
-- known is NULL, and reason says why: oversold, no-rate, no-currency, currencies-differ (opened in another currency).
CREATE TABLE realized_gains (
    symbol TEXT NOT NULL,
    position INTEGER NOT NULL,
    method TEXT NOT NULL,
    part INTEGER NOT NULL,
    stream TEXT NOT NULL,
    closed_at TEXT,
    bucket_id TEXT,
    side TEXT NOT NULL,
    quantity REAL NOT NULL,
    opened_position INTEGER,
    opened_at TEXT,
    holding_days INTEGER,
    currency TEXT,
    proceeds REAL,
    cost REAL,
    fees REAL,
    gain REAL,
    proceeds_eur REAL,
    cost_eur REAL,
    fees_eur REAL,
    gain_eur REAL,
    reason TEXT,
    PRIMARY KEY (symbol, position, method, part)
) STRICT, WITHOUT ROWID;

-- From here on: what these tables are computed from.

-- Of holding_trades. A split of shares is a row there too, with side SPLIT, quantity the numerator, price the denominator.
-- quote_day: the day whose quoted rate the trade or its fee may need, NULL when its own rate or currency will do.
ALTER TABLE holding_trades ADD COLUMN short INTEGER;
ALTER TABLE holding_trades ADD COLUMN fee TEXT;
ALTER TABLE holding_trades ADD COLUMN fee_currency TEXT;
ALTER TABLE holding_trades ADD COLUMN quote_day TEXT;
CREATE INDEX idx_holding_trades_quote_day ON holding_trades (quote_day) WHERE quote_day IS NOT NULL;

-- What realised gains go on from (JSON): the average cost pool, the sums, and where the first open lot stands.
ALTER TABLE holding_states ADD COLUMN gains TEXT NOT NULL DEFAULT '{}';

-- Cash flows that are the fee of a trade: the stream of the cash flow and that of the trade. date: when it was charged.
CREATE TABLE trade_fees (
    stream TEXT NOT NULL PRIMARY KEY,
    trade TEXT NOT NULL,
    amount TEXT NOT NULL,
    currency TEXT NOT NULL,
    date TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX idx_trade_fees_trade ON trade_fees (trade);
CREATE INDEX idx_trade_fees_date ON trade_fees (currency, date) WHERE currency <> 'EUR';
