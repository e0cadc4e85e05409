-- Signals by strategy and type: how many the bot calls executed, rejected or pending, and how many have a fill.
-- System: trading-bot
SELECT strategy_id AS strategy, signal_type, count(*) AS signals, sum(status = 'EXECUTED') AS executed, sum(status = 'REJECTED') AS rejected,
    sum(status = 'PENDING') AS pending, sum(signal_id IN (
        SELECT signal_id FROM trading_bot_trading.trades
        WHERE signal_id IS NOT NULL AND (status IS NULL OR upper(trim(status)) NOT IN ('PENDING', 'REJECTED', 'CANCELLED'))
    )) AS filled, round(avg(confidence), 3) AS confidence
FROM trading_bot_signals.signals GROUP BY strategy, signal_type ORDER BY strategy, signal_type;
