-- When somebody has to look at a case again: now, where it is not parked.
ALTER TABLE cases ADD COLUMN wake_at TEXT;
-- What ends that before its time: the end of another case's run, the end of a pause, a further signal.
ALTER TABLE cases ADD COLUMN wakes_with_run_of TEXT;
ALTER TABLE cases ADD COLUMN wakes_with_pause INTEGER NOT NULL DEFAULT 0 CHECK (wakes_with_pause IN (0, 1));
ALTER TABLE cases ADD COLUMN signals_known INTEGER NOT NULL DEFAULT 0;
-- The system that the ticket is about.
ALTER TABLE cases ADD COLUMN system TEXT;

CREATE INDEX cases_to_wake ON cases (wake_at) WHERE ended = 0;

-- Which remediations ran where, one row for each host: an index of the records.
CREATE TABLE run (
    host       TEXT    NOT NULL,
    started_at TEXT    NOT NULL,
    case_id    TEXT    NOT NULL,
    seq        INTEGER NOT NULL,
    system     TEXT,
    playbook   TEXT    NOT NULL,
    ended_at   TEXT,
    fixed      INTEGER CHECK (fixed IN (0, 1)),
    PRIMARY KEY (host, started_at, case_id, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX run_of_case ON run (case_id, seq);
CREATE INDEX run_on_system ON run (system, started_at);

-- Which host was asked for a change, and when: an index of the records.
CREATE TABLE host_change (
    host    TEXT    NOT NULL,
    at      TEXT    NOT NULL,
    case_id TEXT    NOT NULL,
    seq     INTEGER NOT NULL,
    PRIMARY KEY (host, at, case_id, seq)
) STRICT, WITHOUT ROWID;

PRAGMA user_version = 7;
