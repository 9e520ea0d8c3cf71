//! Cases that leave the journal for a file, and the stubs that stay.

use crate::core::case::event::CaseId;
use crate::ports::{JournalError, Removal};
use crate::store::error::StoreError;
use crate::store::row::first_broken;
use crate::store::sql::connection::Value::{Boolean, Integer, Moment, Text};
use crate::store::sql::connection::{Connection, Row};
use crate::store::sql::{event, runs};
use chrono::{DateTime, Utc};

/// Cases that have ended and were last written before this time, oldest first, that are still here.
pub(in crate::store) async fn closed_before<C: Connection>(
    tx: &mut C,
    before: DateTime<Utc>,
) -> Result<Vec<CaseId>, StoreError> {
    let rows = tx.fetch_all(C::DIALECT.closed_before, &[Moment(before)]).await?;
    rows.iter().map(|row| row.case("id")).collect()
}

/// Leaves the stub of a case and removes its records. The caller commits.
pub(in crate::store) async fn remove<C: Connection>(tx: &mut C, removal: &Removal) -> Result<(), StoreError> {
    let Removal { case, records: count, head, archive, at } = removal;
    let id = [Text(case.as_str())];
    // Nobody appends or removes meanwhile.
    tx.fetch_optional(C::DIALECT.locked_case, &id).await?;
    let rows = event::stored(tx, case).await?;
    let is_whole = rows.len() as u64 == *count && first_broken(case, &rows, Some(head)).is_none();
    let stubbed = tx
        .execute(
            "INSERT INTO archived_case \
         (case_id, ticket, opened_at, updated_at, outcome, head, records, archive, archived_at) \
         SELECT id, ticket, opened_at, updated_at, outcome, head, $3, $4, $5 FROM cases \
         WHERE id = $1 AND head = $2 AND ended AND $6",
            &[
                Text(case.as_str()),
                Text(head),
                Integer(i64::try_from(*count).unwrap_or(i64::MAX)),
                Text(archive),
                Moment(*at),
                Boolean(is_whole),
            ],
        )
        .await?;
    if stubbed != 1 {
        return Err(JournalError::Conflict { case: case.clone(), seq: *count }.into());
    }
    tx.execute("DELETE FROM event WHERE case_id = $1", &id).await?;
    tx.execute("DELETE FROM signal WHERE case_id = $1", &id).await?;
    runs::remove_old(tx, case, *at).await
}

/// The file that holds the records of a case.
pub(in crate::store) async fn archived_in<C: Connection>(
    tx: &mut C,
    case: &CaseId,
) -> Result<Option<String>, StoreError> {
    let statement = "SELECT archive FROM archived_case WHERE case_id = $1";
    let row = tx.fetch_optional(statement, &[Text(case.as_str())]).await?;
    row.map(|row| row.text("archive")).transpose()
}
