-- Realised profit by symbol in INR, before and after fees: of the fills, and of the first monolith's round trips (no backtests).
-- System: trading-bot
SELECT symbol, 'fills' AS source, quantity AS held, round(realized_pnl, 2) AS profit, round(fees, 2) AS fees,
    round(realized_pnl - fees, 2) AS after_fees
FROM trading_bot_trading.positions
UNION ALL
SELECT instrument_key, 'round trips',
    coalesce(sum(CASE WHEN upper(direction) = 'SHORT' THEN -quantity ELSE quantity END) FILTER (WHERE exit_price IS NULL), 0),
    round(coalesce(sum(pnl), 0), 2), round(coalesce(sum(commission), 0), 2),
    round(coalesce(sum(pnl), 0) - coalesce(sum(commission), 0), 2)
FROM trading_bot_trading.round_trips WHERE run_id IS NULL GROUP BY instrument_key
ORDER BY symbol, source;
