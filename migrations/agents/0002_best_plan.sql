-- What only the later eight-database layout had.
ALTER TABLE best_result ADD COLUMN plan_data TEXT;
ALTER TABLE best_result ADD COLUMN created_at TEXT;
