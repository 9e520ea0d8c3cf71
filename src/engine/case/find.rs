//! Finds the cases that a ticket has, or had.

use crate::core::case::Case;
use crate::core::ids::CaseId;
use crate::core::ticket::TicketId;
use crate::engine::context::Context;
use crate::ports::{CaseSummary, JournalError};

/// How many of the newest cases are asked about what goes on elsewhere.
pub(crate) const RECENT: u32 = 500;

/// The case of a ticket: the one that runs, or else the newest.
pub(crate) async fn active_or_latest_case(
    context: &Context,
    ticket: &TicketId,
) -> Result<Option<Case>, JournalError> {
    let cases = context.journal.cases_of(ticket).await?;
    let Some(summary) = cases.iter().find(|summary| summary.outcome.is_none()).or(cases.first()) else {
        return Ok(None);
    };
    fold(context, summary).await
}

/// The case of a ticket that has not come to its outcome.
pub(crate) async fn running_case(context: &Context, ticket: &TicketId) -> Result<Option<Case>, JournalError> {
    let cases = context.journal.cases_of(ticket).await?;
    let Some(summary) = cases.iter().find(|summary| summary.outcome.is_none()) else { return Ok(None) };
    fold(context, summary).await
}

/// The newest case of a ticket, if its journal makes sense; a read-only case does not count.
pub(crate) async fn latest_case(context: &Context, ticket: &TicketId) -> Result<Option<Case>, JournalError> {
    for summary in context.journal.cases_of(ticket).await? {
        let Some(case) = fold(context, &summary).await? else { return Ok(None) };
        if !case.scope().is_read_only() {
            return Ok(Some(case));
        }
    }
    Ok(None)
}

async fn fold(context: &Context, summary: &CaseSummary) -> Result<Option<Case>, JournalError> {
    load_case(context, &summary.id).await
}

/// A case from its records; `None` if they cannot be read or contradict each other. Who only asks about a
/// damaged case must not fail with it; its own worker sets it aside and says so.
///
/// # Errors
/// The journal cannot be used now.
pub(crate) async fn load_case(context: &Context, id: &CaseId) -> Result<Option<Case>, JournalError> {
    match context.journal.load(id).await {
        Ok(records) => Ok(Case::fold(id, &records).ok()),
        Err(error) if error.is_permanent() => Ok(None),
        Err(error) => Err(error),
    }
}
