-- What sweeps have measured on a system: each sweep for some days, and each hour for longer.
CREATE TABLE measurement (
    system TEXT NOT NULL,
    at     TEXT NOT NULL,
    body   TEXT NOT NULL,
    PRIMARY KEY (system, at)
) STRICT, WITHOUT ROWID;

CREATE INDEX measurement_by_age ON measurement (at);

CREATE TABLE measurement_hour (
    system TEXT NOT NULL,
    at     TEXT NOT NULL,
    body   TEXT NOT NULL,
    PRIMARY KEY (system, at)
) STRICT, WITHOUT ROWID;

CREATE INDEX measurement_hour_by_age ON measurement_hour (at);

PRAGMA user_version = 10;
