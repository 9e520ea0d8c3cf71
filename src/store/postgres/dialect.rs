//! How PostgreSQL writes the statements that differ. What is read and then changed is locked, row by row
//! and in a fixed order, so that no two transactions wait for each other. Ids sort by their bytes.

use crate::store::sql::dialect::Dialect;

pub(super) const DIALECT: Dialect = Dialect {
    running_case: "SELECT id FROM cases \
         WHERE lower(ticket COLLATE \"C\") = lower($1 COLLATE \"C\") AND NOT ended",
    locked_case: "SELECT id, ticket, opened_at, updated_at, outcome, ended, head, system, title FROM cases \
         WHERE id = $1 FOR UPDATE",
    open_cases: "SELECT id FROM cases WHERE NOT ended ORDER BY opened_at, id COLLATE \"C\"",
    newest_cases: "SELECT id, ticket, opened_at, updated_at, outcome FROM cases \
         ORDER BY opened_at DESC, id COLLATE \"C\" DESC LIMIT $1",
    cases_of_ticket: "SELECT id, ticket, opened_at, updated_at, outcome FROM cases \
         WHERE lower(ticket COLLATE \"C\") = lower($1 COLLATE \"C\") \
         ORDER BY opened_at DESC, id COLLATE \"C\" DESC",
    find_cases: "SELECT id, ticket, opened_at, updated_at, outcome, ended, head, system, title FROM cases \
         WHERE (opened_at, id COLLATE \"C\") < ($1, $2 COLLATE \"C\") \
            AND ($3::text IS NULL OR outcome_word = $3) AND ($4::text IS NULL OR system = $4) \
            AND strpos(search_text, $5) > 0 AND strpos(search_text, $6) > 0 \
            AND strpos(search_text, $7) > 0 AND strpos(search_text, $8) > 0 \
         ORDER BY opened_at DESC, id COLLATE \"C\" DESC LIMIT $9",
    running_cases: "SELECT id, ticket, opened_at, updated_at, outcome, ended, head, system, title FROM cases \
         WHERE NOT ended ORDER BY opened_at, id COLLATE \"C\" LIMIT $1",
    closed_before: "SELECT id FROM cases WHERE ended AND updated_at < $1 \
         AND id NOT IN (SELECT case_id FROM archived_case) ORDER BY updated_at, id COLLATE \"C\"",
    history: "SELECT case_id, seq, at, CAST(version AS bigint) AS version, body, prev_hash, hash FROM event \
         WHERE kind = ANY($1) AND at >= $2 ORDER BY at, case_id COLLATE \"C\", seq",
    runs_of: "SELECT run.host, run.started_at, run.case_id, run.seq, run.system, run.playbook, \
            run.ended_at, run.fixed, cases.ticket \
         FROM run LEFT JOIN cases ON cases.id = run.case_id \
         WHERE (run.case_id, run.seq) IN ( \
            SELECT case_id, seq FROM run WHERE host = ANY($1) AND started_at >= $3 \
            UNION SELECT case_id, seq FROM run WHERE system = $2 AND started_at >= $3) \
         ORDER BY run.started_at, run.case_id COLLATE \"C\", run.seq, run.host COLLATE \"C\"",
    changes_of: "SELECT host, at FROM host_change WHERE host = ANY($1) AND at >= $2 ORDER BY at, case_id COLLATE \"C\", seq",
    due_cases: "SELECT c.id, claim.worker, claim.until FROM cases c \
         LEFT JOIN claim ON claim.case_id = c.id \
         WHERE NOT c.ended AND (c.wake_at IS NULL OR c.wake_at <= $1 \
            OR (c.wakes_with_pause AND NOT $2) \
            OR c.signals_known < (SELECT count(*) FROM signal WHERE signal.case_id = c.id) \
            OR (c.wakes_with_run_of IS NOT NULL AND NOT EXISTS \
                (SELECT 1 FROM run WHERE run.case_id = c.wakes_with_run_of AND run.ended_at IS NULL))) \
         ORDER BY c.opened_at, c.id COLLATE \"C\"",
    next_due: "SELECT min(wake_at) AS at FROM cases WHERE NOT ended AND wake_at > $1",
    held_claim: "SELECT worker, until FROM claim WHERE case_id = $1 FOR UPDATE",
    held_lease: "SELECT case_id, until FROM lease WHERE host = $1 FOR UPDATE",
    extend_leases: "UPDATE lease SET until = greatest(until, $2) \
         WHERE host IN (SELECT host FROM lease WHERE case_id = $1 ORDER BY host FOR UPDATE)",
    free_leases: "DELETE FROM lease \
         WHERE host IN (SELECT host FROM lease WHERE case_id = $1 ORDER BY host FOR UPDATE)",
    next_delivery: "UPDATE delivery SET until = $2 WHERE number = \
         (SELECT number FROM delivery WHERE until IS NULL OR until <= $1 \
          ORDER BY number LIMIT 1 FOR UPDATE SKIP LOCKED) \
         RETURNING key, body",
    ended_cases: "SELECT system, class, min(outcome) AS example, count(*) AS cases, CAST(sum(ms) AS bigint) AS duration \
         FROM (SELECT system, outcome, kind, code, ms, CAST(CASE WHEN ms <= $1 THEN 0 WHEN ms <= $2 THEN 1 WHEN ms <= $3 THEN 2 \
            WHEN ms <= $4 THEN 3 WHEN ms <= $5 THEN 4 WHEN ms <= $6 THEN 5 WHEN ms <= $7 THEN 6 \
            WHEN ms <= $8 THEN 7 WHEN ms <= $9 THEN 8 ELSE 9 END AS bigint) AS class \
            FROM (SELECT system, outcome, coalesce(outcome::json #>> '{body,kind}', outcome::json ->> 'kind') AS kind, coalesce(outcome::json #>> '{body,code}', outcome::json ->> 'code') AS code, \
               greatest(0, CAST(round(extract(epoch FROM updated_at - opened_at) * 1000) AS bigint)) AS ms \
               FROM cases WHERE ended AND outcome IS NOT NULL) AS measured) AS classed \
         GROUP BY system, kind, code, class ORDER BY system COLLATE \"C\" NULLS FIRST, kind, code, class",
    open_lines: "SELECT id, system, head FROM cases WHERE NOT ended ORDER BY opened_at, id COLLATE \"C\"",
    disputes: "SELECT cases.system, count(*) AS disputes FROM event LEFT JOIN cases ON cases.id = event.case_id \
         WHERE event.kind = ANY($1) AND event.at >= $2 GROUP BY cases.system ORDER BY cases.system COLLATE \"C\" NULLS FIRST",
    purge_done_keys: "DELETE FROM done_key WHERE key IN (SELECT key FROM done_key \
         WHERE expires_at <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED)",
    purge_turns: "DELETE FROM once_lock WHERE name IN (SELECT name FROM once_lock \
         WHERE at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED)",
};
