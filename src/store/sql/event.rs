//! The table of records: one row after another, never changed.

use crate::core::case::event::{CaseId, EventKind};
use crate::core::case::record::Record;
use crate::core::case::upcast::stored_words;
use crate::ports::{History, JournalError};
use crate::store::codec;
use crate::store::error::StoreError;
use crate::store::row::EventRow;
use crate::store::sql::connection::Value::{Integer, Moment, Text, Texts};
use crate::store::sql::connection::{Connection, Row};
use chrono::{DateTime, Utc};

/// The sequence number and the hash of a case's last record.
pub(in crate::store) async fn head<C: Connection>(
    tx: &mut C,
    case: &CaseId,
) -> Result<Option<(u64, String)>, StoreError> {
    let statement = "SELECT seq, hash FROM event WHERE case_id = $1 ORDER BY seq DESC LIMIT 1";
    let last = tx.fetch_optional(statement, &[Text(case.as_str())]).await?;
    last.map(|row| Ok((codec::seq(row.integer("seq")?)?, row.text("hash")?))).transpose()
}

/// Writes one record and gives its hash.
pub(in crate::store) async fn insert<C: Connection>(
    tx: &mut C,
    case: &CaseId,
    prev: &str,
    record: &Record,
) -> Result<String, StoreError> {
    let EventRow { seq, version, body, prev_hash, hash, .. } = EventRow::encode(prev, case, record)?;
    let done = tx
        .execute(
            "INSERT INTO event (case_id, seq, at, version, body, prev_hash, hash) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
            &[
                Text(case.as_str()),
                Integer(i64::try_from(seq).unwrap_or(i64::MAX)),
                Moment(record.at),
                Integer(i64::from(version)),
                Text(&body),
                Text(&prev_hash),
                Text(&hash),
            ],
        )
        .await;
    match done {
        Ok(_) => Ok(hash),
        // Somebody wrote this record after the last one was read.
        Err(error) if C::is_taken(&error) => Err(JournalError::Conflict { case: case.clone(), seq }.into()),
        Err(error) => Err(error),
    }
}

/// The records of a case as they stand, in order.
pub(in crate::store) async fn stored<C: Connection>(
    tx: &mut C,
    case: &CaseId,
) -> Result<Vec<EventRow>, StoreError> {
    let statement = "SELECT seq, at, CAST(version AS bigint) AS version, body, prev_hash, hash FROM event \
         WHERE case_id = $1 ORDER BY seq";
    let rows = tx.fetch_all(statement, &[Text(case.as_str())]).await?;
    rows.iter().map(read).collect()
}

/// The records of these kinds, of all cases, from a moment on.
pub(in crate::store) async fn history<C: Connection>(
    tx: &mut C,
    kinds: &[EventKind],
    since: DateTime<Utc>,
) -> Result<History, StoreError> {
    let rows = tx.fetch_all(C::DIALECT.history, &[Texts(&stored_words(kinds)), Moment(since)]).await?;
    let mut history = History::default();
    for row in rows {
        let case = row.case("case_id")?;
        match read(&row).and_then(|stored| stored.record(&case)) {
            Ok(record) => history.records.push((case, record)),
            Err(StoreError::Said(error)) if error.is_permanent() => history.unreadable.push((case, error)),
            Err(error) => return Err(error),
        }
    }
    Ok(history)
}

/// Every case that has a record.
pub(in crate::store) async fn all_cases<C: Connection>(tx: &mut C) -> Result<Vec<CaseId>, StoreError> {
    let rows = tx.fetch_all("SELECT DISTINCT case_id FROM event ORDER BY case_id", &[]).await?;
    rows.iter().map(|row| row.case("case_id")).collect()
}

fn read(row: &impl Row) -> Result<EventRow, StoreError> {
    Ok(EventRow {
        seq: codec::seq(row.integer("seq")?)?,
        at: row.stamp("at")?,
        // What is no version is none that this program knows.
        version: u32::try_from(row.integer("version")?).unwrap_or(u32::MAX),
        body: row.text("body")?,
        prev_hash: row.text("prev_hash")?,
        hash: row.text("hash")?,
    })
}
