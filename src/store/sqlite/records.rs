//! The records of cases: written once, read in order, and checked against their hash chain.

use crate::core::case::event::{CaseId, Event, EventKind};
use crate::core::case::record::Record;
use crate::core::case::upcast::stored_words;
use crate::ports::{Audit, JournalError, NewCase, OpenResult};
use crate::store::case_index::Summary;
use crate::store::codec;
use crate::store::codec::stamp;
use crate::store::error::StoreError;
use crate::store::row::{EventRow, first_broken};
use crate::store::sqlite::case_index;
use crate::store::sqlite::codec::case as case_in;
use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

const HISTORY: &str = "SELECT case_id, seq, at, version, body, prev_hash, hash FROM event \
     WHERE kind IN (SELECT value FROM json_each(?)) AND at >= ? ORDER BY at, case_id, seq";

/// Opens a case, unless its key was seen or its ticket has a running case. The caller commits.
pub(super) async fn open(tx: &mut SqliteConnection, opening: &NewCase) -> Result<OpenResult, StoreError> {
    let NewCase { case, ticket, key, also, at, first } = opening;
    let at = codec::cut(*at);
    let seen =
        sqlx::query("SELECT 1 FROM dedupe_key WHERE key = ?").bind(key).fetch_optional(&mut *tx).await?;
    if seen.is_some() {
        return Ok(OpenResult::Duplicate);
    }
    let running = sqlx::query("SELECT id FROM cases WHERE ticket = ? AND ended = 0")
        .bind(ticket.to_string())
        .fetch_optional(&mut *tx)
        .await?;
    if let Some(row) = running {
        return Ok(OpenResult::Running(case_in(&row, "id")?));
    }
    for key in also.iter().chain([key]) {
        sqlx::query("INSERT INTO dedupe_key (key, case_id, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING")
            .bind(key)
            .bind(case.as_str())
            .bind(stamp(at))
            .execute(&mut *tx)
            .await?;
    }
    if head(tx, case).await?.is_some() {
        return Err(JournalError::Conflict { case: case.clone(), seq: 0 }.into());
    }
    let record = Record { seq: 0, at, event: first.clone() };
    let hash = insert(tx, case, "", &record).await?;
    case_index::save(tx, &Summary::open(case, ticket, &record, hash)?).await?;
    Ok(OpenResult::Opened(case.clone()))
}

/// Appends the next record of a case that was opened. The caller commits.
pub(super) async fn append(
    tx: &mut SqliteConnection,
    case: &CaseId,
    seq: u64,
    at: DateTime<Utc>,
    event: &Event,
) -> Result<(), StoreError> {
    let conflict = || JournalError::Conflict { case: case.clone(), seq };
    let (last, prev) = head(tx, case).await?.ok_or_else(conflict)?;
    if last.checked_add(1) != Some(seq) {
        return Err(conflict().into());
    }
    let mut summary = case_index::load_or_fold(tx, case).await?;
    let record = Record { seq, at: codec::cut(at), event: event.clone() };
    let hash = insert(tx, case, &prev, &record).await?;
    summary.take(&record, hash);
    case_index::save(tx, &summary).await
}

/// The sequence number and the hash of a case's last record.
async fn head(tx: &mut SqliteConnection, case: &CaseId) -> Result<Option<(u64, String)>, StoreError> {
    let last = sqlx::query("SELECT seq, hash FROM event WHERE case_id = ? ORDER BY seq DESC LIMIT 1")
        .bind(case.as_str())
        .fetch_optional(tx)
        .await?;
    last.map(|row| Ok((codec::seq(row.try_get("seq")?)?, row.try_get("hash")?))).transpose()
}

/// Writes one record and gives its hash.
async fn insert(
    tx: &mut SqliteConnection,
    case: &CaseId,
    prev: &str,
    record: &Record,
) -> Result<String, StoreError> {
    let EventRow { seq, at, version, body, prev_hash, hash } = EventRow::encode(prev, case, record)?;
    sqlx::query(
        "INSERT INTO event (case_id, seq, at, version, body, prev_hash, hash) VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(case.as_str())
    .bind(i64::try_from(seq).unwrap_or(i64::MAX))
    .bind(at)
    .bind(version)
    .bind(body)
    .bind(prev_hash)
    .bind(&hash)
    .execute(tx)
    .await?;
    Ok(hash)
}

/// The records of a case as they stand, in order.
pub(super) async fn stored(tx: &mut SqliteConnection, case: &CaseId) -> Result<Vec<EventRow>, StoreError> {
    let rows = sqlx::query(
        "SELECT seq, at, version, body, prev_hash, hash FROM event WHERE case_id = ? ORDER BY seq",
    )
    .bind(case.as_str())
    .fetch_all(tx)
    .await?;
    rows.iter().map(read).collect()
}

/// The records of these kinds, of all cases, from a moment on.
pub(super) async fn history(
    tx: &mut SqliteConnection,
    kinds: &[EventKind],
    since: DateTime<Utc>,
) -> Result<Vec<(CaseId, Record)>, StoreError> {
    let rows = sqlx::query(HISTORY)
        .bind(json!(stored_words(kinds)).to_string())
        .bind(stamp(since))
        .fetch_all(tx)
        .await?;
    let told = |row: &SqliteRow| {
        let case = case_in(row, "case_id")?;
        let record = read(row)?.record(&case)?;
        Ok((case, record))
    };
    rows.iter().map(told).collect()
}

/// Every case that has a record.
pub(super) async fn all_cases(tx: &mut SqliteConnection) -> Result<Vec<CaseId>, StoreError> {
    let rows = sqlx::query("SELECT DISTINCT case_id FROM event ORDER BY case_id").fetch_all(tx).await?;
    rows.iter().map(|row| case_in(row, "case_id")).collect()
}

/// Checks the chain of every case that is known in any way, and that it ends where the list of cases says.
pub(super) async fn audit(tx: &mut SqliteConnection) -> Result<Audit, StoreError> {
    let rows = sqlx::query(
        "SELECT id, head FROM cases UNION ALL \
         SELECT case_id, NULL FROM (SELECT case_id FROM event UNION SELECT case_id FROM dedupe_key UNION SELECT case_id FROM archived_case) \
         WHERE case_id NOT IN (SELECT id FROM cases) ORDER BY 1",
    )
    .fetch_all(&mut *tx)
    .await?;
    let mut audit = Audit::default();
    for row in rows {
        let case = case_in(&row, "id")?;
        let head: Option<String> = row.try_get("head")?;
        let records = stored(tx, &case).await?;
        audit.cases += 1;
        let stub: Option<String> = sqlx::query_scalar("SELECT head FROM archived_case WHERE case_id = ?")
            .bind(case.as_str())
            .fetch_optional(&mut *tx)
            .await?;
        if stub.is_some() && stub == head && records.is_empty() {
            continue;
        }
        audit.records += records.len() as u64;
        if let Some(seq) = first_broken(&case, &records, head.as_deref()) {
            audit.broken.push((case, seq));
        }
    }
    Ok(audit)
}

fn read(row: &SqliteRow) -> Result<EventRow, StoreError> {
    Ok(EventRow {
        seq: codec::seq(row.try_get("seq")?)?,
        at: row.try_get("at")?,
        version: row.try_get("version")?,
        body: row.try_get("body")?,
        prev_hash: row.try_get("prev_hash")?,
        hash: row.try_get("hash")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Sqlite;
    use sqlx::AssertSqlSafe;

    #[tokio::test]
    async fn the_history_is_found_by_its_index() {
        let journal = Sqlite::in_memory().await.unwrap();
        let plan = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {HISTORY}")));
        let rows = plan.bind("[]").bind("").fetch_all(&journal.writer).await.unwrap();
        let steps: Vec<String> = rows.iter().map(|row| row.get("detail")).collect();
        let by_index = "SEARCH event USING INDEX event_by_kind (kind=? AND at>?)";
        assert!(steps.iter().any(|step| step == by_index), "{steps:?}");
    }
}
