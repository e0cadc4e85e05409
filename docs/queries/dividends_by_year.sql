-- Dividends by year and currency.
-- System: arduino-trader
SELECT substr(payment_date, 1, 4) AS year, currency, count(*) AS payments, round(sum(amount), 2) AS amount, round(sum(amount_eur), 2) AS amount_eur
FROM dividend_history GROUP BY year, currency ORDER BY year, currency;
