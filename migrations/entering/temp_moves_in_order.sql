CREATE INDEX temp.moves_in_order ON moves (symbol, at, position);
