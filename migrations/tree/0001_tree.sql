-- Hashes of complete subtrees of the Merkle tree over the log, kept so that a proof need not read all events. Disposable.
CREATE TABLE nodes (
    size INTEGER NOT NULL, start INTEGER NOT NULL, hash BLOB NOT NULL,
    PRIMARY KEY (size, start)
) STRICT, WITHOUT ROWID;

-- An event of the log that the nodes were computed from: when its hash is another one, so is the log.
CREATE TABLE mark (position INTEGER NOT NULL, hash BLOB NOT NULL) STRICT;
