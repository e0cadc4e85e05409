-- The trades and splits of the symbols that are being traded, while entries are judged; a temporary database that SQLite may
-- put on disk. The index is made when somebody first asks, which most never do.
CREATE TEMP TABLE moves (
    symbol TEXT NOT NULL, at TEXT NOT NULL, position INTEGER NOT NULL, stream TEXT NOT NULL, kind TEXT NOT NULL,
    quantity TEXT NOT NULL, per TEXT NOT NULL, short INTEGER NOT NULL
);
