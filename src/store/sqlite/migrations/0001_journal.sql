-- The journal and what is kept beside it. A file of this folder is never edited once it was released;
-- a later one changes what it left, and ends with its own number.

PRAGMA application_id = 1179209042; -- "FIMR": this file is a journal of Fieldmedic

-- The truth. `kind` is read out of the body, so it cannot say something else than the body does.
CREATE TABLE event (
    case_id   TEXT    NOT NULL,
    seq       INTEGER NOT NULL CHECK (seq >= 0),
    at        TEXT    NOT NULL,
    kind      TEXT    NOT NULL GENERATED ALWAYS AS (json_extract(body, '$.event')) VIRTUAL,
    version   INTEGER NOT NULL,
    body      TEXT    NOT NULL,
    prev_hash TEXT    NOT NULL,
    hash      TEXT    NOT NULL,
    PRIMARY KEY (case_id, seq)
) STRICT;

-- Also refuses INSERT OR REPLACE, which would delete without asking the trigger for deletions.
CREATE TRIGGER event_follows BEFORE INSERT ON event
WHEN NEW.seq <> (SELECT coalesce(max(seq) + 1, 0) FROM event WHERE case_id = NEW.case_id)
BEGIN
    SELECT raise(ABORT, 'a record follows the last one of its case');
END;

CREATE TRIGGER event_stays BEFORE UPDATE ON event
BEGIN
    SELECT raise(ABORT, 'a record is never changed');
END;

CREATE TRIGGER event_is_kept BEFORE DELETE ON event
BEGIN
    SELECT raise(ABORT, 'a record is never deleted');
END;

-- A cache of what the events say; `head` is the hash of the last record.
-- GitHub does not tell upper from lower case in names.
CREATE TABLE cases (
    id         TEXT    NOT NULL PRIMARY KEY,
    ticket     TEXT    NOT NULL COLLATE NOCASE,
    opened_at  TEXT    NOT NULL,
    updated_at TEXT    NOT NULL,
    outcome    TEXT,
    ended      INTEGER NOT NULL CHECK (ended IN (0, 1)),
    head       TEXT    NOT NULL
) STRICT;

CREATE UNIQUE INDEX one_running_case_for_a_ticket ON cases (ticket) WHERE ended = 0;
CREATE INDEX cases_by_age ON cases (opened_at, id);

-- What was taken in, so that it never opens a second case.
CREATE TABLE seen (
    key     TEXT NOT NULL PRIMARY KEY,
    case_id TEXT NOT NULL,
    at      TEXT NOT NULL
) STRICT;

CREATE TABLE claim (
    case_id TEXT NOT NULL PRIMARY KEY,
    worker  TEXT NOT NULL,
    until   TEXT NOT NULL
) STRICT;

CREATE TABLE lease (
    host    TEXT NOT NULL PRIMARY KEY,
    case_id TEXT NOT NULL,
    until   TEXT NOT NULL
) STRICT;

CREATE TABLE library (
    hash TEXT NOT NULL,
    path TEXT NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (hash, path)
) STRICT;

CREATE TABLE bookmark (
    name TEXT NOT NULL PRIMARY KEY,
    at   TEXT NOT NULL
) STRICT;

PRAGMA user_version = 1;
