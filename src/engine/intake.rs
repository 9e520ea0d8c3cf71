//! Intake: the one door behind all doors. It turns tickets and commands into cases, once.

use super::Agent;
use super::label::NEEDS_HUMAN;
use super::past::newest_case;
use super::reply::take_open_again;
use super::words::heed_label;
use crate::core::case::Case;
use crate::core::event::{CaseId, Door, Event};
use crate::core::outcome::{Code, Outcome};
use crate::core::ticket::{State, Ticket, TicketId};
use crate::ports::{ForgeError, Intake, JournalError, Opening};

/// Why something that came in was not taken.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    #[error(transparent)]
    Forge(#[from] ForgeError),
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// Whether the agent takes an issue of its own accord: open, labelled, and not locked.
pub fn wants(agent: &Agent, ticket: &Ticket) -> bool {
    let has = |label: &str| ticket.labels.iter().any(|name| name.eq_ignore_ascii_case(label));
    // The label of a case that was handed over says that a person has it, even if the journal is lost.
    ticket.state == State::Open && !ticket.locked && has(&agent.manners.label) && !has(NEEDS_HUMAN)
}

/// Opens a case for a ticket, unless this content has been taken in before or a case is running.
/// `key` names the content: the same key never opens a second case.
pub async fn take_in(agent: &Agent, ticket: Ticket, door: Door, key: &str) -> Result<Intake, JournalError> {
    let also = vec![issue_key(&ticket.id)];
    open(agent, ticket, door, key, also).await
}

/// The same; `also` is what the case answers too.
pub(super) async fn open(
    agent: &Agent,
    ticket: Ticket,
    door: Door,
    key: &str,
    also: Vec<String>,
) -> Result<Intake, JournalError> {
    agent.journal.keep_library(&agent.library.hash, &agent.files).await?;
    let opening = Opening {
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
pub(super) fn issue_key(id: &TicketId) -> String {
    format!("issue {id}")
}

/// Takes in an issue that is there to be taken: once in its life, by whichever door it comes first.
/// The agent's own tickets come in by the sweep that opened them, which knows what they are about.
pub async fn take_issue(agent: &Agent, ticket: Ticket, door: Door) -> Result<Option<CaseId>, IntakeError> {
    if let Some(case) = heed_label(agent, &ticket).await? {
        return Ok(Some(case));
    }
    if let Some(newest) = newest_case(agent, &ticket.id).await? {
        if let Some(case) = take_reworded(agent, &ticket, &newest).await? {
            return Ok(Some(case));
        }
        if let Some(case) = take_open_again(agent, &ticket, &newest).await? {
            return Ok(Some(case));
        }
    }
    if !wants(agent, &ticket) || ticket.author == agent.forge.me().await? {
        return Ok(None);
    }
    let key = issue_key(&ticket.id);
    Ok(opened(take_in(agent, ticket, door, &key).await?))
}

/// Takes in an issue once more that named no system that is looked after, and has other words since.
async fn take_reworded(agent: &Agent, ticket: &Ticket, case: &Case) -> Result<Option<CaseId>, IntakeError> {
    if ticket.state != State::Open || ticket.locked {
        return Ok(None);
    }
    let named_none =
        matches!(&case.outcome, Some(Outcome::Escalated(escalation)) if escalation.code == Code::NoSystem);
    if !named_none || (&case.ticket.title, &case.ticket.body) == (&ticket.title, &ticket.body) {
        return Ok(None);
    }
    let key = format!("reworded {} {}", ticket.id, ticket.updated_at.timestamp());
    Ok(opened(take_in(agent, ticket.clone(), case.door.clone(), &key).await?))
}

/// The case that came of it, if one did.
pub(super) fn opened(intake: Intake) -> Option<CaseId> {
    match intake {
        Intake::Opened(case) => Some(case),
        Intake::Seen | Intake::Running(_) => None,
    }
}
