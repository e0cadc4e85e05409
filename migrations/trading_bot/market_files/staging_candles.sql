-- Where the bars of a day file are gathered, repeated and voided ones included, before the ones that count are chosen.

CREATE TEMP TABLE staged_candles (
    symbol VARCHAR,
    timestamp TIMESTAMP,
    open DOUBLE,
    high DOUBLE,
    low DOUBLE,
    close DOUBLE,
    volume BIGINT,
    is_synthetic BOOLEAN,
    open_interest BIGINT,
    is_copy BOOLEAN,
    is_void BOOLEAN,
    position BIGINT,
    place INTEGER
);
