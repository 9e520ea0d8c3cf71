-- What people are told outside of tickets: one row for each notice and channel. A row stays for a while after its
-- notice was settled, so that nothing is told twice.
CREATE TABLE notice (
    channel    TEXT    NOT NULL,
    key        TEXT    NOT NULL,
    number     INTEGER NOT NULL,
    body       TEXT    NOT NULL,
    queued_at  TEXT    NOT NULL,
    due_at     TEXT    NOT NULL,
    bundled    INTEGER NOT NULL CHECK (bundled IN (0, 1)),
    -- The message in which it is sent, once that was begun, and until when it is somebody's.
    message    TEXT,
    held_until TEXT,
    tries      INTEGER NOT NULL DEFAULT 0,
    settled_at TEXT,
    PRIMARY KEY (channel, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX notice_waiting ON notice (channel, number) WHERE settled_at IS NULL;

PRAGMA user_version = 9;
