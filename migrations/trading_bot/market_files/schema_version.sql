-- In every day file: by which version of the tables it was made, and from what.

CREATE TABLE schema_version (
    version VARCHAR NOT NULL,
    exchange VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    timeframe VARCHAR NOT NULL,
    session DATE NOT NULL,
    zone VARCHAR NOT NULL,
    events BIGINT NOT NULL,
    last_position BIGINT NOT NULL
);
