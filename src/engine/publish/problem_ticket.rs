//! Problem tickets: a fault that keeps coming back gets a ticket of its own, with everything that is known
//! of each time.

use crate::core::case::{Case, Recurrence};
use crate::core::policy::run_history::{RemediationRun, RunHistory, RunResult};
use crate::core::text::format::format_minute;
use crate::core::ticket::TicketId;
use crate::core::view::report::{Report, report};
use crate::engine::case::history::runs_of;
use crate::engine::case::library::library_of;
use crate::engine::case::load::load_case;
use crate::engine::context::Context;
use crate::engine::publish::error::PublishError;
use crate::engine::publish::once::{new_ticket, once, people};
use crate::ports::{Label, Marker, NewTicket, Urgency};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

/// How far back before a fault one looks for what may have caused it.
const BEFORE: TimeDelta = TimeDelta::days(1);

/// Opens the ticket about the fault of a case that keeps coming back, or finds the one that is open.
///
/// # Errors
/// The forge or the journal fails, or another replica is opening it.
pub(crate) async fn open_problem(context: &Context, case: &Case) -> Result<TicketId, PublishError> {
    let Some(recurred) = &case.recurrence else { return Ok(case.ticket.id.clone()) };
    let report = report_of(context, case).await?;
    let fault = |report: &Report| report.findings.iter().map(|line| line.title.clone()).next();
    let remediated = report.remediations.last().map(|remediation| remediation.title.clone());
    let title = remediated.or_else(|| fault(&report)).unwrap_or_else(|| recurred.playbook.to_string());
    let system = report.system.clone().unwrap_or_default();
    let marker = Marker::new(&format!("problem system={system} playbook={}", recurred.playbook));
    let text = context.prompts.fill(
        "problem.md",
        json!({
            "people": people(context),
            "title": title,
            "system": system,
            "count": recurred.count,
            "occurrences": occurrences(context, case, recurred).await?,
            "advice": report.advice.first(),
        }),
    );
    let title = format!("{system}: {title} keeps coming back");
    let new = new_ticket(context, &case.ticket.id.repo, marker, &title, &text);
    let opened = once(context, new.marker.as_str(), open(context, &new)).await?;
    opened.ok_or(PublishError::Elsewhere)
}

async fn open(context: &Context, new: &NewTicket) -> Result<TicketId, PublishError> {
    let id = context.forge.open(new).await?;
    let label = Label {
        name: "medic:problem".into(),
        color: "b60205",
        description: "A fault that keeps coming back after Fieldmedic fixed it",
    };
    context.forge.update_labels(&id, &[label], &[], Urgency::HandOver).await?;
    context.forge.assign(&id, &context.forge_settings.on_call).await?;
    Ok(id)
}

/// Every time that the fault was fixed, oldest first, and this time. Cases that cannot be read are left out.
async fn occurrences(
    context: &Context,
    case: &Case,
    recurred: &Recurrence,
) -> Result<Vec<Value>, PublishError> {
    let Some(system) = case.triage.as_ref().and_then(|triage| triage.system.as_ref()) else {
        return Ok(Vec::new());
    };
    let history = runs_of(context, &system.name, &recurred.hosts).await?;
    let mut occurrences = Vec::new();
    let runs = history.runs_of(&recurred.playbook, &recurred.hosts);
    for run in runs.filter(|run| run.case != case.id && run.system.as_ref() == Some(&system.name)) {
        let Some(past) = load_case(context, &run.case).await? else { continue };
        let ended = match run.end {
            Some(RunResult::Fixed(at)) => format_minute(at),
            Some(RunResult::Failed(_)) => "not fixed".to_owned(),
            None => "in progress".to_owned(),
        };
        occurrences.push(occurrence(context, &history, &past, recurred, run.at, &ended).await?);
    }
    occurrences.push(occurrence(context, &history, case, recurred, case.opened_at, "this time").await?);
    Ok(occurrences)
}

async fn occurrence(
    context: &Context,
    history: &RunHistory,
    case: &Case,
    recurred: &Recurrence,
    at: DateTime<Utc>,
    ended: &str,
) -> Result<Value, PublishError> {
    let findings = case.diagnoses.iter().flat_map(|diagnosis| &diagnosis.findings);
    let mut of_fault = findings.filter(|finding| finding.playbook == recurred.playbook);
    let because = of_fault.next().map_or_else(String::new, |finding| finding.summary.clone());
    let before = |run: &&RemediationRun| {
        run.at < at && run.at > at - BEFORE && !run.hosts.is_disjoint(&recurred.hosts)
    };
    let before: Vec<String> = history
        .runs
        .iter()
        .filter(before)
        .filter(|run| run.playbook != recurred.playbook)
        .map(|run| format!("{} at {}", run.playbook, format_minute(run.at)))
        .collect();
    Ok(json!({
        "found": format_minute(at),
        "ticket": case.ticket.id.to_string(),
        "because": because,
        "ended": ended,
        "before": before,
        "notes": report_of(context, case).await?.prevention,
    }))
}

/// The report of a case with the playbooks that it began with, or today's if those are gone.
async fn report_of(context: &Context, case: &Case) -> Result<Report, PublishError> {
    let library = library_of(context, &case.library).await?;
    Ok(report(case, library.as_ref().unwrap_or(&context.library)))
}
