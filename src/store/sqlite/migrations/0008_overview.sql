-- What people see of a case in a list, and what they look for.
ALTER TABLE cases ADD COLUMN title TEXT;
ALTER TABLE cases ADD COLUMN outcome_word TEXT NOT NULL DEFAULT 'working';
ALTER TABLE cases ADD COLUMN search_text TEXT NOT NULL DEFAULT '';

CREATE INDEX cases_running ON cases (opened_at, id) WHERE ended = 0;

-- What the newest sweep found on a system: one row for each.
CREATE TABLE system_sweep (
    system TEXT NOT NULL PRIMARY KEY,
    body   TEXT NOT NULL
) STRICT;

PRAGMA user_version = 8;
