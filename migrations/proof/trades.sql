-- The view `trades` of ledger.db, loaded to be compared with the sources.
CREATE TABLE trades (
    id, symbol, isin, side, quantity, price, executed_at, order_id, currency, currency_rate, value_eur, source, bucket_id, mode,
    created_at
);
CREATE INDEX trades_by_key ON trades (order_id, id);
