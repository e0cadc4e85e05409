-- Legacy rows that no event describes, by the reason why they were kept as they are.
SELECT data ->> '$.file' AS file, data ->> '$.table' AS tab, data ->> '$.reason' AS reason, count(*) AS kept
FROM events WHERE type = 'legacy-row-kept' GROUP BY file, tab, reason ORDER BY kept DESC;
