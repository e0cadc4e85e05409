-- Positions that the bot wrote down and that its fills do not make, as it stands now.
-- System: trading-bot
SELECT symbol, occurred_at, derived_quantity, reported_quantity, difference, derived_avg_price, reported_avg_price, reason
FROM trading_bot_trading.reconciliations WHERE open ORDER BY symbol;
