-- Where the ticks of a day file are gathered, repeated and voided ones included, before the ones that count are chosen.

CREATE TEMP TABLE staged_ticks (
    symbol VARCHAR,
    timestamp TIMESTAMP,
    sequence BIGINT,
    price DOUBLE,
    volume BIGINT,
    bid DOUBLE,
    ask DOUBLE,
    is_copy BOOLEAN,
    is_void BOOLEAN,
    position BIGINT,
    place INTEGER
);
