//! The list of cases as a table.

use crate::core::case::event::CaseId;
use crate::core::ticket::TicketId;
use crate::ports::CaseSummary;
use crate::store::case_index::{Summary, read_outcome};
use crate::store::codec;
use crate::store::codec::stamp;
use crate::store::error::StoreError;
use crate::store::sqlite::codec::{at, case};
use crate::store::sqlite::records;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

/// As the list has it; if it lacks the case, from the records.
pub(super) async fn load_or_fold(tx: &mut SqliteConnection, id: &CaseId) -> Result<Summary, StoreError> {
    let row =
        sqlx::query("SELECT * FROM cases WHERE id = ?").bind(id.as_str()).fetch_optional(&mut *tx).await?;
    match row {
        Some(row) => {
            Ok(Summary { line: read_line(&row)?, ended: row.try_get("ended")?, head: row.try_get("head")? })
        }
        None => Summary::fold(id, records::stored(tx, id).await?),
    }
}

pub(super) async fn save(tx: &mut SqliteConnection, summary: &Summary) -> Result<(), StoreError> {
    let Summary { line, ended, head } = summary;
    sqlx::query(
        "INSERT INTO cases (id, ticket, opened_at, updated_at, outcome, ended, head) \
         VALUES (?, ?, ?, ?, ?, ?, ?) \
         ON CONFLICT (id) DO UPDATE SET updated_at = excluded.updated_at, \
         outcome = excluded.outcome, ended = excluded.ended, head = excluded.head",
    )
    .bind(line.id.as_str())
    .bind(line.ticket.to_string())
    .bind(stamp(line.opened_at))
    .bind(stamp(line.updated_at))
    .bind(summary.outcome()?)
    .bind(ended)
    .bind(head)
    .execute(tx)
    .await?;
    Ok(())
}

/// Makes the whole list anew from the records. The caller commits.
pub(super) async fn rebuild(tx: &mut SqliteConnection) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM cases").execute(&mut *tx).await?;
    for id in records::all_cases(tx).await? {
        let summary = Summary::fold(&id, records::stored(tx, &id).await?)?;
        save(tx, &summary).await?;
    }
    // Their records are elsewhere.
    sqlx::query(
        "INSERT INTO cases (id, ticket, opened_at, updated_at, outcome, ended, head) \
         SELECT case_id, ticket, opened_at, updated_at, outcome, 1, head FROM archived_case",
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Cases that have not ended, oldest first.
pub(super) async fn open_cases(tx: &mut SqliteConnection) -> Result<Vec<CaseId>, StoreError> {
    let rows =
        sqlx::query("SELECT id FROM cases WHERE ended = 0 ORDER BY opened_at, id").fetch_all(tx).await?;
    rows.iter().map(|row| case(row, "id")).collect()
}

/// The newest cases first.
pub(super) async fn newest(tx: &mut SqliteConnection, limit: u32) -> Result<Vec<CaseSummary>, StoreError> {
    let rows = sqlx::query("SELECT * FROM cases ORDER BY opened_at DESC, id DESC LIMIT ?")
        .bind(limit)
        .fetch_all(tx)
        .await?;
    rows.iter().map(read_line).collect()
}

/// All cases of a ticket, the newest first.
pub(super) async fn of_ticket(
    tx: &mut SqliteConnection,
    ticket: &TicketId,
) -> Result<Vec<CaseSummary>, StoreError> {
    let rows = sqlx::query("SELECT * FROM cases WHERE ticket = ? ORDER BY opened_at DESC, id DESC")
        .bind(ticket.to_string())
        .fetch_all(tx)
        .await?;
    rows.iter().map(read_line).collect()
}

fn read_line(row: &SqliteRow) -> Result<CaseSummary, StoreError> {
    let id = case(row, "id")?;
    Ok(CaseSummary {
        ticket: codec::ticket(row.try_get("ticket")?)?,
        opened_at: at(row, "opened_at")?,
        updated_at: at(row, "updated_at")?,
        outcome: read_outcome(&id, row.try_get("outcome")?)?,
        id,
    })
}
