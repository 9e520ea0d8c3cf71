//! Words: what people say to cases that are at work, by comments and by a label.

use super::Agent;
use super::past::{case_of, running_case};
use crate::core::case::Case;
use crate::core::event::CaseId;
use crate::core::ticket::Ticket;
use crate::core::word::{Posted, Says, Word};
use crate::ports::{Comment, JournalError};

/// A ticket with this label gets nothing changed for it until the label is taken off.
const PAUSE: &str = "medic:pause";

/// Why a word was not passed on; `prompts/reply.md` says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unheeded {
    NoCase,
    NothingAsked,
    AnotherPlan,
}

/// Leaves a word for the case of a ticket. The word of one comment is left once.
pub(super) async fn say(
    agent: &Agent,
    comment: &Comment,
    key: &str,
    says: Says,
) -> Result<Result<CaseId, Unheeded>, JournalError> {
    let Some(case) = case_of(agent, &comment.ticket).await? else { return Ok(Err(Unheeded::NoCase)) };
    // The comment came by another door before, and the case may have ended by it.
    if case.heard.contains(key) {
        return Ok(Ok(case.id));
    }
    if case.outcome.is_some() {
        return Ok(Err(Unheeded::NoCase));
    }
    match (&says, &case.asked) {
        (Says::Approve { .. } | Says::Deny, None) => return Ok(Err(Unheeded::NothingAsked)),
        (Says::Approve { plan }, Some(asked)) if !asked.plan.is_meant_by(plan) => {
            return Ok(Err(Unheeded::AnotherPlan));
        }
        _ => {}
    }
    let word = Word { by: comment.author.clone(), at: comment.created_at, says };
    agent.journal.post(&case.id, key, &word).await?;
    Ok(Ok(case.id))
}

/// Tells a running case of the label that pauses it, or that it was taken off. Gives the case if there
/// was something to tell.
pub async fn heed_label(agent: &Agent, ticket: &Ticket) -> Result<Option<CaseId>, JournalError> {
    let Some(case) = running_case(agent, &ticket.id).await? else { return Ok(None) };
    let Some(Posted { key, word }) = word_of_label(&case, ticket) else { return Ok(None) };
    agent.journal.post(&case.id, &key, &word).await?;
    Ok(Some(case.id))
}

/// What the labels of a ticket say to its case that it has not heard yet.
pub(super) fn word_of_label(case: &Case, ticket: &Ticket) -> Option<Posted> {
    let paused = ticket.labels.iter().any(|label| label.eq_ignore_ascii_case(PAUSE));
    let says = match (paused, &case.halt) {
        (true, None) => Says::Pause,
        (false, Some(_)) => Says::Resume,
        _ => return None,
    };
    let word = Word { by: format!("the label {PAUSE}"), at: ticket.updated_at, says };
    // Each time it is put on or taken off is one to hear.
    Some(Posted { key: format!("label {}", case.heard.len()), word })
}
