-- Which fields had to be assumed, by type of event: the source did not say, a rule did.
SELECT events.type, assumed.value AS field, count(*) AS events FROM events, json_each(data, '$.assumed') AS assumed
GROUP BY events.type, field ORDER BY count(*) DESC, events.type, field;
