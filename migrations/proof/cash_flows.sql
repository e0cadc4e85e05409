-- The view `cash_flows` of ledger.db, loaded to be compared with the sources.
CREATE TABLE cash_flows (
    id, transaction_id, type_doc_id, transaction_type, date, amount, currency, amount_eur, status, status_c, description,
    params_json, created_at, bucket_id
);
CREATE INDEX cash_flows_by_key ON cash_flows (transaction_id);
