//! The list of cases as a table.

use crate::core::case::event::CaseId;
use crate::core::ticket::TicketId;
use crate::ports::CaseSummary;
use crate::store::case_index::{Summary, read_outcome};
use crate::store::codec;
use crate::store::error::StoreError;
use crate::store::postgres::records;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};

/// A case as the list has it, locked against all others who would write it; `None` if the list lacks it.
pub(super) async fn lock(tx: &mut PgConnection, id: &CaseId) -> Result<Option<Summary>, StoreError> {
    let row = sqlx::query(
        "SELECT id, ticket, opened_at, updated_at, outcome, ended, head FROM cases WHERE id = $1 FOR UPDATE",
    )
    .bind(id.as_str())
    .fetch_optional(tx)
    .await?;
    let read = |row: PgRow| {
        Ok(Summary { line: read_line(&row)?, ended: row.try_get("ended")?, head: row.try_get("head")? })
    };
    row.map(read).transpose()
}

pub(super) async fn save(tx: &mut PgConnection, summary: &Summary) -> Result<(), StoreError> {
    let Summary { line, ended, head } = summary;
    sqlx::query(
        "INSERT INTO cases (id, ticket, opened_at, updated_at, outcome, ended, head) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) \
         ON CONFLICT (id) DO UPDATE SET updated_at = excluded.updated_at, \
         outcome = excluded.outcome, ended = excluded.ended, head = excluded.head",
    )
    .bind(line.id.as_str())
    .bind(line.ticket.to_string())
    .bind(line.opened_at)
    .bind(line.updated_at)
    .bind(summary.outcome()?)
    .bind(ended)
    .bind(head)
    .execute(tx)
    .await?;
    Ok(())
}

/// Makes the whole list anew from the records. The caller commits.
pub(super) async fn rebuild(tx: &mut PgConnection) -> Result<(), StoreError> {
    // Waits for appends under way and holds up later ones, so that none falls between.
    sqlx::query("LOCK TABLE cases IN ACCESS EXCLUSIVE MODE").execute(&mut *tx).await?;
    sqlx::query("DELETE FROM cases").execute(&mut *tx).await?;
    for id in records::all_cases(tx).await? {
        let summary = Summary::fold(&id, records::stored(tx, &id).await?)?;
        save(tx, &summary).await?;
    }
    // Their records are elsewhere.
    sqlx::query(
        "INSERT INTO cases (id, ticket, opened_at, updated_at, outcome, ended, head) \
         SELECT case_id, ticket, opened_at, updated_at, outcome, true, head FROM archived_case",
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Cases that have not ended, oldest first.
pub(super) async fn open_cases(tx: &mut PgConnection) -> Result<Vec<CaseId>, StoreError> {
    let ids: Vec<String> =
        sqlx::query_scalar("SELECT id FROM cases WHERE NOT ended ORDER BY opened_at, id COLLATE \"C\"")
            .fetch_all(tx)
            .await?;
    ids.iter().map(|id| codec::case(id)).collect()
}

/// The newest cases first.
pub(super) async fn newest(tx: &mut PgConnection, limit: u32) -> Result<Vec<CaseSummary>, StoreError> {
    let rows = sqlx::query(
        "SELECT id, ticket, opened_at, updated_at, outcome FROM cases \
         ORDER BY opened_at DESC, id COLLATE \"C\" DESC LIMIT $1",
    )
    .bind(i64::from(limit))
    .fetch_all(tx)
    .await?;
    rows.iter().map(read_line).collect()
}

/// All cases of a ticket, the newest first.
pub(super) async fn of_ticket(
    tx: &mut PgConnection,
    ticket: &TicketId,
) -> Result<Vec<CaseSummary>, StoreError> {
    let rows = sqlx::query(
        "SELECT id, ticket, opened_at, updated_at, outcome FROM cases \
         WHERE lower(ticket COLLATE \"C\") = lower($1 COLLATE \"C\") \
         ORDER BY opened_at DESC, id COLLATE \"C\" DESC",
    )
    .bind(ticket.to_string())
    .fetch_all(tx)
    .await?;
    rows.iter().map(read_line).collect()
}

fn read_line(row: &PgRow) -> Result<CaseSummary, StoreError> {
    let id = codec::case(row.try_get("id")?)?;
    Ok(CaseSummary {
        ticket: codec::ticket(row.try_get("ticket")?)?,
        opened_at: row.try_get("opened_at")?,
        updated_at: row.try_get("updated_at")?,
        outcome: read_outcome(&id, row.try_get("outcome")?)?,
        id,
    })
}
