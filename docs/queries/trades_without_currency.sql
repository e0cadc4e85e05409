-- Trades whose currency nobody knows: neither the trade nor the security says it.
-- System: arduino-trader
SELECT order_id, symbol, executed_at, side, quantity, price FROM trades WHERE currency IS NULL ORDER BY executed_at;
