-- The events of a run on their way into its file.
CREATE TABLE staged (position BIGINT NOT NULL, topic TEXT NOT NULL, state JSON NOT NULL);
