-- A column that no version of the legacy system knows; somebody added it by hand.

ALTER TABLE securities ADD COLUMN own_note TEXT;
