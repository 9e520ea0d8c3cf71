//! Sweeps: tickets that no case was opened for, and systems that nobody complained about.

use crate::core::case::event::{CaseId, Source};
use crate::core::case::outcome::Outcome;
use crate::core::diagnosis::diagnose::{Diagnosis, diagnose};
use crate::core::ids::SystemName;
use crate::core::playbook::inventory::System;
use crate::core::ticket::triage::DetectedFault;
use crate::core::ticket::{TicketId, TicketState};
use crate::engine::case::find::RECENT;
use crate::engine::case::load::load_case;
use crate::engine::case::probe::run_probes;
use crate::engine::context::Context;
use crate::engine::intake::issue::accept_issue;
use crate::engine::intake::open::{IntakeError, issue_dedupe_key, open_case};
use crate::engine::publish::once::once;
use crate::ports::{Marker, NewTicket, OpenResult};
use chrono::{DateTime, Utc};
use serde_json::json;

/// What a sweep found on one system.
#[derive(Debug, Clone, PartialEq)]
pub struct SweepResult {
    pub system: SystemName,
    pub diagnosis: Diagnosis,
    /// The case that it opened.
    pub opened: Option<CaseId>,
}

/// Opens a case for every open ticket that never had one.
pub async fn sweep_tickets(context: &Context) -> Result<Vec<CaseId>, IntakeError> {
    let mut opened = Vec::new();
    for repo in &context.forge_settings.repos {
        for ticket in context.forge.tickets(repo, &context.forge_settings.label, None).await? {
            opened.extend(accept_issue(context, ticket, Source::Sweep { suspect: None }).await?);
        }
    }
    Ok(opened)
}

/// Probes every system. A confirmed fault that no case works on gets a ticket and a case.
pub async fn check_systems(context: &Context) -> Result<Vec<SweepResult>, IntakeError> {
    let mut swept = Vec::new();
    for system in context.inventory.systems.values() {
        let Some(system_type) = context.library.systems.get(&system.system_type) else { continue };
        let begun = context.clock.now();
        let evidence = run_probes(
            &context.probe_runner(),
            system_type,
            system,
            &system_type.probes.keys().cloned().collect(),
        )
        .await;
        let mut diagnosis = diagnose(system_type, system, &evidence);
        diagnosis.findings.retain(|finding| !system_type.is_reported_only(&finding.playbook));
        let opened = if diagnosis.findings.is_empty() || is_being_fixed(context, &system.name, begun).await? {
            None
        } else {
            open_ticket(context, system, &diagnosis).await?
        };
        swept.push(SweepResult { system: system.name.clone(), diagnosis, opened });
    }
    Ok(swept)
}

/// Whether a case on this system is at work, or was since the look at it began, which may have seen what is
/// mended by now; or was handed to a person whose ticket is still open: nobody's hands are to be crossed.
async fn is_being_fixed(
    context: &Context,
    system: &SystemName,
    since: DateTime<Utc>,
) -> Result<bool, IntakeError> {
    for line in context.journal.cases(RECENT).await? {
        let is_at_work = line.outcome.is_none() || line.updated_at >= since;
        if !is_at_work && !matches!(line.outcome, Some(Outcome::Escalated(_))) {
            continue;
        }
        let Some(case) = load_case(context, &line.id).await? else { continue };
        let site = case.triage.as_ref().and_then(|triage| triage.system.as_ref());
        // A case that has only just begun may turn out to be about any system.
        let is_here = site.map_or(line.outcome.is_none(), |site| site.name == *system);
        if !is_here {
            continue;
        }
        if is_at_work || is_open(context, &line.ticket).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn is_open(context: &Context, ticket: &TicketId) -> Result<bool, IntakeError> {
    match context.forge.ticket(ticket).await {
        Ok(ticket) => Ok(ticket.state == TicketState::Open),
        Err(error) if error.is_permanent() => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Opens a ticket for the first finding. If the agent's ticket for it is still open, that one is taken,
/// and a ticket that has been worked before opens no second case.
async fn open_ticket(
    context: &Context,
    system: &System,
    diagnosis: &Diagnosis,
) -> Result<Option<CaseId>, IntakeError> {
    let (Some(finding), Some(repo)) = (diagnosis.findings.first(), context.forge_settings.repos.first())
    else {
        return Ok(None);
    };
    let marker = Marker::new(&format!("sweep system={} playbook={}", system.name, finding.playbook));
    let text = context.prompts.fill(
        "opened.md",
        json!({ "system": system.name, "title": finding.title, "because": finding.summary }),
    );
    let new = NewTicket {
        repo: repo.clone(),
        title: context.redactor.publish(&format!("{}: {}", system.name, finding.title)),
        body: context.redactor.publish(&format!("{}\n{text}", marker.as_str())),
        marker,
        labels: vec![context.forge_settings.label.clone()],
    };
    let opened =
        once(context, new.marker.as_str(), async { Ok::<_, IntakeError>(context.forge.open(&new).await?) });
    let Some(id) = opened.await? else { return Ok(None) };
    let ticket = context.forge.ticket(&id).await?;
    let suspect = DetectedFault { system: system.name.clone(), playbook: finding.playbook.clone() };
    let key = issue_dedupe_key(&id);
    let intake = open_case(context, ticket, Source::Sweep { suspect: Some(suspect) }, &key).await?;
    Ok(match intake {
        OpenResult::Opened(case) => Some(case),
        OpenResult::Duplicate | OpenResult::Running(_) => None,
    })
}
