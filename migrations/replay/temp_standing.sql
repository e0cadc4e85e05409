-- What stands of the legacy rows and of what was entered here, while the legacy files are written again.
CREATE TEMP TABLE standing_rows (
    file TEXT NOT NULL, tab TEXT NOT NULL, stream TEXT NOT NULL, position INTEGER NOT NULL, twin INTEGER NOT NULL,
    PRIMARY KEY (file, tab, stream)
) WITHOUT ROWID;
CREATE INDEX temp.standing_rows_by_stream ON standing_rows (stream);
CREATE INDEX temp.standing_rows_in_order ON standing_rows (file, tab, twin, position);
-- own: whether the file is the proper home of the series, 0 for a copy.
CREATE TEMP TABLE standing_blocks (
    file TEXT NOT NULL, tab TEXT NOT NULL, position INTEGER NOT NULL, stream TEXT NOT NULL, own INTEGER NOT NULL,
    PRIMARY KEY (file, tab, position)
) WITHOUT ROWID;
CREATE INDEX temp.standing_blocks_by_stream ON standing_blocks (stream, own);
-- place: 0 for a fact, the position for a block of prices, of which a stream can have many.
CREATE TEMP TABLE entered (
    stream TEXT NOT NULL, place INTEGER NOT NULL, position INTEGER NOT NULL, PRIMARY KEY (stream, place)
) WITHOUT ROWID;
