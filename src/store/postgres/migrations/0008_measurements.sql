-- What sweeps have measured on a system: each sweep for some days, and each hour for longer.
CREATE TABLE measurement (
    system text        NOT NULL,
    at     timestamptz NOT NULL,
    body   text        NOT NULL,
    PRIMARY KEY (system, at)
);

CREATE INDEX measurement_by_age ON measurement (at);

CREATE TABLE measurement_hour (
    system text        NOT NULL,
    at     timestamptz NOT NULL,
    body   text        NOT NULL,
    PRIMARY KEY (system, at)
);

CREATE INDEX measurement_hour_by_age ON measurement_hour (at);
