-- What the SQLite reading image of another database cannot say in tables of its own: the statements that made the original,
-- the types of its columns (named `table.column` as SQL writes it), and what it held that is not a table.
CREATE TABLE daybook_image (kind TEXT NOT NULL, name TEXT NOT NULL, said TEXT NOT NULL) STRICT;
