//! Sweeps: tickets that nobody took, and systems that nobody complained about.

use crate::core::case::Case;
use crate::core::case::event::{CaseId, Source};
use crate::core::case::outcome::Outcome;
use crate::core::diagnosis::diagnose::{Diagnosis, diagnose};
use crate::core::ids::SystemName;
use crate::core::playbook::inventory::System;
use crate::core::ticket::triage::DetectedFault;
use crate::core::ticket::{TicketId, TicketState};
use crate::engine::Context;
use crate::engine::case::find::RECENT;
use crate::engine::case::probe::run_probes;
use crate::engine::intake::issue::accept_issue;
use crate::engine::intake::open::{IntakeError, issue_dedupe_key, open_case};
use crate::ports::{Marker, NewTicket, OpenResult};
use chrono::{DateTime, Utc};
use serde_json::json;
use std::time::Duration;

/// What a sweep saw of one system.
#[derive(Debug, Clone, PartialEq)]
pub struct SweepResult {
    pub system: SystemName,
    pub diagnosis: Diagnosis,
    /// The case that it opened.
    pub opened: Option<CaseId>,
}

/// Takes in every open ticket that no case was ever opened for.
pub async fn sweep_tickets(agent: &Context) -> Result<Vec<CaseId>, IntakeError> {
    let mut opened = Vec::new();
    for repo in &agent.forge_settings.repos {
        for ticket in agent.forge.tickets(repo, &agent.forge_settings.label, None).await? {
            opened.extend(accept_issue(agent, ticket, Source::Sweep { suspect: None }).await?);
        }
    }
    Ok(opened)
}

/// Looks at every system. A confirmed fault that no case is at work on gets a ticket and a case.
pub async fn check_systems(agent: &Context) -> Result<Vec<SweepResult>, IntakeError> {
    let mut swept = Vec::new();
    for site in agent.inventory.systems.values() {
        let Some(system) = agent.library.systems.get(&site.system_type) else { continue };
        let begun = agent.clock.now();
        let evidence =
            run_probes(&agent.probe_runner(), system, site, &system.probes.keys().cloned().collect()).await;
        let diagnosis = diagnose(system, site, &evidence);
        let opened = if diagnosis.findings.is_empty() || is_being_fixed(agent, &site.name, begun).await? {
            None
        } else {
            open_ticket(agent, site, &diagnosis).await?
        };
        swept.push(SweepResult { system: site.name.clone(), diagnosis, opened });
    }
    Ok(swept)
}

/// Whether a case on this system is at work, or was since the look at it began, which may have seen what is
/// mended by now; or was handed to a person whose ticket is still open: nobody's hands are to be crossed.
async fn is_being_fixed(
    agent: &Context,
    system: &SystemName,
    since: DateTime<Utc>,
) -> Result<bool, IntakeError> {
    for line in agent.journal.cases(RECENT).await? {
        let is_at_work = line.outcome.is_none() || line.updated_at >= since;
        if !is_at_work && !matches!(line.outcome, Some(Outcome::Escalated(_))) {
            continue;
        }
        let records = agent.journal.load(&line.id).await?;
        let Ok(case) = Case::fold(&line.id, &records) else { continue };
        let site = case.triage.as_ref().and_then(|triage| triage.system.as_ref());
        // A case that has only just begun may turn out to be about any system.
        let is_here = site.map_or(line.outcome.is_none(), |site| site.name == *system);
        if !is_here {
            continue;
        }
        if is_at_work || is_open(agent, &line.ticket).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn is_open(agent: &Context, ticket: &TicketId) -> Result<bool, IntakeError> {
    match agent.forge.ticket(ticket).await {
        Ok(ticket) => Ok(ticket.state == TicketState::Open),
        Err(error) if error.is_permanent() => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// How long an opened ticket may take to be found by its marker.
pub(crate) const OPENING: Duration = Duration::from_secs(60);

/// Opens a ticket for the first finding. If the agent's ticket for it is still open, that one is taken,
/// and a ticket that has been worked before opens no second case.
async fn open_ticket(
    agent: &Context,
    site: &System,
    diagnosis: &Diagnosis,
) -> Result<Option<CaseId>, IntakeError> {
    let (Some(finding), Some(repo)) = (diagnosis.findings.first(), agent.forge_settings.repos.first()) else {
        return Ok(None);
    };
    let marker = Marker::new(&format!("sweep system={} playbook={}", site.name, finding.playbook));
    // Two that look for the marker at the same moment would both not find it.
    if !agent.journal.try_once_every(marker.as_str(), agent.clock.now(), OPENING).await? {
        return Ok(None);
    }
    let text = agent.prompts.fill(
        "opened.md",
        json!({ "system": site.name, "title": finding.title, "because": finding.summary }),
    );
    let new = NewTicket {
        repo: repo.clone(),
        title: agent.redactor.text(&format!("{}: {}", site.name, finding.title)),
        body: agent.redactor.text(&format!("{}\n{text}", marker.as_str())),
        marker,
        labels: vec![agent.forge_settings.label.clone()],
    };
    let id = agent.forge.open(&new).await?;
    let ticket = agent.forge.ticket(&id).await?;
    let suspect = DetectedFault { system: site.name.clone(), playbook: finding.playbook.clone() };
    let key = issue_dedupe_key(&id);
    let intake = open_case(agent, ticket, Source::Sweep { suspect: Some(suspect) }, &key).await?;
    Ok(match intake {
        OpenResult::Opened(case) => Some(case),
        OpenResult::Duplicate | OpenResult::Running(_) => None,
    })
}
