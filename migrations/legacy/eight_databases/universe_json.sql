-- universe.db of the eight databases in its last state: a security is a JSON object.

CREATE TABLE securities (
    isin TEXT PRIMARY KEY,
    symbol TEXT NOT NULL,
    data TEXT NOT NULL,
    last_synced INTEGER
) STRICT;
