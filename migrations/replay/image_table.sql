-- A table of a reading image. Its columns have no type, so that SQLite stores every value as it is given.
CREATE TABLE {name} ({columns});
