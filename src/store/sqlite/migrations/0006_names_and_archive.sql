-- Tables get the names of what they hold. Their rows stay as they are.
ALTER TABLE word RENAME TO signal;
ALTER TABLE parcel RENAME TO delivery;
ALTER TABLE turn RENAME TO once_lock;
ALTER TABLE seen RENAME TO dedupe_key;
ALTER TABLE bookmark RENAME TO cursor;

-- What was done and is done once, until the same thing cannot come up again.
CREATE TABLE done_key (
    key        TEXT NOT NULL PRIMARY KEY,
    at         TEXT NOT NULL,
    expires_at TEXT NOT NULL
) STRICT;
CREATE INDEX done_key_by_expiry ON done_key (expires_at);

-- It stood among the cursors. Each kind keeps the time to live that it has from now on.
INSERT INTO done_key (key, at, expires_at)
SELECT name, at, strftime('%Y-%m-%dT%H:%M:%f000Z', at, CASE
        WHEN name LIKE 'watched c%' THEN '+30 days'
        WHEN name LIKE 'comment %' OR name LIKE 'reply %' THEN '+400 days'
        ELSE '+90 days'
    END)
FROM cursor
WHERE name LIKE 'watched c%' OR name LIKE 'reminded c%' OR name LIKE 'comment %' OR name LIKE 'reply %'
    OR name LIKE 'refused %';
DELETE FROM cursor WHERE name IN (SELECT key FROM done_key);

CREATE INDEX once_lock_by_age ON once_lock (at);

-- What is left of a case whose records were exported and removed.
CREATE TABLE archived_case (
    case_id     TEXT    NOT NULL PRIMARY KEY,
    ticket      TEXT    NOT NULL COLLATE NOCASE,
    opened_at   TEXT    NOT NULL,
    updated_at  TEXT    NOT NULL,
    outcome     TEXT,
    head        TEXT    NOT NULL,
    records     INTEGER NOT NULL CHECK (records > 0),
    archive     TEXT    NOT NULL,
    archived_at TEXT    NOT NULL
) STRICT;

-- A stub says what the records say, while they are still there.
CREATE TRIGGER archived_case_matches BEFORE INSERT ON archived_case
WHEN NOT EXISTS (SELECT 1 FROM cases WHERE id = NEW.case_id AND ended = 1 AND head = NEW.head)
    OR NEW.records <> (SELECT count(*) FROM event WHERE case_id = NEW.case_id)
    OR NEW.head IS NOT (SELECT hash FROM event WHERE case_id = NEW.case_id ORDER BY seq DESC LIMIT 1)
BEGIN
    SELECT raise(ABORT, 'a stub stands for all records of a case that has ended');
END;

CREATE TRIGGER archived_case_immutable BEFORE UPDATE ON archived_case
BEGIN
    SELECT raise(ABORT, 'a stub is never changed');
END;

CREATE TRIGGER archived_case_immutable_delete BEFORE DELETE ON archived_case
BEGIN
    SELECT raise(ABORT, 'a stub is never deleted');
END;

DROP TRIGGER event_follows;
DROP TRIGGER event_stays;
DROP TRIGGER event_is_kept;

-- Also refuses INSERT OR REPLACE, which would delete without asking the trigger for deletions.
CREATE TRIGGER event_in_sequence BEFORE INSERT ON event
WHEN NEW.seq <> (SELECT coalesce(max(seq) + 1, 0) FROM event WHERE case_id = NEW.case_id)
    OR EXISTS (SELECT 1 FROM archived_case WHERE case_id = NEW.case_id)
BEGIN
    SELECT raise(ABORT, 'a record follows the last one of its case');
END;

CREATE TRIGGER event_immutable BEFORE UPDATE ON event
BEGIN
    SELECT raise(ABORT, 'a record is never changed');
END;

-- The records of a case go when its stub stands for them, and not otherwise.
CREATE TRIGGER event_immutable_delete BEFORE DELETE ON event
WHEN NOT EXISTS (SELECT 1 FROM archived_case WHERE case_id = OLD.case_id)
BEGIN
    SELECT raise(ABORT, 'a record is never deleted');
END;

PRAGMA user_version = 6;
