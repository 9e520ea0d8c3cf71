-- What people are told outside of tickets: one row for each notice and channel. A row stays for a while after its
-- notice was settled, so that nothing is told twice.
CREATE TABLE notice (
    channel    text        NOT NULL,
    key        text        NOT NULL,
    number     bigint      NOT NULL,
    body       text        NOT NULL,
    queued_at  timestamptz NOT NULL,
    due_at     timestamptz NOT NULL,
    bundled    boolean     NOT NULL,
    -- The message in which it is sent, once that was begun, and until when it is somebody's.
    message    text,
    held_until timestamptz,
    tries      bigint      NOT NULL DEFAULT 0,
    settled_at timestamptz,
    PRIMARY KEY (channel, key)
);

CREATE INDEX notice_waiting ON notice (channel, number) WHERE settled_at IS NULL;
