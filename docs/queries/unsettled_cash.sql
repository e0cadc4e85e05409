-- Money that is not settled: the broker's status is not completed.
-- System: arduino-trader
SELECT transaction_id, date, transaction_type, amount, currency, status, status_c FROM cash_flows
WHERE status IS NOT 'completed' OR status_c IN (1, 2, 4, 5) ORDER BY date;
