-- Fills by strategy (that of the signal where the fill names none) and symbol: how many, turnover and fees in INR; those that count.
-- System: trading-bot
SELECT coalesce(trades.strategy_id, signals.strategy_id, 'unknown') AS strategy, trades.symbol, count(*) AS fills,
    sum(trades.side = 'BUY') AS buys, sum(trades.side = 'SELL') AS sells,
    round(sum(trades.quantity * trades.entry_price), 2) AS turnover, round(sum(trades.fees), 2) AS fees,
    substr(min(trades.timestamp), 1, 10) AS first, substr(max(trades.timestamp), 1, 10) AS last
FROM trading_bot_trading.trades AS trades
LEFT JOIN (
    SELECT signal_id, max(strategy_id) AS strategy_id FROM trading_bot_signals.signals WHERE signal_id IS NOT NULL GROUP BY signal_id
) AS signals ON signals.signal_id = trades.signal_id
WHERE trades.status IS NULL OR upper(trim(trades.status)) NOT IN ('PENDING', 'REJECTED', 'CANCELLED')
GROUP BY strategy, trades.symbol ORDER BY strategy, trades.symbol;
