-- The log: every entry once, in order, in ink.

CREATE TABLE stored_events (
    rowid INTEGER PRIMARY KEY,
    originator_id TEXT NOT NULL,
    originator_version INTEGER NOT NULL,
    topic TEXT NOT NULL,
    state TEXT NOT NULL,
    recorded_at TEXT NOT NULL,
    source TEXT,
    hash BLOB NOT NULL,
    UNIQUE (originator_id, originator_version)
) STRICT;

CREATE TRIGGER stored_events_refuse_update BEFORE UPDATE ON stored_events
BEGIN
    SELECT RAISE(ABORT, 'the ledger is append-only: an event is never changed; record a correction instead (see: cli record --help)');
END;

CREATE TRIGGER stored_events_refuse_delete BEFORE DELETE ON stored_events
BEGIN
    SELECT RAISE(ABORT, 'the ledger is append-only: an event is never deleted; record that it is void instead (see: cli record --help)');
END;

-- Both refusals stand before the insert, because INSERT OR REPLACE deletes the old row without firing the trigger above.
CREATE TRIGGER stored_events_refuse_insert BEFORE INSERT ON stored_events
BEGIN
    SELECT RAISE(ABORT, 'the ledger grows only at its end: rowid must be the last position + 1; let Daybook append (see: cli record --help)')
    WHERE new.rowid IS NOT (SELECT coalesce(max(rowid), 0) + 1 FROM stored_events);
    SELECT RAISE(ABORT, 'the ledger has this version of this stream already: read the stream again and append the version that comes next')
    WHERE EXISTS (
        SELECT 1 FROM stored_events
        WHERE originator_id = new.originator_id AND originator_version = new.originator_version
    );
END;
