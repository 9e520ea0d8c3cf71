//! Recurrence: what was mended is looked at again after the close, and its issue is opened again if the
//! fault is back. Only evidence newer than the close counts.

use crate::core::case::event::{CaseId, Event, EventKind, Source};
use crate::core::case::outcome::Outcome;
use crate::core::case::{Case, Phase, RemediationResult};
use crate::core::diagnosis::diagnose::diagnose;
use crate::core::ids::PlaybookName;
use crate::core::ticket::TicketState;
use crate::core::ticket::triage::DetectedFault;
use crate::engine::Context;
use crate::engine::case::probe::run_probes;
use crate::engine::intake::open::{IntakeError, open_case};
use crate::ports::{DedupeKey, OpenResult};
use chrono::{DateTime, TimeDelta, Utc};

/// How long after the outcome what was mended is looked at.
const LOOKS: [TimeDelta; 3] = [TimeDelta::minutes(15), TimeDelta::hours(1), TimeDelta::hours(24)];

/// An agent that was stopped makes up for looks that were due so long ago.
const LATE: TimeDelta = TimeDelta::hours(24);

/// A look that tells nothing is made again for so long.
const PATIENCE: TimeDelta = TimeDelta::minutes(15);

/// Looks at everything that was mended and is due for a look. Gives the cases that it opened.
pub async fn check_recurrences(agent: &Context) -> Result<Vec<CaseId>, IntakeError> {
    let now = agent.clock.now();
    let since = now - LOOKS[LOOKS.len() - 1] - LATE;
    let mut opened = Vec::new();
    for (case, record) in agent.journal.history(&[EventKind::OutcomeDecided], since).await? {
        if !matches!(record.event, Event::OutcomeDecided(Outcome::Resolved)) {
            continue;
        }
        let mark = DedupeKey::RecurrenceCheck(case.clone());
        let looked_at = agent.journal.done_at(&mark).await?;
        let Some(due) = due(record.at, &LOOKS, looked_at, now) else { continue };
        let Ok(case) = Case::fold(&case, &agent.journal.load(&case).await?) else { continue };
        match probe_again(agent, &case).await {
            RecurrenceCheck::Back(suspect) => opened.extend(reopen(agent, &case, due, suspect).await?),
            RecurrenceCheck::Gone => {}
            // Asked again in the next round, for a while; another look is due in time.
            RecurrenceCheck::Unknown if now - record.at < LOOKS[due] + PATIENCE => continue,
            RecurrenceCheck::Unknown => {}
        }
        agent.journal.mark_done(&mark, now).await?;
    }
    Ok(opened)
}

/// The newest of what is due so long after a moment, and was not done.
pub(crate) fn due(
    since: DateTime<Utc>,
    delays: &[TimeDelta],
    done_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Option<usize> {
    let is_due = |delay: &TimeDelta| since + *delay <= now && done_at.is_none_or(|at| at < since + *delay);
    delays.iter().rposition(is_due)
}

/// What a look found of the faults that a case had mended.
enum RecurrenceCheck {
    Back(DetectedFault),
    Gone,
    Unknown,
}

async fn probe_again(agent: &Context, case: &Case) -> RecurrenceCheck {
    // As it is configured now; a system that is not looked after any more is left alone.
    let site = case.triage.as_ref().and_then(|triage| triage.system.as_ref());
    let site = site.and_then(|site| agent.inventory.systems.get(&site.name));
    let system = site.and_then(|site| agent.library.systems.get(&site.system_type));
    let (Some(site), Some(system)) = (site, system) else { return RecurrenceCheck::Gone };
    let mended = fixed(case);
    let faults = system.faults.iter().filter(|fault| mended.contains(&&fault.name));
    let names: Vec<String> = faults.flat_map(|fault| fault.when.names()).collect();
    let probes = system.probes_of(names.iter().map(String::as_str));
    let diagnosis = diagnose(system, site, &run_probes(&agent.probe_runner(), system, site, &probes).await);
    if let Some(finding) = diagnosis.findings.iter().find(|finding| mended.contains(&&finding.playbook)) {
        return RecurrenceCheck::Back(DetectedFault {
            system: site.name.clone(),
            playbook: finding.playbook.clone(),
        });
    }
    let unknown = diagnosis.unknown.iter().any(|unknown| mended.contains(&&unknown.playbook));
    if unknown { RecurrenceCheck::Unknown } else { RecurrenceCheck::Gone }
}

fn fixed(case: &Case) -> Vec<&PlaybookName> {
    let proven = case.remediations.iter().filter(|treatment| {
        matches!(treatment.phase, Phase::Finished { result: RemediationResult::Fixed, .. })
    });
    proven.map(|treatment| &treatment.plan.playbook).collect()
}

/// Opens a case for the same ticket, which opens the issue again as its first act. An issue that is open
/// already is somebody's.
async fn reopen(
    agent: &Context,
    of: &Case,
    due: usize,
    suspect: DetectedFault,
) -> Result<Option<CaseId>, IntakeError> {
    let mut ticket = match agent.forge.ticket(&of.ticket.id).await {
        Ok(ticket) => ticket,
        Err(error) if error.is_permanent() => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    if ticket.state == TicketState::Open || ticket.locked {
        return Ok(None);
    }
    ticket.state = TicketState::Open;
    let door = Source::Recurrence { of: of.id.clone(), suspect };
    match open_case(agent, ticket, door, &format!("recurrence {} {due}", of.id)).await? {
        OpenResult::Opened(case) => Ok(Some(case)),
        OpenResult::Duplicate | OpenResult::Running(_) => Ok(None),
    }
}
