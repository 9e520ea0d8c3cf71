//! The past: the cases that a ticket has, or had.

use crate::core::case::Case;
use crate::core::ticket::TicketId;
use crate::engine::Context;
use crate::engine::case::load::load_case;
use crate::ports::{CaseSummary, JournalError};

/// How many of the newest cases are asked about what goes on elsewhere.
pub(crate) const RECENT: u32 = 500;

/// The case of a ticket: the one at work, or else the newest.
pub(crate) async fn active_or_latest_case(
    agent: &Context,
    ticket: &TicketId,
) -> Result<Option<Case>, JournalError> {
    let lines = agent.journal.cases_of(ticket).await?;
    let Some(line) = lines.iter().find(|line| line.outcome.is_none()).or(lines.first()) else {
        return Ok(None);
    };
    fold(agent, line).await
}

/// The case of a ticket that has not come to its outcome.
pub(crate) async fn running_case(agent: &Context, ticket: &TicketId) -> Result<Option<Case>, JournalError> {
    let lines = agent.journal.cases_of(ticket).await?;
    let Some(line) = lines.iter().find(|line| line.outcome.is_none()) else { return Ok(None) };
    fold(agent, line).await
}

/// The newest case of a ticket, if its journal makes sense; a look beside it does not count.
pub(crate) async fn latest_case(agent: &Context, ticket: &TicketId) -> Result<Option<Case>, JournalError> {
    for line in agent.journal.cases_of(ticket).await? {
        let Some(case) = fold(agent, &line).await? else { return Ok(None) };
        if !case.scope().is_read_only() {
            return Ok(Some(case));
        }
    }
    Ok(None)
}

async fn fold(agent: &Context, line: &CaseSummary) -> Result<Option<Case>, JournalError> {
    load_case(agent, &line.id).await
}
