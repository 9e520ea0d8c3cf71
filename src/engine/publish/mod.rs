//! Publishing: everything that a case writes on the forge. Each act is recorded.

mod error;
pub(crate) mod forecast_ticket;
pub(crate) mod labels;
pub(crate) mod once;
pub(crate) mod operations_entry;
mod problem_ticket;
pub(crate) mod reminder;
pub(crate) mod report_text;
mod run_ticket;

use crate::core::case::Case;
use crate::core::case::event::{CaseId, Event, Publication, Source};
use crate::core::case::inquiry::InquiryPurpose;
use crate::core::case::outcome::Outcome;
use crate::core::case::published::Published;
use crate::core::chatops::scope::CaseScope;
use crate::core::decide::action::Action;
use crate::core::playbook::Library;
use crate::core::reading::Language;
use crate::core::view::report::report;
use crate::engine::case::answer::answer;
use crate::engine::case::probe::millis;
use crate::engine::case::writer::{CaseError, CaseWriter};
use crate::engine::chatops::conclusion::mark_done;
use crate::engine::context::Context;
use crate::engine::publish::error::PublishError;
use crate::engine::publish::labels::{set_label, status_urgency};
use crate::engine::publish::once::{people, write};
use crate::engine::publish::problem_ticket::open_problem;
use crate::engine::publish::report_text::report_text;
use crate::engine::publish::run_ticket::open_run_ticket;
use crate::ports::{ForgeError, Marker, Urgency};
use crate::render::escape;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// A change waits no longer for the comment that announces it. If GitHub took it all the same, the next edit finds it.
const PATIENCE: Duration = Duration::from_secs(3);

/// Carries out an action that says something. Any other is none of its business.
pub(crate) async fn publish(writer: &mut CaseWriter<'_>, action: Action) -> Result<(), CaseError> {
    match action {
        Action::RequestApproval => publish_text(writer, Publication::ApprovalRequest, request_approval).await,
        Action::AskReporter => publish_text(writer, Publication::Inquiry, ask_reporter).await,
        Action::RemindReporter => publish_text(writer, Publication::InquiryReminder, remind_reporter).await,
        Action::ShowStatus => publish_text(writer, Publication::Status, show_status).await,
        Action::SetLabel => publish_text(writer, Publication::Label, set_label).await,
        Action::Reopen => publish_text(writer, Publication::Reopen, reopen).await,
        Action::OpenProblemTicket => report_problem(writer).await,
        Action::PostReport => publish_text(writer, Publication::Report, post_report).await,
        Action::CallPeople => publish_text(writer, Publication::Assign, call_people).await,
        Action::Close => publish_text(writer, Publication::Close, close).await,
        _ => Ok(()),
    }
}

/// Publishes something, and records that, or why not.
async fn publish_text(
    writer: &mut CaseWriter<'_>,
    publication: Publication,
    publish: impl AsyncFnOnce(&Context, &Case, &Library) -> Result<(), PublishError>,
) -> Result<(), CaseError> {
    let what = writer.case.due(publication);
    let start = Instant::now();
    let publish = publish(writer.context, &writer.case, writer.library);
    let is_passing = matches!(publication, Publication::Status | Publication::Label)
        && status_urgency(&writer.case) == Urgency::Passing;
    let result = match is_passing {
        true => timeout(PATIENCE, publish).await.unwrap_or(Err(PublishError::Forge(ForgeError::Busy))),
        false => publish.await,
    };
    record(writer, publication, result.map(|()| what), start).await
}

/// Records what came of a publication. What cannot be read from the journal is no failure of the forge,
/// and is not recorded as one.
async fn record(
    writer: &mut CaseWriter<'_>,
    publication: Publication,
    result: Result<Published, PublishError>,
    start: Instant,
) -> Result<(), CaseError> {
    let event = match result {
        Ok(what) => Event::Published { what, took_ms: millis(start) },
        Err(PublishError::Journal(error)) => return Err(error.into()),
        Err(error) => {
            match error {
                PublishError::Forge(ForgeError::Busy) => tracing::debug!(?publication, "left out: {error}"),
                _ => tracing::warn!(case = %writer.case.id, ?publication, %error, "this was not published"),
            }
            let why = writer.context.redactor.text(&error.to_string());
            let is_believed = writer.case.publishing.is_believed(publication);
            Event::PublishFailed { publication, why, lasting: error.is_final(is_believed) }
        }
    };
    writer.append(event).await
}

async fn show_status(context: &Context, case: &Case, library: &Library) -> Result<(), PublishError> {
    let text = context.prompts.fill("status.md", json!({ "report": report(case, library) }));
    comment(context, case, "status", &text, status_urgency(case)).await
}

/// People are told of new comments only, so each plan is asked about in one of its own.
async fn request_approval(context: &Context, case: &Case, library: &Library) -> Result<(), PublishError> {
    let Some(asked) = &case.pending_approval else { return Ok(()) };
    let data = json!({
        "report": report(case, library),
        "command": context.forge_settings.command,
        "people": people(context),
    });
    let text = context.prompts.fill("approval.md", data);
    comment(context, case, &format!("question plan={}", asked.plan.hash), &text, Urgency::HandOver).await
}

/// Asks the reporter, in a comment of its own: people are told of new comments only.
async fn ask_reporter(context: &Context, case: &Case, library: &Library) -> Result<(), PublishError> {
    let Some(inquiry) = &case.inquiry else { return Ok(()) };
    let text = context.prompts.fill("inquiry.md", inquiry_data(context, case, library));
    let marker = inquiry_marker(&case.id, inquiry.purpose);
    Ok(write(context, &case.ticket.id, &marker, &text, Urgency::HandOver).await?)
}

async fn remind_reporter(context: &Context, case: &Case, library: &Library) -> Result<(), PublishError> {
    let text = context.prompts.fill("inquiry_reminder.md", inquiry_data(context, case, library));
    comment(context, case, "inquiry-reminder", &text, Urgency::Status).await
}

fn inquiry_data(context: &Context, case: &Case, library: &Library) -> Value {
    let system_type = case.triage.as_ref().and_then(|triage| triage.system(library));
    let on_silence = context.policy.confirmation.on_silence;
    let closes = system_type.is_some_and(|system_type| case.closes_on_silence(&system_type, on_silence));
    json!({
        "report": report(case, library),
        "language": case.reading.as_ref().map_or(Language::English, |reading| reading.language),
        "author": mention(&case.ticket.author),
        "answer": answer(case, library).transpose().ok().flatten(),
        "closes": closes,
    })
}

/// A login that is mentioned, if it has the form of one.
fn mention(login: &str) -> String {
    let is_login =
        !login.is_empty() && login.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if is_login { format!("@{login}") } else { escape(login) }
}

/// The comment that asks the reporter of a case.
pub(crate) fn inquiry_marker(case: &CaseId, purpose: InquiryPurpose) -> Marker {
    let purpose = match purpose {
        InquiryPurpose::ConfirmFix => "confirm",
        InquiryPurpose::ConfirmAnswer => "answer",
        InquiryPurpose::Details => "details",
    };
    Marker::new(&format!("case={case} kind=inquiry purpose={purpose}"))
}

async fn post_report(context: &Context, case: &Case, library: &Library) -> Result<(), PublishError> {
    let text = report_text(context, case, library).await?;
    match &case.source {
        // Alerts come and go: what was seen last takes the place of what was seen before.
        Source::Alert { scope: CaseScope::Diagnose { .. }, .. } => {
            let marker = Marker::new("alert kind=alert-look");
            write(context, &case.ticket.id, &marker, &text, Urgency::Report).await?;
        }
        _ => comment(context, case, "report", &text, Urgency::Report).await?,
    }
    mark_done(context, case).await;
    Ok(())
}

/// Opens the issue again, and says why to those who follow it.
async fn reopen(context: &Context, case: &Case, library: &Library) -> Result<(), PublishError> {
    let suspect = match &case.source {
        Source::Recurrence { suspect, .. } => suspect,
        Source::CloseDispute(dispute) => {
            context.forge.reopen(&case.ticket.id).await?;
            let text = context.prompts.fill("objection.md", json!({ "who": dispute.by }));
            return comment(context, case, "objection", &text, Urgency::Report).await;
        }
        _ => return Ok(()),
    };
    context.forge.reopen(&case.ticket.id).await?;
    let system_type = context.inventory.systems.get(&suspect.system).map(|system| &system.system_type);
    let fault = system_type
        .and_then(|system_type| library.systems.get(system_type))
        .and_then(|system_type| system_type.fault(&suspect.playbook));
    let title = fault.map_or(suspect.playbook.as_str(), |fault| &fault.title);
    let text = context.prompts.fill("returned.md", json!({ "title": title, "system": suspect.system }));
    comment(context, case, "returned", &text, Urgency::Report).await
}

/// Opens the ticket about a fault that keeps coming back, or about the run of a schedule, and records which it is.
async fn report_problem(writer: &mut CaseWriter<'_>) -> Result<(), CaseError> {
    let start = Instant::now();
    let result = match &writer.case.source {
        Source::Schedule { schedule, .. } => {
            open_run_ticket(writer.context, &writer.case, writer.library, schedule).await
        }
        _ => open_problem(writer.context, &writer.case).await.map(Some),
    };
    let result = result.map(|ticket| Published::Problem { ticket });
    record(writer, Publication::Problem, result, start).await
}

async fn call_people(context: &Context, case: &Case, _: &Library) -> Result<(), PublishError> {
    let on_call = &context.forge_settings.on_call;
    if on_call.is_empty() {
        return Ok(());
    }
    let text = context.prompts.fill("called.md", json!({ "people": people(context) }));
    comment(context, case, "call", &text, Urgency::HandOver).await?;
    Ok(context.forge.assign(&case.ticket.id, on_call).await?)
}

async fn close(context: &Context, case: &Case, _: &Library) -> Result<(), PublishError> {
    if !case.outcome.as_ref().is_some_and(Outcome::closes) {
        return Ok(());
    }
    Ok(context.forge.close(&case.ticket.id).await?)
}

async fn comment(
    context: &Context,
    case: &Case,
    kind: &str,
    text: &str,
    urgency: Urgency,
) -> Result<(), PublishError> {
    let marker = Marker::new(&format!("case={} kind={kind}", case.id));
    Ok(write(context, &case.ticket.id, &marker, text, urgency).await?)
}
