//! Speaking: the acts on the forge, each told to the journal.

pub(crate) mod labels;
pub(crate) mod problem_ticket;
pub(crate) mod reminder;
use crate::core::case::Case;
use crate::core::case::event::{Event, Publication, Source};
use crate::core::case::outcome::{Closing, Outcome};
use crate::core::case::published::Published;
use crate::core::decide::action::Action;
use crate::core::playbook::Library;
use crate::core::text::format::format_minute;
use crate::core::ticket::TicketId;
use crate::core::view::report::report;
use crate::engine::Context;
use crate::engine::case::answer::answer;
use crate::engine::case::driver::{CaseError, CaseWriter, library_of};
use crate::engine::case::probe::millis;
use crate::engine::chatops::conclusion::{mark_done, readonly_report_data};
use crate::engine::publish::labels::set_label;
use crate::engine::publish::problem_ticket::open_problem;
use crate::ports::{CloseReason, ForgeError, Marker};
use serde_json::{Value, json};
use tokio::time::Instant;

/// Carries out an action that says something. Any other is none of its business.
pub(crate) async fn publish(pen: &mut CaseWriter<'_>, action: Action) -> Result<(), CaseError> {
    match action {
        Action::RequestApproval => publish_text(pen, Publication::ApprovalRequest, request_approval).await,
        Action::ShowStatus => publish_text(pen, Publication::Status, show_status).await,
        Action::SetLabel => publish_text(pen, Publication::Label, set_label).await,
        Action::Reopen => publish_text(pen, Publication::Reopen, reopen).await,
        Action::OpenProblemTicket => report_problem(pen).await,
        Action::PostReport => publish_text(pen, Publication::Report, post_report).await,
        Action::CallPeople => publish_text(pen, Publication::Assign, call_people).await,
        Action::Close => publish_text(pen, Publication::Close, close).await,
        _ => Ok(()),
    }
}

/// Publishes on the forge, and records what came of it.
async fn publish_text(
    pen: &mut CaseWriter<'_>,
    publication: Publication,
    speak: impl AsyncFnOnce(&Context, &Case, &Library) -> Result<(), ForgeError>,
) -> Result<(), CaseError> {
    let what = pen.case.due(publication);
    let start = Instant::now();
    let result = speak(pen.agent, &pen.case, pen.library).await;
    let event = match result {
        Ok(()) => Event::Published { what, took_ms: millis(start) },
        Err(error) => not_told(pen, publication, &error),
    };
    pen.append(event).await
}

fn not_told(pen: &CaseWriter<'_>, publication: Publication, error: &ForgeError) -> Event {
    tracing::warn!(case = %pen.case.id, ?publication, %error, "the forge did not take it");
    let why = pen.agent.redactor.text(&error.to_string());
    Event::PublishFailed { publication, why, lasting: error.is_permanent() }
}

async fn show_status(agent: &Context, case: &Case, library: &Library) -> Result<(), ForgeError> {
    let text = agent.prompts.fill("status.md", json!({ "report": report(case, library) }));
    comment(agent, case, "status", &text).await
}

/// People are told of new comments only, so each plan is asked about in one of its own.
async fn request_approval(agent: &Context, case: &Case, library: &Library) -> Result<(), ForgeError> {
    let Some(asked) = &case.pending_approval else { return Ok(()) };
    let data = json!({
        "report": report(case, library),
        "command": agent.forge_settings.command,
        "people": people(agent),
    });
    let text = agent.prompts.fill("approval.md", data);
    comment(agent, case, &format!("question plan={}", asked.plan.hash), &text).await
}

async fn post_report(agent: &Context, case: &Case, library: &Library) -> Result<(), ForgeError> {
    let (prompt, data) = if case.scope().is_read_only() {
        ("looked.md", readonly_report_data(case, library))
    } else {
        let answer = answer(case, library).transpose().ok().flatten();
        let earlier = earlier(agent, case).await?;
        ("report.md", json!({ "report": report(case, library), "answer": answer, "earlier": earlier }))
    };
    comment(agent, case, "report", &agent.prompts.fill(prompt, data)).await?;
    mark_done(agent, case).await;
    Ok(())
}

/// What the case said that an objection is about.
async fn earlier(agent: &Context, case: &Case) -> Result<Option<Value>, ForgeError> {
    let Some(objection) = &case.dispute else { return Ok(None) };
    let unread = |error: &dyn std::fmt::Display| ForgeError::Unreachable(format!("the journal: {error}"));
    let records = agent.journal.load(&objection.case).await.map_err(|error| unread(&error))?;
    let Ok(past) = Case::fold(&objection.case, &records) else { return Ok(None) };
    let library = library_of(agent, &past.library).await.map_err(|error| unread(&error))?;
    let report = report(&past, library.as_ref().unwrap_or(&agent.library));
    Ok(Some(json!({ "report": report, "closed": past.publishing.closed_at.map(format_minute) })))
}

/// Opens the issue again, and says why to those who follow it.
async fn reopen(agent: &Context, case: &Case, library: &Library) -> Result<(), ForgeError> {
    let suspect = match &case.source {
        Source::Recurrence { suspect, .. } => suspect,
        Source::CloseDispute(objection) => {
            agent.forge.reopen(&case.ticket.id).await?;
            let text = agent.prompts.fill("objection.md", json!({ "who": objection.by }));
            return comment(agent, case, "objection", &text).await;
        }
        _ => return Ok(()),
    };
    agent.forge.reopen(&case.ticket.id).await?;
    let kind = agent.inventory.systems.get(&suspect.system).map(|site| &site.system_type);
    let fault =
        kind.and_then(|kind| library.systems.get(kind)).and_then(|kind| kind.fault(&suspect.playbook));
    let title = fault.map_or(suspect.playbook.as_str(), |fault| &fault.title);
    let text = agent.prompts.fill("returned.md", json!({ "title": title, "system": suspect.system }));
    comment(agent, case, "returned", &text).await
}

/// Opens the ticket about a fault that comes back again and again, and remembers which it is.
async fn report_problem(pen: &mut CaseWriter<'_>) -> Result<(), CaseError> {
    let start = Instant::now();
    let event = match open_problem(pen.agent, &pen.case).await? {
        Ok(id) => Event::Published { what: Published::Problem { ticket: Some(id) }, took_ms: millis(start) },
        Err(error) => not_told(pen, Publication::Problem, &error),
    };
    pen.append(event).await
}

async fn call_people(agent: &Context, case: &Case, _: &Library) -> Result<(), ForgeError> {
    let on_call = &agent.forge_settings.on_call;
    if on_call.is_empty() {
        return Ok(());
    }
    let text = agent.prompts.fill("called.md", json!({ "people": people(agent) }));
    comment(agent, case, "call", &text).await?;
    agent.forge.assign(&case.ticket.id, on_call).await
}

async fn close(agent: &Context, case: &Case, _: &Library) -> Result<(), ForgeError> {
    let reason = match case.outcome.as_ref().and_then(Outcome::closing) {
        Some(Closing::Completed) => CloseReason::Completed,
        Some(Closing::NotPlanned) => CloseReason::NotPlanned,
        None => return Ok(()),
    };
    agent.forge.close(&case.ticket.id, reason).await
}

/// The people on call, mentioned.
pub(crate) fn people(agent: &Context) -> String {
    let people: Vec<String> = agent.forge_settings.on_call.iter().map(|login| format!("@{login}")).collect();
    people.join(" ")
}

async fn comment(agent: &Context, case: &Case, kind: &str, text: &str) -> Result<(), ForgeError> {
    let marker = Marker::new(&format!("case={} kind={kind}", case.id));
    write(agent, &case.ticket.id, &marker, text).await
}

/// Writes the comment with this marker, or edits it.
pub(crate) async fn write(
    agent: &Context,
    ticket: &TicketId,
    marker: &Marker,
    text: &str,
) -> Result<(), ForgeError> {
    let body = agent.redactor.text(&format!("{}\n{text}", marker.as_str()));
    agent.forge.upsert_comment(ticket, marker, &body).await
}
