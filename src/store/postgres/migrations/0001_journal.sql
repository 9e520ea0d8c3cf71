-- The journal and what is kept beside it, in a schema of its own. A file of this folder is never edited
-- once it was released; a later one changes what it left. The same tables as SQLite has.

-- The truth. `kind` is read out of the body, so it cannot say something else than the body does.
CREATE TABLE event (
    case_id   text        NOT NULL,
    seq       bigint      NOT NULL CHECK (seq >= 0),
    at        timestamptz NOT NULL,
    kind      text        NOT NULL
        GENERATED ALWAYS AS (substring(left(body, 80) FROM '^\{"event":"([a-z_]+)"')) STORED,
    version   integer     NOT NULL,
    body      text        NOT NULL,
    prev_hash text        NOT NULL,
    hash      text        NOT NULL,
    PRIMARY KEY (case_id, seq)
);

-- What happened lately, across all cases.
CREATE INDEX event_by_kind ON event (kind, at, case_id, seq);

CREATE FUNCTION follows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.seq <> (SELECT coalesce(max(seq) + 1, 0) FROM event WHERE case_id = NEW.case_id) THEN
        RAISE 'a record follows the last one of its case' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;

CREATE FUNCTION stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE 'a record is never changed and never deleted';
END
$$;

CREATE TRIGGER event_follows BEFORE INSERT ON event FOR EACH ROW EXECUTE FUNCTION follows();
CREATE TRIGGER event_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON event EXECUTE FUNCTION stays();
-- Also for a session that calls itself a replica.
ALTER TABLE event ENABLE ALWAYS TRIGGER event_follows, ENABLE ALWAYS TRIGGER event_stays;

-- A cache of what the events say; `head` is the hash of the last record.
CREATE TABLE cases (
    id         text        NOT NULL PRIMARY KEY,
    ticket     text        NOT NULL,
    opened_at  timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    outcome    text,
    ended      boolean     NOT NULL,
    head       text        NOT NULL
);

-- GitHub does not tell upper from lower case in names.
CREATE UNIQUE INDEX one_running_case_for_a_ticket ON cases (lower(ticket COLLATE "C")) WHERE NOT ended;
CREATE INDEX cases_by_age ON cases (opened_at, id COLLATE "C");

-- What was taken in, so that it never opens a second case.
CREATE TABLE seen (
    key     text        NOT NULL PRIMARY KEY,
    case_id text        NOT NULL,
    at      timestamptz NOT NULL
);

CREATE TABLE claim (
    case_id text        NOT NULL PRIMARY KEY,
    worker  text        NOT NULL,
    until   timestamptz NOT NULL
);

CREATE TABLE lease (
    host    text        NOT NULL PRIMARY KEY,
    case_id text        NOT NULL,
    until   timestamptz NOT NULL
);

CREATE TABLE library (
    hash text NOT NULL,
    path text NOT NULL,
    text text NOT NULL,
    PRIMARY KEY (hash, path)
);

CREATE TABLE bookmark (
    name text        NOT NULL PRIMARY KEY,
    at   timestamptz NOT NULL
);

-- When somebody last did what only one may do.
CREATE TABLE turn (
    name text        NOT NULL PRIMARY KEY,
    at   timestamptz NOT NULL
);

-- A person's halt to all changes: one row while it lasts.
CREATE TABLE pause (
    one  integer NOT NULL PRIMARY KEY CHECK (one = 1),
    body text    NOT NULL
);

-- Words that people leave for a case, in the order in which they were left.
CREATE TABLE word (
    case_id text   NOT NULL,
    number  bigint NOT NULL CHECK (number >= 0),
    key     text   NOT NULL,
    body    text   NOT NULL,
    PRIMARY KEY (case_id, number),
    UNIQUE (case_id, key)
);
