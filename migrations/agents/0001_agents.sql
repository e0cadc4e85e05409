-- The planner: its strategies, the sequences it proposed and how they were evaluated. Rows with long texts keep a rowid.
CREATE TABLE agent_configs (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    toml_config TEXT NOT NULL,
    bucket_id TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT
) STRICT;
CREATE INDEX idx_agent_configs_bucket ON agent_configs (bucket_id);

-- Legacy files hold histories of strategies that are gone, so agent_config_id is no foreign key.
CREATE TABLE config_history (
    id TEXT NOT NULL PRIMARY KEY,
    agent_config_id TEXT NOT NULL,
    name TEXT,
    toml_config TEXT,
    saved_at TEXT,
    performance_score REAL
) STRICT;
CREATE INDEX idx_config_history_agent ON config_history (agent_config_id);

CREATE TABLE sequences (
    sequence_hash TEXT NOT NULL,
    portfolio_hash TEXT NOT NULL,
    priority REAL NOT NULL,
    sequence_json TEXT NOT NULL,
    depth ANY NOT NULL,
    pattern_type TEXT,
    completed INTEGER,
    evaluated_at TEXT,
    created_at TEXT,
    PRIMARY KEY (sequence_hash, portfolio_hash)
) STRICT;
CREATE INDEX idx_sequences_portfolio ON sequences (portfolio_hash, priority);

CREATE TABLE evaluations (
    sequence_hash TEXT NOT NULL,
    portfolio_hash TEXT NOT NULL,
    end_score REAL NOT NULL,
    breakdown_json TEXT NOT NULL,
    end_cash REAL NOT NULL,
    end_context_positions_json TEXT NOT NULL,
    div_score REAL NOT NULL,
    total_value REAL NOT NULL,
    evaluated_at TEXT,
    PRIMARY KEY (sequence_hash, portfolio_hash)
) STRICT;

CREATE TABLE best_result (
    portfolio_hash TEXT NOT NULL PRIMARY KEY,
    best_sequence_hash TEXT NOT NULL,
    best_score REAL NOT NULL,
    updated_at TEXT
) STRICT, WITHOUT ROWID;
