-- The classic tables, rebuilt from the events under their old names, with their old columns, so that old queries go on
-- working. A row is the newest event of its stream; a voided one is not shown.
--
-- Each table is two views. The one ending in _exact gives decimals as the text that was recorded. The other gives them
-- as REAL, as the old table did; SQLite's conversion may differ from the old number in the last bit.
--
-- The partial indexes hold positions only: they are small, and they spare a log full of prices a scan.

CREATE INDEX trade_events ON stored_events (rowid)
WHERE topic IN ('trade-executed.v1', 'trade-corrected.v1', 'trade-voided.v1');

CREATE INDEX cash_flow_events ON stored_events (rowid)
WHERE topic IN ('cash-flow-booked.v1', 'cash-flow-corrected.v1', 'cash-flow-voided.v1');

CREATE INDEX dividend_events ON stored_events (rowid)
WHERE topic IN ('dividend-paid.v1', 'dividend-corrected.v1', 'dividend-voided.v1');

CREATE INDEX reinvestment_events ON stored_events (rowid)
WHERE topic = 'reinvestment-tracked.v1';

CREATE VIEW trades_exact AS
SELECT
    coalesce(state ->> '$.id', rowid) AS id,
    state ->> '$.symbol' AS symbol,
    state ->> '$.isin' AS isin,
    state ->> '$.side' AS side,
    state ->> '$.quantity' AS quantity,
    state ->> '$.price' AS price,
    coalesce(state ->> '$.occurred_at', recorded_at) AS executed_at,
    state ->> '$.order_id' AS order_id,
    state ->> '$.currency' AS currency,
    state ->> '$.currency_rate' AS currency_rate,
    state ->> '$.value_eur' AS value_eur,
    state ->> '$.source' AS source,
    state ->> '$.bucket_id' AS bucket_id,
    state ->> '$.mode' AS mode,
    state ->> '$.created_at' AS created_at
FROM stored_events AS event INDEXED BY trade_events
WHERE topic IN ('trade-executed.v1', 'trade-corrected.v1', 'trade-voided.v1')
    AND topic <> 'trade-voided.v1'
    AND NOT EXISTS (
        SELECT 1 FROM stored_events AS later
        WHERE later.originator_id = event.originator_id
            AND later.originator_version > event.originator_version
            AND later.topic IN ('trade-executed.v1', 'trade-corrected.v1', 'trade-voided.v1')
    );

CREATE VIEW trades AS
SELECT
    id, symbol, isin, side,
    CAST(quantity AS REAL) AS quantity,
    CAST(price AS REAL) AS price,
    executed_at, order_id, currency,
    CAST(currency_rate AS REAL) AS currency_rate,
    CAST(value_eur AS REAL) AS value_eur,
    source, bucket_id, mode, created_at
FROM trades_exact;

CREATE VIEW cash_flows_exact AS
SELECT
    coalesce(state ->> '$.id', rowid) AS id,
    state ->> '$.transaction_id' AS transaction_id,
    state ->> '$.type_doc_id' AS type_doc_id,
    state ->> '$.transaction_type' AS transaction_type,
    coalesce(state ->> '$.occurred_at', recorded_at) AS date,
    state ->> '$.amount' AS amount,
    state ->> '$.currency' AS currency,
    state ->> '$.amount_eur' AS amount_eur,
    state ->> '$.status' AS status,
    state ->> '$.status_c' AS status_c,
    state ->> '$.description' AS description,
    state ->> '$.params_json' AS params_json,
    state ->> '$.created_at' AS created_at
FROM stored_events AS event INDEXED BY cash_flow_events
WHERE topic IN ('cash-flow-booked.v1', 'cash-flow-corrected.v1', 'cash-flow-voided.v1')
    AND topic <> 'cash-flow-voided.v1'
    AND NOT EXISTS (
        SELECT 1 FROM stored_events AS later
        WHERE later.originator_id = event.originator_id
            AND later.originator_version > event.originator_version
            AND later.topic IN ('cash-flow-booked.v1', 'cash-flow-corrected.v1', 'cash-flow-voided.v1')
    );

CREATE VIEW cash_flows AS
SELECT
    id, transaction_id, type_doc_id, transaction_type, date,
    CAST(amount AS REAL) AS amount,
    currency,
    CAST(amount_eur AS REAL) AS amount_eur,
    status, status_c, description, params_json, created_at
FROM cash_flows_exact;

-- A row read from the old place, marked `copy`, counts only when its stream has no event without that mark.
CREATE VIEW dividend_history_exact AS
SELECT
    coalesce(state ->> '$.id', rowid) AS id,
    state ->> '$.symbol' AS symbol,
    state ->> '$.isin' AS isin,
    state ->> '$.cash_flow_id' AS cash_flow_id,
    state ->> '$.amount' AS amount,
    state ->> '$.currency' AS currency,
    state ->> '$.amount_eur' AS amount_eur,
    coalesce(state ->> '$.occurred_at', recorded_at) AS payment_date,
    state ->> '$.reinvested' AS reinvested,
    state ->> '$.reinvested_at' AS reinvested_at,
    state ->> '$.reinvested_quantity' AS reinvested_quantity,
    state ->> '$.pending_bonus' AS pending_bonus,
    state ->> '$.bonus_cleared' AS bonus_cleared,
    state ->> '$.cleared_at' AS cleared_at,
    state ->> '$.created_at' AS created_at
FROM stored_events AS event INDEXED BY dividend_events
WHERE topic IN ('dividend-paid.v1', 'dividend-corrected.v1', 'dividend-voided.v1')
    AND topic <> 'dividend-voided.v1'
    AND NOT EXISTS (
        SELECT 1 FROM stored_events AS other
        WHERE other.originator_id = event.originator_id
            AND other.topic IN ('dividend-paid.v1', 'dividend-corrected.v1', 'dividend-voided.v1')
            AND (other.state ->> '$.copy' IS NULL, other.originator_version)
                > (event.state ->> '$.copy' IS NULL, event.originator_version)
    );

CREATE VIEW dividend_history AS
SELECT
    id, symbol, isin, cash_flow_id,
    CAST(amount AS REAL) AS amount,
    currency,
    CAST(amount_eur AS REAL) AS amount_eur,
    payment_date, reinvested, reinvested_at,
    CAST(reinvested_quantity AS NUMERIC) AS reinvested_quantity,
    CAST(pending_bonus AS REAL) AS pending_bonus,
    bonus_cleared, cleared_at, created_at
FROM dividend_history_exact;

-- Nothing ever wrote the running totals of reinvestment before, so they are added up where they were not recorded.
CREATE VIEW drip_tracking_exact AS
WITH recorded AS (
    SELECT state, coalesce(state ->> '$.occurred_at', recorded_at) AS updated_at
    FROM stored_events AS event INDEXED BY reinvestment_events
    WHERE topic = 'reinvestment-tracked.v1'
        AND NOT EXISTS (
            SELECT 1 FROM stored_events AS later
            WHERE later.originator_id = event.originator_id
                AND later.originator_version > event.originator_version
                AND later.topic = 'reinvestment-tracked.v1'
        )
)
SELECT
    state ->> '$.symbol' AS symbol,
    state ->> '$.drip_enabled' AS drip_enabled,
    state ->> '$.total_dividends_received' AS total_dividends_received,
    state ->> '$.total_shares_reinvested' AS total_shares_reinvested,
    state ->> '$.last_dividend_date' AS last_dividend_date,
    updated_at
FROM recorded
UNION ALL
SELECT symbol, max(reinvested), sum(amount), sum(reinvested_quantity), max(payment_date), max(payment_date)
FROM dividend_history
WHERE symbol NOT IN (SELECT state ->> '$.symbol' FROM recorded)
GROUP BY symbol;

CREATE VIEW drip_tracking AS
SELECT
    symbol, drip_enabled,
    CAST(total_dividends_received AS REAL) AS total_dividends_received,
    CAST(total_shares_reinvested AS REAL) AS total_shares_reinvested,
    last_dividend_date, updated_at
FROM drip_tracking_exact;
