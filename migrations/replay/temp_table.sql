-- A table of one connection to DuckDB, in which replay puts rows together; gone with the connection.
CREATE OR REPLACE TEMP TABLE {name} AS {query};
