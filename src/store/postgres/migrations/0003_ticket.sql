-- The cases of a ticket, for everything that is written into it.
CREATE INDEX cases_of_ticket ON cases (lower(ticket COLLATE "C"), opened_at, id COLLATE "C");
