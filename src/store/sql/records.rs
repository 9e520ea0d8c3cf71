//! Cases are opened, grow by one record at a time, and are checked against their hash chain.

use crate::core::case::event::{CaseId, Event};
use crate::core::case::record::Record;
use crate::ports::{Audit, JournalError, NewCase, OpenResult};
use crate::store::case_index::Summary;
use crate::store::codec;
use crate::store::error::StoreError;
use crate::store::row::first_broken;
use crate::store::sql::connection::Value::{Moment, Text};
use crate::store::sql::connection::{Connection, Row};
use crate::store::sql::{case_index, event, runs};
use chrono::{DateTime, Utc};

/// Opens a case, unless its key was seen or its ticket has a running case. The caller commits.
pub(in crate::store) async fn open<C: Connection>(
    tx: &mut C,
    opening: &NewCase,
) -> Result<OpenResult, StoreError> {
    let NewCase { case, ticket, key, also, at, first } = opening;
    let at = codec::cut(*at);
    // Whoever opens a case for the same ticket comes before or after, and sees what was done.
    tx.lock(&format!("ticket {ticket}").to_ascii_lowercase()).await?;
    let seen = tx.fetch_optional("SELECT case_id FROM dedupe_key WHERE key = $1", &[Text(key)]).await?;
    if seen.is_some() {
        return Ok(OpenResult::Duplicate);
    }
    let running = tx.fetch_optional(C::DIALECT.running_case, &[Text(&ticket.to_string())]).await?;
    if let Some(row) = running {
        return Ok(OpenResult::Running(row.case("id")?));
    }
    for key in also.iter().chain([key]) {
        tx.execute(
            "INSERT INTO dedupe_key (key, case_id, at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
            &[Text(key), Text(case.as_str()), Moment(at)],
        )
        .await?;
    }
    if event::head(tx, case).await?.is_some() {
        return Err(JournalError::Conflict { case: case.clone(), seq: 0 }.into());
    }
    let record = Record { seq: 0, at, event: first.clone() };
    let hash = event::insert(tx, case, "", &record).await?;
    case_index::save(tx, &Summary::open(case, ticket, &record, hash)?).await?;
    Ok(OpenResult::Opened(case.clone()))
}

/// Appends the next record of a case that was opened. The caller commits.
pub(in crate::store) async fn append<C: Connection>(
    tx: &mut C,
    case: &CaseId,
    seq: u64,
    at: DateTime<Utc>,
    event: &Event,
) -> Result<(), StoreError> {
    let conflict = || JournalError::Conflict { case: case.clone(), seq };
    // This waits for whoever is appending to the same case; what is read next is what they left.
    let line = case_index::lock(tx, case).await?;
    let (last, prev) = event::head(tx, case).await?.ok_or_else(conflict)?;
    if last.checked_add(1) != Some(seq) {
        return Err(conflict().into());
    }
    let mut summary = match line {
        Some(summary) => summary,
        None => Summary::fold(case, event::stored(tx, case).await?)?,
    };
    let record = Record { seq, at: codec::cut(at), event: event.clone() };
    let hash = event::insert(tx, case, &prev, &record).await?;
    summary.take(&record, hash);
    runs::take(tx, case, summary.system.as_ref(), &record).await?;
    case_index::save(tx, &summary).await
}

/// Checks the chain of every case that is known in any way, and that it ends where the list of cases says.
pub(in crate::store) async fn audit<C: Connection>(tx: &mut C) -> Result<Audit, StoreError> {
    let known = "SELECT id, head FROM cases UNION ALL \
         SELECT case_id, NULL FROM (SELECT case_id FROM event UNION SELECT case_id FROM dedupe_key \
         UNION SELECT case_id FROM archived_case) AS known \
         WHERE case_id NOT IN (SELECT id FROM cases) ORDER BY 1";
    let mut audit = Audit::default();
    for row in tx.fetch_all(known, &[]).await? {
        let (case, head) = (row.case("id")?, row.optional_text("head")?);
        let records = event::stored(tx, &case).await?;
        audit.cases += 1;
        let stub = "SELECT head FROM archived_case WHERE case_id = $1";
        let stub = tx.fetch_optional(stub, &[Text(case.as_str())]).await?;
        let stub = stub.map(|row| row.text("head")).transpose()?;
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
