-- What an archived day file says of itself, seen as the table of one that is not.
CREATE VIEW {name}.schema_version AS
SELECT about['version'] AS version, about['exchange'] AS exchange, about['kind'] AS kind, about['timeframe'] AS timeframe,
    about['session'] AS session
FROM (SELECT map_from_entries(list((decode(key), decode(value)))) AS about FROM parquet_kv_metadata({path}));
