-- A day file of candles. timestamp: the beginning of the bar by the exchange's clocks.

CREATE TABLE candles (
    symbol VARCHAR NOT NULL,
    timeframe VARCHAR NOT NULL,
    timestamp TIMESTAMP NOT NULL,
    open DOUBLE,
    high DOUBLE,
    low DOUBLE,
    close DOUBLE,
    volume BIGINT,
    is_synthetic BOOLEAN,
    open_interest BIGINT
);
