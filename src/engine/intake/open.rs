//! Intake: the one door behind all doors. It turns tickets and commands into cases, once.

use crate::core::case::Case;
use crate::core::case::event::{CaseId, Event, Source};
use crate::core::case::outcome::{Code, Outcome};
use crate::core::ticket::{Ticket, TicketId, TicketState};
use crate::engine::Context;
use crate::engine::case::find::latest_case;
use crate::engine::chatops::signals::apply_pause_label;
use crate::engine::intake::feedback::check_reopened;
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

/// Takes in an issue that is there to be taken: once in its life, by whichever door it comes first.
/// The agent's own tickets come in by the sweep that opened them, which knows what they are about.
pub async fn accept_issue(
    agent: &Context,
    ticket: Ticket,
    door: Source,
) -> Result<Option<CaseId>, IntakeError> {
    if let Some(case) = apply_pause_label(agent, &ticket).await? {
        return Ok(Some(case));
    }
    if let Some(newest) = latest_case(agent, &ticket.id).await? {
        if let Some(case) = accept_edited_issue(agent, &ticket, &newest).await? {
            return Ok(Some(case));
        }
        if let Some(case) = check_reopened(agent, &ticket, &newest).await? {
            return Ok(Some(case));
        }
    }
    if !should_accept(agent, &ticket) || ticket.author == agent.forge.me().await? {
        return Ok(None);
    }
    let key = issue_dedupe_key(&ticket.id);
    Ok(opened_case(open_case(agent, ticket, door, &key).await?))
}

/// Takes in an issue once more that named no system that is looked after, and has other words since.
async fn accept_edited_issue(
    agent: &Context,
    ticket: &Ticket,
    case: &Case,
) -> Result<Option<CaseId>, IntakeError> {
    if ticket.state != TicketState::Open || ticket.locked {
        return Ok(None);
    }
    let named_none =
        matches!(&case.outcome, Some(Outcome::Escalated(escalation)) if escalation.code == Code::NoSystem);
    if !named_none || (&case.ticket.title, &case.ticket.body) == (&ticket.title, &ticket.body) {
        return Ok(None);
    }
    let key = format!("reworded {} {}", ticket.id, ticket.updated_at.timestamp());
    Ok(opened_case(open_case(agent, ticket.clone(), case.source.clone(), &key).await?))
}

/// The case that came of it, if one did.
pub(crate) fn opened_case(intake: OpenResult) -> Option<CaseId> {
    match intake {
        OpenResult::Opened(case) => Some(case),
        OpenResult::Duplicate | OpenResult::Running(_) => None,
    }
}
