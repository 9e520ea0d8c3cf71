-- The cases of a ticket, for everything that is written into it.
CREATE INDEX cases_of_ticket ON cases (ticket, opened_at, id);

PRAGMA user_version = 5;
