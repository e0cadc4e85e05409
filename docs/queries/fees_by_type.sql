-- Fees by the broker's type of document and currency. Amounts are never negative: the type says that money went out.
-- System: arduino-trader
SELECT type_doc_id, transaction_type, currency, count(*) AS flows, round(sum(amount), 2) AS amount
FROM cash_flows WHERE transaction_type LIKE '%\_fee' ESCAPE '\' GROUP BY type_doc_id, transaction_type, currency ORDER BY amount DESC;
