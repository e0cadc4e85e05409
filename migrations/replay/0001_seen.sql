-- What replay has already recorded, derived from the log's provenance; may be deleted at any time.
CREATE TABLE progress (position INTEGER NOT NULL, hash BLOB NOT NULL) STRICT;
INSERT INTO progress VALUES (0, x'');
CREATE TABLE origins (id INTEGER PRIMARY KEY, system TEXT NOT NULL, file TEXT NOT NULL, tab TEXT NOT NULL, UNIQUE (system, file, tab)) STRICT;
-- One row per legacy row that is in the log: its stream, the newest event about it, and a digest of its verbatim form.
CREATE TABLE seen (
    origin INTEGER NOT NULL, stream TEXT NOT NULL, position INTEGER NOT NULL, kept INTEGER NOT NULL, digest BLOB NOT NULL,
    PRIMARY KEY (origin, stream)
) STRICT, WITHOUT ROWID;
-- One row per block of a series: which keys it holds.
CREATE TABLE blocks (
    origin INTEGER NOT NULL, first TEXT NOT NULL, position INTEGER NOT NULL, last TEXT NOT NULL, stream TEXT NOT NULL, rows INTEGER NOT NULL,
    PRIMARY KEY (origin, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX blocks_by_key ON blocks (origin, first, last);
