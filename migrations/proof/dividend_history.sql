-- The view `dividend_history` of ledger.db, loaded to be compared with the sources.
CREATE TABLE dividend_history (
    id, symbol, isin, cash_flow_id, amount, currency, amount_eur, payment_date, reinvested, reinvested_at, reinvested_quantity,
    pending_bonus, bonus_cleared, cleared_at, created_at, ex_date, amount_per_share, shares_held, drip_enabled, bucket_id
);
CREATE INDEX dividend_history_by_key ON dividend_history (id, symbol);
