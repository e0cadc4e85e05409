-- Hashes of complete subtrees of the Merkle tree over the log, kept so that a proof need not read all events. Disposable.
-- checksum: over the other three columns, so that what a fault of the disk left of a row is not signed.
-- A file of an older version, without checksums, is begun anew.
DROP TABLE IF EXISTS nodes;
DROP TABLE IF EXISTS mark;

CREATE TABLE nodes (
    size INTEGER NOT NULL, start INTEGER NOT NULL, hash BLOB NOT NULL, checksum BLOB NOT NULL,
    PRIMARY KEY (size, start)
) STRICT, WITHOUT ROWID;

-- An event of the log that the nodes were computed from: when its hash is another one, so is the log.
CREATE TABLE mark (position INTEGER NOT NULL, hash BLOB NOT NULL) STRICT;
