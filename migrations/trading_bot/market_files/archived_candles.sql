-- An archived day file of candles, seen as one that is not; {name} is the name by which DuckDB knows it.
CREATE VIEW {name}.candles AS
SELECT symbol, timeframe, timestamp, open, high, low, close, volume, is_synthetic, open_interest FROM read_parquet({path});
