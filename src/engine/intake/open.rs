//! Opening cases: once for each content that comes in.

use crate::core::case::event::{CaseId, Event, Source};
use crate::core::ticket::{Ticket, TicketId, TicketState};
use crate::engine::context::Context;
use crate::engine::publish::labels::NEEDS_HUMAN;
use crate::ports::{ForgeError, JournalError, NewCase, OpenResult};
use crate::telemetry::spans;
use crate::telemetry::spans::field;
use tracing::Instrument;

/// Why something that came in was not taken.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// The forge cannot be used now, or refuses for good.
    #[error(transparent)]
    Forge(#[from] ForgeError),
    /// The journal cannot be used, or holds what cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// Whether Fieldmedic accepts an issue by itself: it is open and not locked, and has the label or is a monitor's.
pub(crate) fn should_accept(context: &Context, ticket: &Ticket) -> bool {
    let has = |label: &str| ticket.labels.iter().any(|name| name.eq_ignore_ascii_case(label));
    // The label of an escalated case says that a person has the ticket, even if the journal is lost.
    ticket.state == TicketState::Open
        && !ticket.locked
        && context.forge_settings.is_ticket(ticket)
        && !has(NEEDS_HUMAN)
}

/// Opens a case for a ticket, unless this content was taken in before or a case is running. `key` names the
/// content: the same key never opens a second case. An issue that has had a case is not accepted again by
/// itself.
///
/// # Errors
/// If the journal cannot be used.
pub async fn open_case(
    context: &Context,
    ticket: Ticket,
    source: Source,
    key: &str,
) -> Result<OpenResult, JournalError> {
    let also = vec![issue_dedupe_key(&ticket.id)];
    open(context, ticket, source, key, also).await
}

/// Opens a case as [`open_case`] does; `also` are the keys of other content that the case answers.
pub(crate) async fn open(
    context: &Context,
    ticket: Ticket,
    source: Source,
    key: &str,
    also: Vec<String>,
) -> Result<OpenResult, JournalError> {
    let store = || context.journal.store_library(&context.library.hash, &context.files);
    context.library_stored.get_or_try_init(store).await?;
    let opening = NewCase {
        case: CaseId::derive(&ticket.id, key),
        ticket: ticket.id.clone(),
        key: key.to_owned(),
        also,
        at: context.clock.now(),
        first: Event::Opened { ticket, source, library: context.library.hash.clone() },
    };
    let append = context.journal.open_case(&opening).instrument(spans::journal_append("opened", 0));
    let result = append.await?;
    if let OpenResult::Opened(case) = &result {
        tracing::info!({ field::CASE } = %case, { field::TICKET } = %opening.ticket, "case opened");
    }
    Ok(result)
}

/// The key of an issue as such.
pub(crate) fn issue_dedupe_key(id: &TicketId) -> String {
    format!("issue {id}")
}

/// The case that was opened, if one was.
pub(crate) fn opened_case(result: OpenResult) -> Option<CaseId> {
    match result {
        OpenResult::Opened(case) => Some(case),
        OpenResult::Duplicate | OpenResult::Running(_) => None,
    }
}
