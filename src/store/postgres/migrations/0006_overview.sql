-- What people see of a case in a list, and what they look for.
ALTER TABLE cases ADD COLUMN title text;
ALTER TABLE cases ADD COLUMN outcome_word text NOT NULL DEFAULT 'working';
ALTER TABLE cases ADD COLUMN search_text text NOT NULL DEFAULT '';

CREATE INDEX cases_running ON cases (opened_at, id COLLATE "C") WHERE NOT ended;

-- What the newest sweep found on a system: one row for each.
CREATE TABLE system_sweep (
    system text NOT NULL PRIMARY KEY,
    body   text NOT NULL
);
