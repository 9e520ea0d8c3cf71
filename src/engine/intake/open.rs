//! Opening a case: the one way, whatever it comes from. The same content opens one case, once.

use crate::core::case::event::{CaseId, Event, Source};
use crate::core::ticket::{Ticket, TicketId, TicketState};
use crate::engine::context::Context;
use crate::engine::publish::labels::NEEDS_HUMAN;
use crate::ports::{ForgeError, JournalError, NewCase, OpenResult};

/// Why something that came in was not taken.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    #[error(transparent)]
    Forge(#[from] ForgeError),
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// Whether the agent takes an issue of its own accord: open, labelled, and not locked.
pub fn should_accept(agent: &Context, ticket: &Ticket) -> bool {
    let has = |label: &str| ticket.labels.iter().any(|name| name.eq_ignore_ascii_case(label));
    // The label of a case that was handed over says that a person has it, even if the journal is lost.
    ticket.state == TicketState::Open
        && !ticket.locked
        && has(&agent.forge_settings.label)
        && !has(NEEDS_HUMAN)
}

/// Opens a case for a ticket, unless this content has been taken in before or a case is running.
/// `key` names the content: the same key never opens a second case.
pub async fn open_case(
    agent: &Context,
    ticket: Ticket,
    door: Source,
    key: &str,
) -> Result<OpenResult, JournalError> {
    let also = vec![issue_dedupe_key(&ticket.id)];
    open(agent, ticket, door, key, also).await
}

/// The same; `also` is what the case answers too.
pub(crate) async fn open(
    agent: &Context,
    ticket: Ticket,
    door: Source,
    key: &str,
    also: Vec<String>,
) -> Result<OpenResult, JournalError> {
    agent.journal.store_library(&agent.library.hash, &agent.files).await?;
    let opening = NewCase {
        case: CaseId::derive(&ticket.id, key),
        ticket: ticket.id.clone(),
        key: key.to_owned(),
        also,
        at: agent.clock.now(),
        first: Event::Opened { ticket, door, library: agent.library.hash.clone() },
    };
    agent.journal.open_case(&opening).await
}

/// An issue as such: whatever opened its first case, it is not taken again of the agent's own accord.
pub(crate) fn issue_dedupe_key(id: &TicketId) -> String {
    format!("issue {id}")
}

/// The case that came of it, if one did.
pub(crate) fn opened_case(intake: OpenResult) -> Option<CaseId> {
    match intake {
        OpenResult::Opened(case) => Some(case),
        OpenResult::Duplicate | OpenResult::Running(_) => None,
    }
}
