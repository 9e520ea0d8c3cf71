//! The list of cases as a table.

use crate::core::case::event::{CaseId, Event, EventKind};
use crate::core::ids::SystemName;
use crate::core::policy::run_history::{RunEvent, RunHistory};
use crate::core::ticket::TicketId;
use crate::core::ticket::triage::Triage;
use crate::ports::CaseSummary;
use crate::store::case_index::{Summary, outcome_word, read_outcome, search_text, shown_title};
use crate::store::codec;
use crate::store::error::StoreError;
use crate::store::sql::connection::Value::{Boolean, Integer, Moment, OptionalText, Text};
use crate::store::sql::connection::{Connection, Row};
use crate::store::sql::{event, runs};
use chrono::DateTime;
use std::collections::BTreeMap;

/// A case as the list has it, locked against all others who would write it; `None` if the list lacks it.
pub(in crate::store) async fn lock<C: Connection>(
    tx: &mut C,
    id: &CaseId,
) -> Result<Option<Summary>, StoreError> {
    let row = tx.fetch_optional(C::DIALECT.locked_case, &[Text(id.as_str())]).await?;
    let read = |row: C::Row| {
        let system = row.system()?;
        Ok(Summary {
            line: read_line(&row)?,
            title: row.optional_text("title")?,
            system,
            ended: row.boolean("ended")?,
            head: row.text("head")?,
        })
    };
    row.map(read).transpose()
}

/// Writes the line of a case. It is not parked then: what was known when it was parked is out of date.
pub(in crate::store) async fn save<C: Connection>(tx: &mut C, summary: &Summary) -> Result<(), StoreError> {
    let Summary { line, title, system, ended, head } = summary;
    tx.execute(
        "INSERT INTO cases (id, ticket, opened_at, updated_at, outcome, ended, head, system, \
            title, outcome_word, search_text) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
         ON CONFLICT (id) DO UPDATE SET updated_at = excluded.updated_at, \
         outcome = excluded.outcome, ended = excluded.ended, head = excluded.head, \
         system = excluded.system, title = excluded.title, outcome_word = excluded.outcome_word, \
         search_text = excluded.search_text, wake_at = NULL",
        &[
            Text(line.id.as_str()),
            Text(&line.ticket.to_string()),
            Moment(line.opened_at),
            Moment(line.updated_at),
            OptionalText(summary.outcome()?.as_deref()),
            Boolean(*ended),
            Text(head),
            OptionalText(system.as_ref().map(SystemName::as_str)),
            OptionalText(title.as_deref()),
            Text(outcome_word(line.outcome.as_ref())),
            Text(&search_text(line, title.as_deref(), system.as_ref())),
        ],
    )
    .await?;
    Ok(())
}

/// Makes the whole list anew from the records, and the index of runs. The caller lets nobody append meanwhile, and commits.
pub(in crate::store) async fn rebuild<C: Connection>(tx: &mut C) -> Result<(), StoreError> {
    tx.execute("DELETE FROM cases", &[]).await?;
    runs::clear(tx).await?;
    for id in event::all_cases(tx).await? {
        let records = event::stored(tx, &id).await?;
        let mut summary: Option<Summary> = None;
        for stored in records {
            let record = stored.record(&id)?;
            Summary::extend(&mut summary, &id, &record, stored.hash);
            let system = summary.as_ref().and_then(|summary| summary.system.as_ref());
            runs::take(tx, &id, system, &record).await?;
        }
        save(tx, &Summary::of(&id, summary)?).await?;
    }
    // Their records are elsewhere.
    tx.execute(
        "INSERT INTO cases (id, ticket, opened_at, updated_at, outcome, ended, head) \
         SELECT case_id, ticket, opened_at, updated_at, outcome, true, head FROM archived_case",
        &[],
    )
    .await?;
    fill_search(tx).await
}

/// Makes every line findable that is not: those of archived cases, and all those that an older version has written.
pub(in crate::store) async fn fill_search<C: Connection>(tx: &mut C) -> Result<(), StoreError> {
    let lacking = "SELECT id, ticket, opened_at, updated_at, outcome, system, title FROM cases \
         WHERE search_text = ''";
    for row in tx.fetch_all(lacking, &[]).await? {
        let (line, title) = (read_line(&row)?, row.optional_text("title")?);
        let system = row.system()?;
        tx.execute(
            "UPDATE cases SET outcome_word = $2, search_text = $3 WHERE id = $1",
            &[
                Text(line.id.as_str()),
                Text(outcome_word(line.outcome.as_ref())),
                Text(&search_text(&line, title.as_deref(), system.as_ref())),
            ],
        )
        .await?;
    }
    Ok(())
}

/// Fills in the titles and what people look for in a journal that has neither. A record that cannot be read is left
/// out.
pub(in crate::store) async fn fill_titles<C: Connection>(tx: &mut C) -> Result<(), StoreError> {
    for (case, record) in event::history(tx, &[EventKind::Opened], DateTime::UNIX_EPOCH).await?.records {
        let Event::Opened { ticket, .. } = &record.event else { continue };
        let values = [Text(case.as_str()), Text(shown_title(ticket))];
        tx.execute("UPDATE cases SET title = $2 WHERE id = $1", &values).await?;
    }
    fill_search(tx).await
}

/// Cases that have not ended, oldest first.
pub(in crate::store) async fn open_cases<C: Connection>(tx: &mut C) -> Result<Vec<CaseId>, StoreError> {
    let rows = tx.fetch_all(C::DIALECT.open_cases, &[]).await?;
    rows.iter().map(|row| row.case("id")).collect()
}

/// Fills the index of runs of a journal that has none, as far back as it is asked for. A record that cannot be read is
/// left out.
pub(in crate::store) async fn fill_runs<C: Connection>(tx: &mut C) -> Result<(), StoreError> {
    let newest = tx.fetch_optional("SELECT max(updated_at) AS at FROM cases", &[]).await?;
    let newest = newest.map(|row| row.optional_moment("at")).transpose()?.flatten();
    let Some(newest) = newest else { return Ok(()) };
    let kinds: Vec<EventKind> = RunEvent::KINDS.into_iter().chain([EventKind::Triaged]).collect();
    let mut systems = BTreeMap::new();
    for (case, record) in event::history(tx, &kinds, newest - RunHistory::LOOKBACK).await?.records {
        if let Event::Triaged(Triage { system: Some(system), .. }) = &record.event {
            let values = [Text(case.as_str()), Text(system.name.as_str())];
            tx.execute("UPDATE cases SET system = $2 WHERE id = $1", &values).await?;
            systems.insert(case.clone(), system.name.clone());
        }
        runs::take(tx, &case, systems.get(&case), &record).await?;
    }
    Ok(())
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

pub(in crate::store) fn read_line(row: &impl Row) -> Result<CaseSummary, StoreError> {
    let id = row.case("id")?;
    Ok(CaseSummary {
        ticket: codec::ticket(&row.text("ticket")?)?,
        opened_at: row.moment("opened_at")?,
        updated_at: row.moment("updated_at")?,
        outcome: read_outcome(&id, row.optional_text("outcome")?)?,
        id,
    })
}
