-- The bars of generation B as the legacy migration expected them (legacy facts 1.1).
CREATE TABLE candles (
    instrument_key VARCHAR,
    timestamp TIMESTAMP,
    open DOUBLE,
    high DOUBLE,
    low DOUBLE,
    close DOUBLE,
    volume DOUBLE,
    is_synthetic BOOLEAN
);
