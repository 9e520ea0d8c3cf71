//! The records of cases: written once, read in order, and checked against their hash chain.

use crate::core::case::event::{CaseId, Event, EventKind};
use crate::core::case::record::Record;
use crate::core::case::upcast::stored_words;
use crate::ports::{Audit, JournalError, NewCase, OpenResult};
use crate::store::case_index::Summary;
use crate::store::codec;
use crate::store::codec::stamp;
use crate::store::error::StoreError;
use crate::store::postgres::{case_index, error, lock};
use crate::store::row::{EventRow, first_broken};
use chrono::{DateTime, Utc};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};

/// Opens a case, unless its key was seen or its ticket has a running case. The caller commits.
pub(super) async fn open(tx: &mut PgConnection, opening: &NewCase) -> Result<OpenResult, StoreError> {
    let NewCase { case, ticket, key, also, at, first } = opening;
    let at = codec::cut(*at);
    // Whoever opens a case for the same ticket comes before or after, and sees what was done.
    lock(tx, &format!("ticket {ticket}").to_ascii_lowercase()).await?;
    let seen =
        sqlx::query("SELECT 1 FROM dedupe_key WHERE key = $1").bind(key).fetch_optional(&mut *tx).await?;
    if seen.is_some() {
        return Ok(OpenResult::Duplicate);
    }
    let running: Option<String> = sqlx::query_scalar(
        "SELECT id FROM cases WHERE lower(ticket COLLATE \"C\") = lower($1 COLLATE \"C\") AND NOT ended",
    )
    .bind(ticket.to_string())
    .fetch_optional(&mut *tx)
    .await?;
    if let Some(running) = running {
        return Ok(OpenResult::Running(codec::case(&running)?));
    }
    for key in also.iter().chain([key]) {
        sqlx::query("INSERT INTO dedupe_key (key, case_id, at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
            .bind(key)
            .bind(case.as_str())
            .bind(at)
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
    tx: &mut PgConnection,
    case: &CaseId,
    seq: u64,
    at: DateTime<Utc>,
    event: &Event,
) -> Result<(), StoreError> {
    let conflict = || JournalError::Conflict { case: case.clone(), seq };
    // This waits for whoever is appending to the same case; what is read next is what they left.
    let line = case_index::lock(tx, case).await?;
    let (last, prev) = head(tx, case).await?.ok_or_else(conflict)?;
    if last.checked_add(1) != Some(seq) {
        return Err(conflict().into());
    }
    let mut summary = match line {
        Some(summary) => summary,
        None => Summary::fold(case, stored(tx, case).await?)?,
    };
    let record = Record { seq, at: codec::cut(at), event: event.clone() };
    let hash = insert(tx, case, &prev, &record).await?;
    summary.take(&record, hash);
    case_index::save(tx, &summary).await
}

/// The sequence number and the hash of a case's last record.
async fn head(tx: &mut PgConnection, case: &CaseId) -> Result<Option<(u64, String)>, StoreError> {
    let last = sqlx::query("SELECT seq, hash FROM event WHERE case_id = $1 ORDER BY seq DESC LIMIT 1")
        .bind(case.as_str())
        .fetch_optional(tx)
        .await?;
    last.map(|row| Ok((codec::seq(row.try_get("seq")?)?, row.try_get("hash")?))).transpose()
}

/// Writes one record and gives its hash.
async fn insert(
    tx: &mut PgConnection,
    case: &CaseId,
    prev: &str,
    record: &Record,
) -> Result<String, StoreError> {
    let EventRow { seq, version, body, prev_hash, hash, .. } = EventRow::encode(prev, case, record)?;
    let done = sqlx::query(
        "INSERT INTO event (case_id, seq, at, version, body, prev_hash, hash) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(case.as_str())
    .bind(i64::try_from(seq).unwrap_or(i64::MAX))
    .bind(record.at)
    .bind(i32::try_from(version).unwrap_or(i32::MAX))
    .bind(body)
    .bind(prev_hash)
    .bind(&hash)
    .execute(tx)
    .await;
    match done {
        Ok(_) => Ok(hash),
        // Somebody wrote this record after the last one was read: the primary key is the fence.
        Err(error) if error::is_taken(&error) => {
            Err(JournalError::Conflict { case: case.clone(), seq }.into())
        }
        Err(error) => Err(error.into()),
    }
}

/// The records of a case as they stand, in order.
pub(super) async fn stored(tx: &mut PgConnection, case: &CaseId) -> Result<Vec<EventRow>, StoreError> {
    let rows = sqlx::query(
        "SELECT seq, at, version, body, prev_hash, hash FROM event WHERE case_id = $1 ORDER BY seq",
    )
    .bind(case.as_str())
    .fetch_all(tx)
    .await?;
    rows.iter().map(read).collect()
}

/// The records of these kinds, of all cases, from a moment on.
pub(super) async fn history(
    tx: &mut PgConnection,
    kinds: &[EventKind],
    since: DateTime<Utc>,
) -> Result<Vec<(CaseId, Record)>, StoreError> {
    let rows = sqlx::query(HISTORY).bind(stored_words(kinds)).bind(since).fetch_all(tx).await?;
    let told = |row: &PgRow| {
        let case = codec::case(row.try_get("case_id")?)?;
        let record = read(row)?.record(&case)?;
        Ok((case, record))
    };
    rows.iter().map(told).collect()
}

const HISTORY: &str = "SELECT case_id, seq, at, version, body, prev_hash, hash FROM event \
     WHERE kind = ANY($1) AND at >= $2 ORDER BY at, case_id COLLATE \"C\", seq";

/// Every case that has a record.
pub(super) async fn all_cases(tx: &mut PgConnection) -> Result<Vec<CaseId>, StoreError> {
    let ids: Vec<String> =
        sqlx::query_scalar("SELECT DISTINCT case_id FROM event ORDER BY case_id").fetch_all(tx).await?;
    ids.iter().map(|id| codec::case(id)).collect()
}

/// Checks the chain of every case that is known in any way, and that it ends where the list of cases says.
pub(super) async fn audit(tx: &mut PgConnection) -> Result<Audit, StoreError> {
    let rows = sqlx::query(
        "SELECT id, head FROM cases UNION ALL \
         SELECT case_id, NULL FROM (SELECT case_id FROM event UNION SELECT case_id FROM dedupe_key UNION SELECT case_id FROM archived_case) AS known \
         WHERE case_id NOT IN (SELECT id FROM cases) ORDER BY 1",
    )
    .fetch_all(&mut *tx)
    .await?;
    let mut audit = Audit::default();
    for row in rows {
        let case = codec::case(row.try_get("id")?)?;
        let head: Option<String> = row.try_get("head")?;
        let records = stored(tx, &case).await?;
        audit.cases += 1;
        let stub: Option<String> = sqlx::query_scalar("SELECT head FROM archived_case WHERE case_id = $1")
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

fn read(row: &PgRow) -> Result<EventRow, StoreError> {
    let version: i32 = row.try_get("version")?;
    Ok(EventRow {
        seq: codec::seq(row.try_get("seq")?)?,
        at: stamp(row.try_get("at")?),
        version: u32::try_from(version).unwrap_or(u32::MAX),
        body: row.try_get("body")?,
        prev_hash: row.try_get("prev_hash")?,
        hash: row.try_get("hash")?,
    })
}
