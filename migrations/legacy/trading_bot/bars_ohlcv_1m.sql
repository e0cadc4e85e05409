-- The bars of generation B as its own programs wrote them (legacy facts 1.2).
CREATE TABLE ohlcv_1m (
    instrument_key VARCHAR,
    timestamp TIMESTAMP,
    open DOUBLE,
    high DOUBLE,
    low DOUBLE,
    close DOUBLE,
    volume BIGINT,
    PRIMARY KEY (instrument_key, timestamp)
);
