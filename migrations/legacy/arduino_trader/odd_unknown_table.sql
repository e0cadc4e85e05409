-- A table that no version of the legacy system knows; somebody added it by hand.

CREATE TABLE price_alerts (
    id INTEGER PRIMARY KEY,
    symbol TEXT,
    threshold REAL,
    note BLOB
);
