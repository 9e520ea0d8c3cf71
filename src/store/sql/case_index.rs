//! The list of cases as a table.

use crate::core::case::event::CaseId;
use crate::core::ticket::TicketId;
use crate::ports::CaseSummary;
use crate::store::case_index::{Summary, read_outcome};
use crate::store::codec;
use crate::store::error::StoreError;
use crate::store::sql::connection::Value::{Boolean, Integer, Moment, OptionalText, Text};
use crate::store::sql::connection::{Connection, Row};
use crate::store::sql::event;

/// A case as the list has it, locked against all others who would write it; `None` if the list lacks it.
pub(in crate::store) async fn lock<C: Connection>(
    tx: &mut C,
    id: &CaseId,
) -> Result<Option<Summary>, StoreError> {
    let row = tx.fetch_optional(C::DIALECT.locked_case, &[Text(id.as_str())]).await?;
    let read = |row: C::Row| {
        Ok(Summary { line: read_line(&row)?, ended: row.boolean("ended")?, head: row.text("head")? })
    };
    row.map(read).transpose()
}

pub(in crate::store) async fn save<C: Connection>(tx: &mut C, summary: &Summary) -> Result<(), StoreError> {
    let Summary { line, ended, head } = summary;
    tx.execute(
        "INSERT INTO cases (id, ticket, opened_at, updated_at, outcome, ended, head) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) \
         ON CONFLICT (id) DO UPDATE SET updated_at = excluded.updated_at, \
         outcome = excluded.outcome, ended = excluded.ended, head = excluded.head",
        &[
            Text(line.id.as_str()),
            Text(&line.ticket.to_string()),
            Moment(line.opened_at),
            Moment(line.updated_at),
            OptionalText(summary.outcome()?.as_deref()),
            Boolean(*ended),
            Text(head),
        ],
    )
    .await?;
    Ok(())
}

/// Makes the whole list anew from the records. The caller lets nobody append meanwhile, and commits.
pub(in crate::store) async fn rebuild<C: Connection>(tx: &mut C) -> Result<(), StoreError> {
    tx.execute("DELETE FROM cases", &[]).await?;
    for id in event::all_cases(tx).await? {
        let summary = Summary::fold(&id, event::stored(tx, &id).await?)?;
        save(tx, &summary).await?;
    }
    // Their records are elsewhere.
    tx.execute(
        "INSERT INTO cases (id, ticket, opened_at, updated_at, outcome, ended, head) \
         SELECT case_id, ticket, opened_at, updated_at, outcome, true, head FROM archived_case",
        &[],
    )
    .await?;
    Ok(())
}

/// Cases that have not ended, oldest first.
pub(in crate::store) async fn open_cases<C: Connection>(tx: &mut C) -> Result<Vec<CaseId>, StoreError> {
    let rows = tx.fetch_all(C::DIALECT.open_cases, &[]).await?;
    rows.iter().map(|row| row.case("id")).collect()
}

/// The newest cases first.
pub(in crate::store) async fn newest<C: Connection>(
    tx: &mut C,
    limit: u32,
) -> Result<Vec<CaseSummary>, StoreError> {
    let rows = tx.fetch_all(C::DIALECT.newest_cases, &[Integer(i64::from(limit))]).await?;
    rows.iter().map(read_line).collect()
}

/// All cases of a ticket, the newest first.
pub(in crate::store) async fn of_ticket<C: Connection>(
    tx: &mut C,
    ticket: &TicketId,
) -> Result<Vec<CaseSummary>, StoreError> {
    let rows = tx.fetch_all(C::DIALECT.cases_of_ticket, &[Text(&ticket.to_string())]).await?;
    rows.iter().map(read_line).collect()
}

fn read_line(row: &impl Row) -> Result<CaseSummary, StoreError> {
    let id = row.case("id")?;
    Ok(CaseSummary {
        ticket: codec::ticket(&row.text("ticket")?)?,
        opened_at: row.moment("opened_at")?,
        updated_at: row.moment("updated_at")?,
        outcome: read_outcome(&id, row.optional_text("outcome")?)?,
        id,
    })
}
