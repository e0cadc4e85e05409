-- Backtests, the newest first: what their index says, beside what their own trades add up to (profit before fees, in INR).
-- System: trading-bot
SELECT runs.run_id, runs.strategy_id, runs.symbol, runs.status, runs.total_trades, count(trades.trade_id) AS trades,
    runs.total_pnl, round(sum(trades.pnl), 2) AS profit, runs.win_rate AS win_rate_pct,
    round(100.0 * sum(trades.pnl > 0) / nullif(count(trades.pnl), 0), 2) AS won_pct, runs.created_at
FROM trading_bot_backtest.backtest_runs AS runs LEFT JOIN trading_bot_backtest.backtest_trades AS trades ON trades.run_id = runs.run_id
GROUP BY runs.run_id ORDER BY runs.created_at DESC, runs.run_id;
