//! Signals to a running case by the label that pauses it.

use crate::core::case::Case;
use crate::core::case::event::CaseId;
use crate::core::case::signal::{QueuedSignal, Signal, SignalKind};
use crate::core::ticket::Ticket;
use crate::engine::context::Context;
use crate::engine::intake::open::IntakeError;

/// While a ticket has this label, nothing is changed for it.
const PAUSE_LABEL: &str = "medic:pause";

/// Signals to a ticket's running case that the pause label was added or removed. Gives the case if there
/// was something to signal.
///
/// `ticket` may be a snapshot, as lists and deliveries have it, and older than what is known already. So a pause
/// is lifted only if GitHub shows the ticket without the label now.
///
/// # Errors
/// If GitHub or the journal cannot be used.
pub(crate) async fn apply_pause_label(
    context: &Context,
    case: &Case,
    ticket: &Ticket,
) -> Result<Option<CaseId>, IntakeError> {
    let queued = match signal_from_label(case, ticket) {
        Some(queued) if queued.signal.kind == SignalKind::Resume => {
            signal_from_label(case, &context.forge.ticket(&ticket.id).await?)
        }
        queued => queued,
    };
    let Some(QueuedSignal { key, signal }) = queued else { return Ok(None) };
    context.journal.send_signal(&case.id, &key, &signal).await?;
    Ok(Some(case.id.clone()))
}

/// Whether the ticket has the label that pauses its case.
pub fn has_pause_label(ticket: &Ticket) -> bool {
    ticket.labels.iter().any(|label| label.eq_ignore_ascii_case(PAUSE_LABEL))
}

/// What the labels of a ticket signal to its case, unless the case knows it already.
pub(crate) fn signal_from_label(case: &Case, ticket: &Ticket) -> Option<QueuedSignal> {
    let kind = match (has_pause_label(ticket), &case.ticket_pause) {
        (true, None) => SignalKind::Pause,
        (false, Some(_)) => SignalKind::Resume,
        _ => return None,
    };
    let signal = Signal { by: format!("the label {PAUSE_LABEL}"), at: ticket.updated_at, kind };
    // Each time that the label is added or removed is a signal of its own.
    Some(QueuedSignal { key: format!("label {}", case.processed_signals.len()), signal })
}
