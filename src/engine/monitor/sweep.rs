//! Sweeps: tickets that no case was opened for, and systems that nobody complained about.

use crate::core::case::event::{CaseId, Source};
use crate::core::case::outcome::Outcome;
use crate::core::diagnosis::diagnose::{Diagnosis, Unknown, diagnose};
use crate::core::ids::{PlaybookName, ProbeName, SystemName};
use crate::core::measurement::{SeriesName, measured};
use crate::core::playbook::SystemType;
use crate::core::playbook::inventory::System;
use crate::core::text::format::shortened;
use crate::core::ticket::triage::DetectedFault;
use crate::core::ticket::{TicketId, TicketState};
use crate::engine::case::load::load_case;
use crate::engine::case::probe::run_probes;
use crate::engine::context::Context;
use crate::engine::intake::issue::accept_issue;
use crate::engine::intake::open::{IntakeError, issue_dedupe_key, open_case};
use crate::engine::intake::poll::list_tickets;
use crate::engine::monitor::measure::review;
use crate::engine::publish::once::{new_ticket, once};
use crate::ports::{Marker, NewTicket, OpenResult, SweepMeasurements, SystemSweep};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tracing::Instrument;

/// What a sweep found on one system.
#[derive(Debug, Clone, PartialEq)]
pub struct SweepResult {
    /// The name of the system in the inventory.
    pub system: SystemName,
    /// What its probes say. Findings that count only for reported tickets are left out.
    pub diagnosis: Diagnosis,
    /// The case that it opened.
    pub opened: Option<CaseId>,
}

/// Opens a case for every open ticket that never had one.
///
/// # Errors
/// If GitHub or the journal cannot be used. The next sweep finds what was not reached.
pub async fn sweep_tickets(context: &Context) -> Result<Vec<CaseId>, IntakeError> {
    let mut opened = Vec::new();
    for repo in &context.forge_settings.repos {
        for ticket in list_tickets(context, repo, None).await? {
            opened.extend(accept_issue(context, ticket, Source::Sweep { suspect: None }).await?);
        }
    }
    Ok(opened)
}

/// Probes every system, many at once, so that a host that does not answer holds up no other. What it finds that nobody
/// works on gets a ticket and a case: a confirmed fault, or checks that cannot be read. The results have the order of the
/// inventory.
///
/// # Errors
/// GitHub or the journal cannot be used; the other systems are swept all the same. A host that cannot be reached is no
/// error; its facts are unknown.
pub async fn check_systems(context: &Context) -> Result<Vec<SweepResult>, IntakeError> {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut looks = JoinSet::new();
    for system in context.inventory.systems.values() {
        let (context, system, places) = (context.clone(), system.clone(), Arc::clone(&places));
        let look = async move {
            let new = look_twice(&context, &system, &places).await;
            (system, new)
        };
        looks.spawn(look.in_current_span());
    }
    let mut swept: Vec<SweepResult> = Vec::new();
    let mut failed = None;
    while let Some(joined) = looks.join_next().await {
        let result = match joined {
            Ok((system, new)) => {
                let ours: Vec<CaseId> = swept.iter().filter_map(|swept| swept.opened.clone()).collect();
                open_for_new(context, &system, new, &ours).await
            }
            Err(error) => {
                tracing::error!(%error, "the look at a system broke");
                continue;
            }
        };
        match result {
            Ok(result) => swept.extend(result),
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    review(context).await;
    swept.sort_by(|a, b| a.system.cmp(&b.system));
    match failed {
        Some(error) => Err(error),
        None => Ok(swept),
    }
}

/// So many of the newest cases are asked what they are about.
const RECENT: u32 = 500;

/// Of so many faults that are unknown the reason is kept, and so much of it, in bytes.
const KEPT_UNKNOWN: usize = 5;
const LONGEST_REASON: usize = 300;

/// So many systems are probed at once: each takes a connection and some commands on this machine.
const AT_ONCE: usize = 64;

/// Looks at a system, and once more if it could not be read. `None` if its type has no playbooks.
async fn look_twice(
    context: &Context,
    system: &System,
    places: &Semaphore,
) -> Result<Option<(Look, Option<Problem>)>, IntakeError> {
    let Some(system_type) = context.library.systems.get(&system.system_type) else { return Ok(None) };
    let system_type = &system_type.without_probes(&not_due(context, system_type, system).await?);
    let look = async || {
        let _place = places.acquire().await;
        look_for_new(context, system_type, system).await
    };
    let mut seen = look().await?;
    if seen.1 == Some(Problem::Unreadable) {
        // A restart passes.
        context.clock.sleep_until(context.clock.now() + CONFIRM_AFTER).await;
        seen = look().await?;
    }
    Ok(Some(seen))
}

/// The probes that a sweep has run on this system less than their `sweep_every` ago. The others count as run now.
async fn not_due(
    context: &Context,
    system_type: &SystemType,
    system: &System,
) -> Result<BTreeSet<ProbeName>, IntakeError> {
    let mut not_due = BTreeSet::new();
    for (name, probe) in &system_type.probes {
        let Some(every) = probe.sweep_every else { continue };
        let key = format!("sweep system={} probe={name}", system.name);
        if !context.journal.try_once_every(&key, context.clock.now(), every).await? {
            not_due.insert(name.clone());
        }
    }
    Ok(not_due)
}

/// Opens a ticket and a case for what a look has found. `ours`: the cases that this sweep has opened, for other systems.
async fn open_for_new(
    context: &Context,
    system: &System,
    new: Result<Option<(Look, Option<Problem>)>, IntakeError>,
    ours: &[CaseId],
) -> Result<Option<SweepResult>, IntakeError> {
    let Some((look, new)) = new? else { return Ok(None) };
    context.journal.keep_sweep(&kept(&system.name, &look)).await?;
    let values = look.measured.clone();
    let measured = SweepMeasurements { system: system.name.clone(), at: look.begun, values };
    context.journal.keep_measurements(&measured).await?;
    let opened = match new {
        // Many systems may stand in line: meanwhile a person may have filed it.
        Some(problem) if is_new(context, &system.name, &look, &problem, ours).await? => {
            open_ticket(context, system, &look, &problem).await?
        }
        _ => None,
    };
    Ok(Some(SweepResult { system: system.name.clone(), diagnosis: look.diagnosis, opened }))
}

/// What people are shown of a look until the next one.
fn kept(system: &SystemName, look: &Look) -> SystemSweep {
    let Diagnosis { findings, ruled_out, unknown } = &look.diagnosis;
    let first = unknown.iter().take(KEPT_UNKNOWN);
    SystemSweep {
        system: system.clone(),
        at: look.begun,
        is_unreachable: look.is_unreachable,
        findings: findings.clone(),
        unknown: first
            .map(|it| Unknown { playbook: it.playbook.clone(), why: shortened(it.cause(), LONGEST_REASON) })
            .collect(),
        unknown_count: unknown.len(),
        ruled_out: ruled_out.len(),
    }
}

async fn is_new(
    context: &Context,
    system: &SystemName,
    look: &Look,
    problem: &Problem,
    ours: &[CaseId],
) -> Result<bool, IntakeError> {
    let known = known_problems(context, system, look.begun, ours).await?;
    Ok(known.is_some_and(|known| !known.contains(problem)))
}

/// So long after a look that could not be read comes the look that decides.
const CONFIRM_AFTER: TimeDelta = TimeDelta::seconds(30);

/// What a sweep can open a ticket for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Problem {
    Fault(PlaybookName),
    /// Nothing is found, and something is unknown.
    Unreadable,
}

/// One look at a system.
struct Look {
    begun: DateTime<Utc>,
    diagnosis: Diagnosis,
    /// No host answered.
    is_unreachable: bool,
    /// The series whose value is known.
    measured: BTreeMap<SeriesName, f64>,
}

fn problems_of(diagnosis: &Diagnosis) -> impl Iterator<Item = Problem> {
    let faults = diagnosis.findings.iter().map(|finding| Problem::Fault(finding.playbook.clone()));
    let is_unreadable = diagnosis.findings.is_empty() && !diagnosis.unknown.is_empty();
    faults.chain(is_unreadable.then_some(Problem::Unreadable))
}

/// Looks at a system, and finds its first problem that nobody works on.
async fn look_for_new(
    context: &Context,
    system_type: &SystemType,
    system: &System,
) -> Result<(Look, Option<Problem>), IntakeError> {
    let look = look(context, system_type, system).await;
    let mut problems = problems_of(&look.diagnosis).peekable();
    let new = match problems.peek() {
        None => None,
        Some(_) => known_problems(context, &system.name, look.begun, &[])
            .await?
            .and_then(|known| problems.find(|problem| !known.contains(problem))),
    };
    drop(problems);
    Ok((look, new))
}

async fn look(context: &Context, system_type: &SystemType, system: &System) -> Look {
    let begun = context.clock.now();
    let probes = system_type.sweep_probes();
    let evidence = run_probes(&context.probe_runner(), system_type, system, &probes).await;
    let mut diagnosis = diagnose(system_type, system, &evidence);
    diagnosis.findings.retain(|finding| !system_type.is_reported_only(&finding.playbook));
    let measured = measured(system_type, &system.params, &evidence);
    Look { begun, diagnosis, is_unreachable: evidence.nothing_reached(), measured }
}

/// The problems of a system that a person has, in cases whose tickets are open. `None` if a case on this system is
/// at work, or was since the look at it began, which may have seen what is mended by now. `of_others`: cases that are
/// known to be about other systems.
async fn known_problems(
    context: &Context,
    system: &SystemName,
    since: DateTime<Utc>,
    of_others: &[CaseId],
) -> Result<Option<Vec<Problem>>, IntakeError> {
    let mut known = Vec::new();
    let cases = context.journal.cases(RECENT).await?;
    for line in cases.into_iter().filter(|line| !of_others.contains(&line.id)) {
        let is_at_work = line.outcome.is_none() || line.updated_at >= since;
        if !is_at_work && !matches!(line.outcome, Some(Outcome::Escalated(_))) {
            continue;
        }
        let Some(case) = load_case(context, &line.id).await? else { continue };
        let in_ticket = case.triage.as_ref().and_then(|triage| triage.system.as_ref());
        let in_source = match &case.source {
            Source::Sweep { suspect } => suspect.as_ref(),
            Source::Recurrence { suspect, .. } => Some(suspect),
            _ => None,
        };
        let about = in_ticket.map(|in_ticket| &in_ticket.name).or(in_source.map(|suspect| &suspect.system));
        // A case that has only just begun may turn out to be about any system.
        let is_here = about.map_or(line.outcome.is_none(), |about| about == system);
        if !is_here {
            continue;
        }
        if is_at_work {
            return Ok(None);
        }
        if is_open(context, &line.ticket).await? {
            known.extend(case.diagnoses.iter().flat_map(problems_of));
            // A case that never saw the host has no diagnosis.
            known.extend(case.diagnoses.is_empty().then_some(Problem::Unreadable));
        }
    }
    Ok(Some(known))
}

async fn is_open(context: &Context, ticket: &TicketId) -> Result<bool, IntakeError> {
    match context.forge.ticket(ticket).await {
        Ok(ticket) => Ok(ticket.state == TicketState::Open),
        Err(error) if error.is_permanent() => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Opens a ticket for a problem. If Fieldmedic's ticket for it is still open, that one is taken, and a ticket that
/// has been worked before opens no second case.
async fn open_ticket(
    context: &Context,
    system: &System,
    look: &Look,
    problem: &Problem,
) -> Result<Option<CaseId>, IntakeError> {
    let Some(repo) = context.ticket_repo(&system.name) else { return Ok(None) };
    let (finding, about) = match problem {
        Problem::Fault(playbook) => (
            look.diagnosis.findings.iter().find(|found| found.playbook == *playbook),
            format!("playbook={playbook}"),
        ),
        Problem::Unreadable => (None, "unreadable".to_owned()),
    };
    let marker = Marker::new(&format!("sweep system={} {about}", system.name));
    let view = json!({
        "system": system.name,
        "title": finding.map(|found| &found.title),
        "because": finding.map(|found| &found.summary),
        "is_unreachable": look.is_unreachable,
        "cause": look.diagnosis.unknown.first().map(Unknown::cause),
    });
    let title = context.prompts.line("opened_title", &view);
    let text = context.prompts.fill("opened.md", view);
    let new = NewTicket {
        labels: vec![context.forge_settings.label.clone()],
        ..new_ticket(context, repo, marker, &title, &text)
    };
    let opened =
        once(context, new.marker.as_str(), async { Ok::<_, IntakeError>(context.forge.open(&new).await?) });
    let Some(id) = opened.await? else { return Ok(None) };
    let ticket = context.forge.ticket(&id).await?;
    let suspect =
        finding.map(|found| DetectedFault { system: system.name.clone(), playbook: found.playbook.clone() });
    let key = issue_dedupe_key(&id);
    let intake = open_case(context, ticket, Source::Sweep { suspect }, &key).await?;
    Ok(match intake {
        OpenResult::Opened(case) => Some(case),
        OpenResult::Duplicate | OpenResult::Running(_) => None,
    })
}
