-- Trades without a value in EUR: no rate of that day is known, and none was made up.
-- System: arduino-trader
SELECT order_id, symbol, executed_at, currency, quantity, price FROM trades WHERE value_eur IS NULL ORDER BY executed_at;
