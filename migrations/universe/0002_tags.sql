-- Marks for securities, which only the eight-database layout had.
CREATE TABLE tags (
    id ANY NOT NULL PRIMARY KEY,
    name TEXT,
    created_at TEXT,
    updated_at TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE security_tags (
    symbol TEXT NOT NULL,
    isin TEXT,
    tag_id ANY NOT NULL,
    created_at TEXT,
    updated_at TEXT,
    PRIMARY KEY (symbol, tag_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX idx_security_tags_tag ON security_tags (tag_id);
