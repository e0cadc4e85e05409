-- Bars of one minute by exchange, symbol and session: how many there are, how many are missing between the first and the last, and how
-- many of the 375 of a whole session of nse and bse (09:15 to 15:29; sessions cut short by the exchange are not known here).
-- System: trading-bot
WITH bars AS (
    SELECT position, data ->> '$.exchange' AS exchange, data ->> '$.symbol' AS symbol, data ->> '$.session' AS session,
        json_each.value / CASE data ->> '$.unit' WHEN 'us' THEN 60000000 WHEN 'ms' THEN 60000 ELSE 60 END AS minute, events.type
    FROM events, json_each(data, '$.time')
    WHERE events.type IN ('bars-recorded', 'bars-voided') AND data ->> '$.timeframe' = '1m'
), there AS (
    SELECT exchange, symbol, session, minute FROM bars GROUP BY exchange, symbol, session, minute
    HAVING max(position) FILTER (WHERE type = 'bars-recorded') > coalesce(max(position) FILTER (WHERE type = 'bars-voided'), 0)
)
SELECT exchange, symbol, session, count(*) AS bars, format('%02d:%02d', min(minute) / 60, min(minute) % 60) AS first,
    format('%02d:%02d', max(minute) / 60, max(minute) % 60) AS last, max(minute) - min(minute) + 1 - count(*) AS missing_between,
    CASE WHEN exchange IN ('nse', 'bse') THEN 375 - sum(minute BETWEEN 555 AND 929) END AS missing_of_session
FROM there GROUP BY exchange, symbol, session
HAVING missing_between > 0 OR missing_of_session > 0 ORDER BY exchange, symbol, session;
