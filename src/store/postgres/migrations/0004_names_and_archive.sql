-- Tables get the names of what they hold. Their rows stay as they are.
ALTER TABLE word RENAME TO signal;
ALTER TABLE parcel RENAME TO delivery;
ALTER TABLE turn RENAME TO once_lock;
ALTER TABLE seen RENAME TO dedupe_key;
ALTER TABLE bookmark RENAME TO cursor;

-- What was done and is done once, until the same thing cannot come up again.
CREATE TABLE done_key (
    key        text        NOT NULL PRIMARY KEY,
    at         timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX done_key_by_expiry ON done_key (expires_at);

-- It stood among the cursors. Each kind keeps the time to live that it has from now on.
INSERT INTO done_key (key, at, expires_at)
SELECT name, at, at + CASE
        WHEN name LIKE 'watched c%' THEN interval '30 days'
        WHEN name LIKE 'comment %' OR name LIKE 'reply %' THEN interval '400 days'
        ELSE interval '90 days'
    END
FROM cursor
WHERE name LIKE 'watched c%' OR name LIKE 'reminded c%' OR name LIKE 'comment %' OR name LIKE 'reply %'
    OR name LIKE 'refused %';
DELETE FROM cursor WHERE name IN (SELECT key FROM done_key);

CREATE INDEX once_lock_by_age ON once_lock (at);

-- What is left of a case whose records were exported and removed.
CREATE TABLE archived_case (
    case_id     text        NOT NULL PRIMARY KEY,
    ticket      text        NOT NULL,
    opened_at   timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    outcome     text,
    head        text        NOT NULL,
    records     bigint      NOT NULL CHECK (records > 0),
    archive     text        NOT NULL,
    archived_at timestamptz NOT NULL
);

-- A stub says what the records say, while they are still there.
CREATE FUNCTION archived_case_matches() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM cases WHERE id = NEW.case_id AND ended AND head = NEW.head)
        OR NEW.records <> (SELECT count(*) FROM event WHERE case_id = NEW.case_id)
        OR NEW.head IS DISTINCT FROM
            (SELECT hash FROM event WHERE case_id = NEW.case_id ORDER BY seq DESC LIMIT 1)
    THEN
        RAISE 'a stub stands for all records of a case that has ended'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;

CREATE FUNCTION archived_case_immutable() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE 'a stub is never changed and never deleted';
END
$$;

CREATE TRIGGER archived_case_matches BEFORE INSERT ON archived_case
    FOR EACH ROW EXECUTE FUNCTION archived_case_matches();
CREATE TRIGGER archived_case_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON archived_case
    EXECUTE FUNCTION archived_case_immutable();
ALTER TABLE archived_case ENABLE ALWAYS TRIGGER archived_case_matches,
    ENABLE ALWAYS TRIGGER archived_case_immutable;

DROP TRIGGER event_follows ON event;
DROP TRIGGER event_stays ON event;
DROP FUNCTION follows();
DROP FUNCTION stays();

CREATE FUNCTION event_in_sequence() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.seq <> (SELECT coalesce(max(seq) + 1, 0) FROM event WHERE case_id = NEW.case_id)
        OR EXISTS (SELECT FROM archived_case WHERE case_id = NEW.case_id)
    THEN
        RAISE 'a record follows the last one of its case' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;

CREATE FUNCTION event_immutable() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE 'a record is never changed and never deleted';
END
$$;

-- The records of a case go when its stub stands for them, and not otherwise.
CREATE FUNCTION event_immutable_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM archived_case WHERE case_id = OLD.case_id) THEN
        RAISE 'a record is never changed and never deleted';
    END IF;
    RETURN OLD;
END
$$;

CREATE TRIGGER event_in_sequence BEFORE INSERT ON event FOR EACH ROW EXECUTE FUNCTION event_in_sequence();
CREATE TRIGGER event_immutable BEFORE UPDATE OR TRUNCATE ON event EXECUTE FUNCTION event_immutable();
CREATE TRIGGER event_immutable_delete BEFORE DELETE ON event
    FOR EACH ROW EXECUTE FUNCTION event_immutable_delete();
-- Also for a session that calls itself a replica.
ALTER TABLE event ENABLE ALWAYS TRIGGER event_in_sequence, ENABLE ALWAYS TRIGGER event_immutable,
    ENABLE ALWAYS TRIGGER event_immutable_delete;
