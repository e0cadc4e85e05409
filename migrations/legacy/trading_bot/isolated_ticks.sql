-- market_data/<exchange>/ticks/<day>.duckdb and live_buffer/ticks_today.duckdb (legacy facts 2.1).
CREATE TABLE ticks (
    symbol VARCHAR NOT NULL,
    timestamp TIMESTAMP NOT NULL,
    price DOUBLE NOT NULL,
    volume BIGINT NOT NULL,
    bid DOUBLE,
    ask DOUBLE,
    PRIMARY KEY (symbol, timestamp)
);
