-- A person's halt to all changes: one row while it lasts.
CREATE TABLE pause (
    one  INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    body TEXT    NOT NULL
) STRICT;

PRAGMA user_version = 2;
