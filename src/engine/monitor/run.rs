//! Runs of playbooks that the configuration schedules. Each run is a case without an issue: its report stays in the
//! journal, unless a person is needed.

use crate::core::case::event::{CaseId, Source};
use crate::core::case::scheduled_run::ScheduledRun;
use crate::core::ticket::{Ticket, TicketId, TicketState};
use crate::engine::context::Context;
use crate::engine::intake::open::open;
use crate::ports::{JournalError, OpenResult};
use chrono::{DateTime, Utc};

/// Opens the case of a run that was due at a moment. `None` if the run before is not over, or another process has opened
/// it.
///
/// # Errors
/// If the journal cannot be used.
pub async fn start_run(
    context: &Context,
    run: &ScheduledRun,
    due: DateTime<Utc>,
) -> Result<Option<CaseId>, JournalError> {
    let ticket = Ticket {
        id: TicketId::of_schedule(&run.name),
        title: context.redactor.text(&run.title),
        body: context.redactor.text(""),
        author: String::new(),
        labels: Vec::new(),
        state: TicketState::Open,
        locked: false,
        created_at: due,
        updated_at: due,
        url: String::new(),
    };
    let source = Source::Schedule { schedule: run.name.clone(), scope: run.scope.clone() };
    let key = format!("schedule {} {}", run.name, due.to_rfc3339());
    match open(context, ticket, source, &key, Vec::new()).await? {
        OpenResult::Opened(case) => Ok(Some(case)),
        OpenResult::Duplicate => Ok(None),
        OpenResult::Running(case) => {
            tracing::warn!(schedule = %run.name, %case, "left out, because the run before is not over");
            Ok(None)
        }
    }
}
