-- The classic tables with the columns that only the eight-database layout had, after all others.

DROP VIEW cash_flows;
DROP VIEW cash_flows_exact;
DROP VIEW dividend_history;
DROP VIEW dividend_history_exact;

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
    state ->> '$.created_at' AS created_at,
    state ->> '$.bucket_id' AS bucket_id
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
    status, status_c, description, params_json, created_at, bucket_id
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
    state ->> '$.created_at' AS created_at,
    state ->> '$.ex_date' AS ex_date,
    state ->> '$.amount_per_share' AS amount_per_share,
    state ->> '$.shares_held' AS shares_held,
    state ->> '$.drip_enabled' AS drip_enabled,
    state ->> '$.bucket_id' AS bucket_id
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
    bonus_cleared, cleared_at, created_at, ex_date,
    CAST(amount_per_share AS REAL) AS amount_per_share,
    CAST(shares_held AS REAL) AS shares_held,
    drip_enabled, bucket_id
FROM dividend_history_exact;
