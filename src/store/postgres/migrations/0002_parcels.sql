-- What came in at a door and was not worked yet, in the order in which it came.
CREATE TABLE parcel (
    number bigint      NOT NULL PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    key    text        NOT NULL UNIQUE,
    body   text        NOT NULL,
    -- Who works on it keeps it from others for so long.
    until  timestamptz
);
