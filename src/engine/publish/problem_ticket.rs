//! Problems: a fault that comes back again and again gets a ticket of its own, with everything that is
//! known of each time.

use crate::core::case::{Case, Recurrence};
use crate::core::policy::run_history::{RemediationRun, RunHistory, RunResult};
use crate::core::text::format::format_minute;
use crate::core::ticket::TicketId;
use crate::core::view::report::{Report, report};
use crate::engine::Context;
use crate::engine::case::driver::{CaseError, library_of};
use crate::engine::monitor::sweep::OPENING;
use crate::engine::publish::people;
use crate::ports::{ForgeError, Label, Marker, NewTicket};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

/// How far back before a fault one looks for what may have caused it.
const BEFORE: TimeDelta = TimeDelta::days(1);

/// Opens the ticket about the fault of a case that comes back, or finds the one that is open.
pub(crate) async fn open_problem(
    agent: &Context,
    case: &Case,
) -> Result<Result<TicketId, ForgeError>, CaseError> {
    let Some(recurred) = &case.recurrence else { return Ok(Ok(case.ticket.id.clone())) };
    let report = report_of(agent, case).await?;
    let fault = |report: &Report| report.findings.iter().map(|line| line.title.clone()).next();
    let treated = report.remediations.last().map(|told| told.title.clone());
    let title = treated.or_else(|| fault(&report)).unwrap_or_else(|| recurred.playbook.to_string());
    let marker = Marker::new(&format!("problem system={} playbook={}", report.system, recurred.playbook));
    let text = agent.prompts.fill(
        "problem.md",
        json!({
            "people": people(agent),
            "title": title,
            "system": report.system,
            "count": recurred.count,
            "occurrences": occurrences(agent, case, recurred).await?,
            "advice": report.advice.first(),
        }),
    );
    let new = NewTicket {
        repo: case.ticket.id.repo.clone(),
        title: agent.redactor.text(&format!("{}: {title} comes back again and again", report.system)),
        body: agent.redactor.text(&format!("{}\n{text}", marker.as_str())),
        marker,
        labels: Vec::new(),
    };
    if !agent.journal.try_once_every(new.marker.as_str(), agent.clock.now(), OPENING).await? {
        return Ok(Err(ForgeError::Unreachable("another case is about to open this ticket".into())));
    }
    Ok(open(agent, &new).await)
}

async fn open(agent: &Context, new: &NewTicket) -> Result<TicketId, ForgeError> {
    let id = agent.forge.open(new).await?;
    let label = Label {
        name: "medic:problem".into(),
        color: "b60205",
        description: "A fault that comes back again and again after Fieldmedic mended it",
    };
    agent.forge.update_labels(&id, &[label], &[]).await?;
    agent.forge.assign(&id, &agent.forge_settings.on_call).await?;
    Ok(id)
}

/// Every time that the fault was treated, oldest first, and this time.
async fn occurrences(agent: &Context, case: &Case, recurred: &Recurrence) -> Result<Vec<Value>, CaseError> {
    let since = agent.clock.now() - RunHistory::LOOKBACK;
    let history = RunHistory::fold(&agent.journal.history(&RunHistory::KINDS, since).await?);
    let mut told = Vec::new();
    let system = history.systems.get(&case.id);
    let runs = history.runs_of(&recurred.playbook, &recurred.hosts);
    for run in runs.filter(|run| run.case != case.id && run.system.as_ref() == system) {
        let records = agent.journal.load(&run.case).await?;
        let past = Case::fold(&run.case, &records)?;
        let ended = match run.end {
            Some(RunResult::Fixed(at)) => format_minute(at),
            Some(RunResult::Failed(_)) => "not mended".to_owned(),
            None => "under way".to_owned(),
        };
        told.push(occurrence(agent, &history, &past, recurred, run.at, &ended).await?);
    }
    told.push(occurrence(agent, &history, case, recurred, case.opened_at, "this time").await?);
    Ok(told)
}

async fn occurrence(
    agent: &Context,
    history: &RunHistory,
    case: &Case,
    recurred: &Recurrence,
    at: DateTime<Utc>,
    ended: &str,
) -> Result<Value, CaseError> {
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
        "notes": report_of(agent, case).await?.prevention,
    }))
}

/// The report of a case with the playbooks that it began with, or today's if those are gone.
async fn report_of(agent: &Context, case: &Case) -> Result<Report, CaseError> {
    let library = library_of(agent, &case.library).await?;
    Ok(report(case, library.as_ref().unwrap_or(&agent.library)))
}
