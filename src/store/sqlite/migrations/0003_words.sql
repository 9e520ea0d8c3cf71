-- Words that people leave for a case, in the order in which they were left.
CREATE TABLE word (
    case_id TEXT    NOT NULL,
    number  INTEGER NOT NULL CHECK (number >= 0),
    key     TEXT    NOT NULL,
    body    TEXT    NOT NULL,
    PRIMARY KEY (case_id, number),
    UNIQUE (case_id, key)
) STRICT;

-- When somebody last did what only one may do.
CREATE TABLE turn (
    name TEXT NOT NULL PRIMARY KEY,
    at   TEXT NOT NULL
) STRICT;

-- What happened lately, across all cases.
CREATE INDEX event_by_kind ON event (kind, at, case_id, seq);

PRAGMA user_version = 3;
