-- When somebody has to look at a case again: now, where it is not parked.
ALTER TABLE cases ADD COLUMN wake_at timestamptz;
-- What ends that before its time: the end of another case's run, the end of a pause, a further signal.
ALTER TABLE cases ADD COLUMN wakes_with_run_of text;
ALTER TABLE cases ADD COLUMN wakes_with_pause boolean NOT NULL DEFAULT false;
ALTER TABLE cases ADD COLUMN signals_known bigint NOT NULL DEFAULT 0;
-- The system that the ticket is about.
ALTER TABLE cases ADD COLUMN system text;

CREATE INDEX cases_to_wake ON cases (wake_at) WHERE NOT ended;

-- Which remediations ran where, one row for each host: an index of the records.
CREATE TABLE run (
    host       text        NOT NULL,
    started_at timestamptz NOT NULL,
    case_id    text        NOT NULL,
    seq        bigint      NOT NULL,
    system     text,
    playbook   text        NOT NULL,
    ended_at   timestamptz,
    fixed      boolean,
    PRIMARY KEY (host, started_at, case_id, seq)
);

CREATE INDEX run_of_case ON run (case_id, seq);
CREATE INDEX run_on_system ON run (system, started_at);

-- Which host was asked for a change, and when: an index of the records.
CREATE TABLE host_change (
    host    text        NOT NULL,
    at      timestamptz NOT NULL,
    case_id text        NOT NULL,
    seq     bigint      NOT NULL,
    PRIMARY KEY (host, at, case_id, seq)
);
