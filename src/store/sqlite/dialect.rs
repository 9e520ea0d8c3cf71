//! How SQLite writes the statements that differ. A transaction that writes has the lock of the whole file,
//! so no row is locked. Ids sort by their bytes, and the column of tickets ignores upper and lower case.

use crate::store::sql::dialect::Dialect;

pub(super) const DIALECT: Dialect = Dialect {
    running_case: "SELECT id FROM cases WHERE ticket = $1 AND ended = 0",
    locked_case: "SELECT id, ticket, opened_at, updated_at, outcome, ended, head, system, title FROM cases WHERE id = $1",
    open_cases: "SELECT id FROM cases WHERE ended = 0 ORDER BY opened_at, id",
    newest_cases: "SELECT id, ticket, opened_at, updated_at, outcome FROM cases \
         ORDER BY opened_at DESC, id DESC LIMIT $1",
    cases_of_ticket: "SELECT id, ticket, opened_at, updated_at, outcome FROM cases \
         WHERE ticket = $1 ORDER BY opened_at DESC, id DESC",
    find_cases: "SELECT id, ticket, opened_at, updated_at, outcome, ended, head, system, title FROM cases \
         WHERE (opened_at, id) < ($1, $2) AND ($3 IS NULL OR outcome_word = $3) AND ($4 IS NULL OR system = $4) \
            AND instr(search_text, $5) > 0 AND instr(search_text, $6) > 0 \
            AND instr(search_text, $7) > 0 AND instr(search_text, $8) > 0 \
         ORDER BY opened_at DESC, id DESC LIMIT $9",
    running_cases: "SELECT id, ticket, opened_at, updated_at, outcome, ended, head, system, title FROM cases \
         WHERE ended = 0 ORDER BY opened_at, id LIMIT $1",
    closed_before: "SELECT id FROM cases WHERE ended = 1 AND updated_at < $1 \
         AND id NOT IN (SELECT case_id FROM archived_case) ORDER BY updated_at, id",
    history: "SELECT case_id, seq, at, version, body, prev_hash, hash FROM event \
         WHERE kind IN (SELECT value FROM json_each($1)) AND at >= $2 ORDER BY at, case_id, seq",
    runs_of: "SELECT run.host, run.started_at, run.case_id, run.seq, run.system, run.playbook, \
            run.ended_at, run.fixed, cases.ticket \
         FROM (SELECT case_id, seq FROM run WHERE host IN (SELECT value FROM json_each($1)) AND started_at >= $3 \
            UNION SELECT case_id, seq FROM run WHERE system = $2 AND started_at >= $3) AS found \
         JOIN run ON run.case_id = found.case_id AND run.seq = found.seq \
         LEFT JOIN cases ON cases.id = run.case_id \
         ORDER BY run.started_at, run.case_id, run.seq, run.host",
    changes_of: "SELECT host, at FROM host_change WHERE host IN (SELECT value FROM json_each($1)) AND at >= $2 ORDER BY at, case_id, seq",
    due_cases: "SELECT c.id, claim.worker, claim.until FROM cases c \
         LEFT JOIN claim ON claim.case_id = c.id \
         WHERE c.ended = 0 AND (c.wake_at IS NULL OR c.wake_at <= $1 \
            OR (c.wakes_with_pause AND NOT $2) \
            OR c.signals_known < (SELECT count(*) FROM signal WHERE signal.case_id = c.id) \
            OR (c.wakes_with_run_of IS NOT NULL AND NOT EXISTS \
                (SELECT 1 FROM run WHERE run.case_id = c.wakes_with_run_of AND run.ended_at IS NULL))) \
         ORDER BY c.opened_at, c.id",
    next_due: "SELECT min(wake_at) AS at FROM cases WHERE ended = 0 AND wake_at > $1",
    held_claim: "SELECT worker, until FROM claim WHERE case_id = $1",
    held_lease: "SELECT case_id, until FROM lease WHERE host = $1",
    extend_leases: "UPDATE lease SET until = $2 WHERE case_id = $1 AND until < $2",
    free_leases: "DELETE FROM lease WHERE case_id = $1",
    next_delivery: "UPDATE delivery SET until = $2 WHERE number = \
         (SELECT number FROM delivery WHERE until IS NULL OR until <= $1 ORDER BY number LIMIT 1) \
         RETURNING key, body",
    ended_cases: "SELECT system, class, min(outcome) AS example, count(*) AS cases, sum(ms) AS duration \
         FROM (SELECT system, outcome, kind, code, ms, CASE WHEN ms <= $1 THEN 0 WHEN ms <= $2 THEN 1 WHEN ms <= $3 THEN 2 \
            WHEN ms <= $4 THEN 3 WHEN ms <= $5 THEN 4 WHEN ms <= $6 THEN 5 WHEN ms <= $7 THEN 6 \
            WHEN ms <= $8 THEN 7 WHEN ms <= $9 THEN 8 ELSE 9 END AS class \
            FROM (SELECT system, outcome, coalesce(json_extract(outcome, '$.body.kind'), json_extract(outcome, '$.kind')) AS kind, coalesce(json_extract(outcome, '$.body.code'), json_extract(outcome, '$.code')) AS code, \
               max(0, CAST(round((julianday(updated_at) - julianday(opened_at)) * 86400000) AS INTEGER)) AS ms \
               FROM cases WHERE ended AND outcome IS NOT NULL) AS measured) AS classed \
         GROUP BY system, kind, code, class ORDER BY system, kind, code, class",
    open_lines: "SELECT id, system, head FROM cases WHERE ended = 0 ORDER BY opened_at, id",
    disputes: "SELECT cases.system, count(*) AS disputes FROM event LEFT JOIN cases ON cases.id = event.case_id \
         WHERE event.kind IN (SELECT value FROM json_each($1)) AND event.at >= $2 GROUP BY cases.system ORDER BY cases.system",
    purge_done_keys: "DELETE FROM done_key WHERE key IN \
         (SELECT key FROM done_key WHERE expires_at <= $1 LIMIT $2)",
    purge_turns: "DELETE FROM once_lock WHERE name IN (SELECT name FROM once_lock WHERE at < $1 LIMIT $2)",
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Sqlite;
    use crate::store::sql::connection::{Connection, Row, Value};
    use sqlx::AssertSqlSafe;

    #[tokio::test]
    async fn the_history_is_found_by_its_index() {
        let journal = Sqlite::in_memory().await.unwrap();
        let plan = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {}", DIALECT.history)));
        let rows = plan.bind("[]").bind("").fetch_all(&journal.writer).await.unwrap();
        let steps: Vec<String> = rows.iter().map(|row| row.text("detail").unwrap()).collect();
        let by_index = "SEARCH event USING INDEX event_by_kind (kind=? AND at>?)";
        assert!(steps.iter().any(|step| step == by_index), "{steps:?}");
    }

    /// A look at all runs would take longer with each case of the week.
    #[tokio::test]
    async fn runs_and_changes_are_found_by_their_indexes() {
        let journal = Sqlite::in_memory().await.unwrap();
        for (statement, values, table) in
            [(DIALECT.runs_of, 3, "run"), (DIALECT.changes_of, 2, "host_change")]
        {
            let plan = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}")));
            let plan = (0..values).fold(plan, |plan, _| plan.bind("[]"));
            let rows = plan.fetch_all(&journal.writer).await.unwrap();
            let steps: Vec<String> = rows.iter().map(|row| row.text("detail").unwrap()).collect();
            let scans = format!("SCAN {table}");
            assert!(!steps.iter().any(|step| step.split(" USING").next() == Some(&scans)), "{steps:?}");
        }
    }

    #[tokio::test]
    async fn a_parameter_that_stands_twice_is_one_parameter() {
        let journal = Sqlite::in_memory().await.unwrap();
        let mut connection = journal.writer.acquire().await.unwrap();
        let values = [Value::Text("a"), Value::Integer(7), Value::Boolean(true)];
        let row = connection.fetch_optional("SELECT $2 AS b, $1 || $1 AS a, $3 AS c", &values).await.unwrap();
        let row = row.unwrap();
        assert_eq!((row.text("a").unwrap(), row.integer("b").unwrap()), ("aa".to_owned(), 7));
        assert!(row.boolean("c").unwrap());
    }
}
