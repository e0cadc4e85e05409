-- An archived day file of ticks, seen as one that is not; {name} is the name by which DuckDB knows it.
CREATE VIEW {name}.ticks AS
SELECT symbol, timestamp, sequence, price, volume, bid, ask FROM read_parquet({path});
