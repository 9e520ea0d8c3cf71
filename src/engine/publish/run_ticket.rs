//! The ticket of a schedule: the run of a schedule has no issue, until something needs a person.

use crate::core::case::Case;
use crate::core::ids::ScheduleName;
use crate::core::playbook::Library;
use crate::core::ticket::TicketId;
use crate::engine::context::Context;
use crate::engine::publish::error::PublishError;
use crate::engine::publish::labels::needs_human;
use crate::engine::publish::once::{new_ticket, once, people, write};
use crate::engine::publish::report_text::report_text;
use crate::ports::{Marker, Urgency};
use serde_json::json;

/// Opens a ticket with the report of a run, for people. While it is open, the next run that needs a person edits its
/// report instead of opening another. `None` if no repository reaches the system any more.
///
/// # Errors
/// The forge or the journal fails, or another replica is opening it.
pub(super) async fn open_run_ticket(
    context: &Context,
    case: &Case,
    library: &Library,
    schedule: &ScheduleName,
) -> Result<Option<TicketId>, PublishError> {
    let system = case.scope().system();
    let Some(repo) = system.and_then(|system| context.ticket_repo(system)) else { return Ok(None) };
    let marker = Marker::new(&format!("schedule={schedule}"));
    let view = json!({
        "people": people(context),
        "schedule": schedule,
        "system": system,
        "title": case.ticket.title.as_str(),
    });
    let title = context.prompts.line("run_title", &view);
    let text = context.prompts.fill("run.md", view);
    let new = new_ticket(context, repo, marker, &title, &text);
    let report = report_text(context, case, library).await?;
    let opened = once(context, new.marker.as_str(), async {
        let id = context.forge.open(&new).await?;
        let marker = Marker::new(&format!("schedule={schedule} kind=report"));
        write(context, &id, &marker, &report, Urgency::Report).await?;
        context.forge.update_labels(&id, &needs_human(), &[], Urgency::HandOver).await?;
        context.forge.assign(&id, &context.forge_settings.on_call).await?;
        Ok::<_, PublishError>(id)
    });
    opened.await?.map(Some).ok_or(PublishError::Elsewhere)
}
