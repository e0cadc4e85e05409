-- files.db beside the index of a partitioned read model: what its files hold and how they looked when they were written.
-- Nothing here comes from the log: lost, it is made again with the files.

CREATE TABLE files (
    path TEXT PRIMARY KEY,
    -- The code that derived the file, how many events it shows, the newest of them, and the log's hash there.
    version TEXT NOT NULL,
    events INTEGER NOT NULL,
    last_position INTEGER NOT NULL,
    last_hash BLOB NOT NULL,
    -- As of which moment it was cut; '' for none.
    as_of TEXT NOT NULL,
    rows INTEGER NOT NULL,
    digest TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    modified_ns INTEGER NOT NULL,
    sha256 TEXT NOT NULL
) STRICT, WITHOUT ROWID;
