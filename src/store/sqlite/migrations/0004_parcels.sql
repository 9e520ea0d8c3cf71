-- What came in at a door and was not worked yet, in the order in which it came.
CREATE TABLE parcel (
    number INTEGER NOT NULL PRIMARY KEY,
    key    TEXT    NOT NULL UNIQUE,
    body   TEXT    NOT NULL,
    -- Who works on it keeps it from others for so long.
    until  TEXT
) STRICT;

PRAGMA user_version = 4;
