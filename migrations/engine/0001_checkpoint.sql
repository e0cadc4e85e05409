-- In every read model: up to which event it was derived, written in the transaction that writes the rows.

CREATE TABLE checkpoint (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    projector TEXT NOT NULL,
    projector_version INTEGER NOT NULL,
    schema_digest TEXT NOT NULL,
    position INTEGER NOT NULL CHECK (position >= 0),
    -- The log's hash at that position: a read model of another ledger, or of one that was restored, is recognised by it.
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    -- How many events the projector saw, and the sum of their hashes.
    events INTEGER NOT NULL CHECK (events >= 0),
    digest BLOB NOT NULL CHECK (length(digest) = 32),
    -- Set when the model shows only what had happened by then; such a model is never caught up.
    as_of TEXT
) STRICT;
