//! Cases that leave the journal for a file, and the stubs that stay.

use crate::core::case::event::CaseId;
use crate::ports::{JournalError, Removal};
use crate::store::codec::stamp;
use crate::store::error::StoreError;
use crate::store::row::first_broken;
use crate::store::sqlite::codec::case as case_in;
use crate::store::sqlite::records;
use chrono::{DateTime, Utc};
use sqlx::SqliteConnection;

/// Cases that have ended and were last written before this time, oldest first, that are still here.
pub(super) async fn closed_before(
    tx: &mut SqliteConnection,
    before: DateTime<Utc>,
) -> Result<Vec<CaseId>, StoreError> {
    let rows = sqlx::query(
        "SELECT id FROM cases WHERE ended = 1 AND updated_at < $1 \
         AND id NOT IN (SELECT case_id FROM archived_case) ORDER BY updated_at, id",
    )
    .bind(stamp(before))
    .fetch_all(tx)
    .await?;
    rows.iter().map(|row| case_in(row, "id")).collect()
}

/// Leaves the stub of a case and removes its records. The caller commits.
pub(super) async fn remove(tx: &mut SqliteConnection, removal: &Removal) -> Result<(), StoreError> {
    let Removal { case, records: count, head, archive, at } = removal;
    let rows = records::stored(tx, case).await?;
    let is_whole = rows.len() as u64 == *count && first_broken(case, &rows, Some(head)).is_none();
    let stubbed = sqlx::query(
        "INSERT INTO archived_case \
         (case_id, ticket, opened_at, updated_at, outcome, head, records, archive, archived_at) \
         SELECT id, ticket, opened_at, updated_at, outcome, head, $3, $4, $5 FROM cases \
         WHERE id = $1 AND head = $2 AND ended = 1 AND $6",
    )
    .bind(case.as_str())
    .bind(head)
    .bind(i64::try_from(*count).unwrap_or(i64::MAX))
    .bind(archive)
    .bind(stamp(*at))
    .bind(is_whole)
    .execute(&mut *tx)
    .await?;
    if stubbed.rows_affected() != 1 {
        return Err(JournalError::Conflict { case: case.clone(), seq: *count }.into());
    }
    sqlx::query("DELETE FROM event WHERE case_id = $1").bind(case.as_str()).execute(&mut *tx).await?;
    sqlx::query("DELETE FROM signal WHERE case_id = $1").bind(case.as_str()).execute(tx).await?;
    Ok(())
}

/// The file that holds the records of a case.
pub(super) async fn archived_in(
    tx: &mut SqliteConnection,
    case: &CaseId,
) -> Result<Option<String>, StoreError> {
    let name = sqlx::query_scalar("SELECT archive FROM archived_case WHERE case_id = $1").bind(case.as_str());
    Ok(name.fetch_optional(tx).await?)
}
