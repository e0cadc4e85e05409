-- Realised gains in EUR by year and security, first in first out and average cost side by side; unknown: sales not in it.
-- System: arduino-trader
SELECT coalesce(substr(closed_at, 1, 4), 'unknown') AS year, symbol,
    round(sum(gain_eur) FILTER (WHERE method = 'fifo'), 2) AS fifo_eur,
    round(sum(gain_eur) FILTER (WHERE method = 'average'), 2) AS average_eur,
    round(sum(fees_eur) FILTER (WHERE method = 'average'), 2) AS fees_eur,
    count(*) FILTER (WHERE method = 'average' AND gain_eur IS NULL) AS unknown,
    group_concat(DISTINCT reason) AS reasons
FROM portfolio.realized_gains GROUP BY year, symbol ORDER BY year, symbol;
