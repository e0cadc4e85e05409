-- Turnover by month, in EUR, of trades whose value in EUR is known.
-- System: arduino-trader
SELECT substr(executed_at, 1, 7) AS month, side, count(*) AS trades, round(sum(value_eur), 2) AS value_eur
FROM trades WHERE value_eur IS NOT NULL GROUP BY month, side ORDER BY month, side;
