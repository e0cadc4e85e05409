-- What people read: the events in plain columns.

CREATE VIEW events AS
SELECT
    rowid AS position,
    originator_id AS stream,
    originator_version AS version,
    substr(topic, 1, instr(topic || '.v', '.v') - 1) AS type,
    coalesce(state ->> '$.occurred_at', recorded_at) AS occurred_at,
    recorded_at,
    state AS data,
    source
FROM stored_events;
