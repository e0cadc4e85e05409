-- A day file of ticks. timestamp: by the exchange's clocks; sequence: the number of the tick among those of its symbol.

CREATE TABLE ticks (
    symbol VARCHAR NOT NULL,
    timestamp TIMESTAMP NOT NULL,
    sequence BIGINT NOT NULL,
    price DOUBLE,
    volume BIGINT,
    bid DOUBLE,
    ask DOUBLE
);
