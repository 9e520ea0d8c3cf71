//! Words: what people say to cases that are at work, by comments and by a label.

use crate::core::case::Case;
use crate::core::case::event::CaseId;
use crate::core::case::signal::{QueuedSignal, Signal, SignalKind};
use crate::core::ticket::Ticket;
use crate::engine::Context;
use crate::engine::case::find::{active_or_latest_case, running_case};
use crate::ports::{Comment, JournalError};

/// A ticket with this label gets nothing changed for it until the label is taken off.
const PAUSE: &str = "medic:pause";

/// Why a word was not passed on; `prompts/reply.md` says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SignalRejected {
    NoCase,
    NothingPending,
    AnotherPlan,
}

/// Leaves a word for the case of a ticket. The word of one comment is left once.
pub(crate) async fn send_signal(
    agent: &Context,
    comment: &Comment,
    key: &str,
    says: SignalKind,
) -> Result<Result<CaseId, SignalRejected>, JournalError> {
    let Some(case) = active_or_latest_case(agent, &comment.ticket).await? else {
        return Ok(Err(SignalRejected::NoCase));
    };
    // The comment came by another door before, and the case may have ended by it.
    if case.processed_signals.contains(key) {
        return Ok(Ok(case.id));
    }
    if case.outcome.is_some() {
        return Ok(Err(SignalRejected::NoCase));
    }
    match (&says, &case.pending_approval) {
        (SignalKind::Approve { .. } | SignalKind::Deny, None) => {
            return Ok(Err(SignalRejected::NothingPending));
        }
        (SignalKind::Approve { plan }, Some(asked)) if !asked.plan.matches_id(plan) => {
            return Ok(Err(SignalRejected::AnotherPlan));
        }
        _ => {}
    }
    let word = Signal { by: comment.author.clone(), at: comment.created_at, kind: says };
    agent.journal.send_signal(&case.id, key, &word).await?;
    Ok(Ok(case.id))
}

/// Tells a running case of the label that pauses it, or that it was taken off. Gives the case if there
/// was something to tell.
pub async fn apply_pause_label(agent: &Context, ticket: &Ticket) -> Result<Option<CaseId>, JournalError> {
    let Some(case) = running_case(agent, &ticket.id).await? else { return Ok(None) };
    let Some(QueuedSignal { key, signal: word }) = signal_from_label(&case, ticket) else { return Ok(None) };
    agent.journal.send_signal(&case.id, &key, &word).await?;
    Ok(Some(case.id))
}

/// What the labels of a ticket say to its case that it has not heard yet.
pub(crate) fn signal_from_label(case: &Case, ticket: &Ticket) -> Option<QueuedSignal> {
    let paused = ticket.labels.iter().any(|label| label.eq_ignore_ascii_case(PAUSE));
    let says = match (paused, &case.ticket_pause) {
        (true, None) => SignalKind::Pause,
        (false, Some(_)) => SignalKind::Resume,
        _ => return None,
    };
    let word = Signal { by: format!("the label {PAUSE}"), at: ticket.updated_at, kind: says };
    // Each time it is put on or taken off is one to hear.
    Some(QueuedSignal { key: format!("label {}", case.processed_signals.len()), signal: word })
}
