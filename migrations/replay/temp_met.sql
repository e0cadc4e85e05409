-- The rows met in the present run, kept only while it lasts.
CREATE TEMP TABLE met (origin INTEGER NOT NULL, stream TEXT NOT NULL, PRIMARY KEY (origin, stream)) WITHOUT ROWID;
