//! Recurrence: what was mended is looked at again after the close, and its issue is opened again if the
//! fault is back. Only evidence newer than the close counts.

use super::Agent;
use super::intake::{IntakeError, take_in};
use super::look::look;
use crate::core::case::{Case, Phase, Treated};
use crate::core::diagnosis::diagnose;
use crate::core::event::{CaseId, Door, Event};
use crate::core::name::PlaybookName;
use crate::core::outcome::Outcome;
use crate::core::ticket::State;
use crate::core::triage::Suspect;
use crate::ports::Intake;
use chrono::{DateTime, TimeDelta, Utc};

/// How long after the outcome what was mended is looked at.
const LOOKS: [TimeDelta; 3] = [TimeDelta::minutes(15), TimeDelta::hours(1), TimeDelta::hours(24)];

/// An agent that was stopped makes up for looks that were due so long ago.
const LATE: TimeDelta = TimeDelta::hours(24);

/// A look that tells nothing is made again for so long.
const PATIENCE: TimeDelta = TimeDelta::minutes(15);

/// Looks at everything that was mended and is due for a look. Gives the cases that it opened.
pub async fn watch_over(agent: &Agent) -> Result<Vec<CaseId>, IntakeError> {
    let now = agent.clock.now();
    let since = now - LOOKS[LOOKS.len() - 1] - LATE;
    let mut opened = Vec::new();
    for (case, record) in agent.journal.history(&["concluded"], since).await? {
        if !matches!(record.event, Event::Concluded(Outcome::Resolved)) {
            continue;
        }
        let mark = format!("watched {case}");
        let looked_at = agent.journal.bookmark(&mark).await?;
        let Some(due) = due(record.at, &LOOKS, looked_at, now) else { continue };
        let Ok(case) = Case::fold(&case, &agent.journal.load(&case).await?) else { continue };
        match look_again(agent, &case).await {
            Found::Back(suspect) => opened.extend(reopen(agent, &case, due, suspect).await?),
            Found::Gone => {}
            // Asked again in the next round, for a while; another look is due in time.
            Found::Unknown if now - record.at < LOOKS[due] + PATIENCE => continue,
            Found::Unknown => {}
        }
        agent.journal.set_bookmark(&mark, now).await?;
    }
    Ok(opened)
}

/// The newest of what is due so long after a moment, and was not done.
pub(super) fn due(
    since: DateTime<Utc>,
    delays: &[TimeDelta],
    done_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Option<usize> {
    let is_due = |delay: &TimeDelta| since + *delay <= now && done_at.is_none_or(|at| at < since + *delay);
    delays.iter().rposition(is_due)
}

/// What a look found of the faults that a case had mended.
enum Found {
    Back(Suspect),
    Gone,
    Unknown,
}

async fn look_again(agent: &Agent, case: &Case) -> Found {
    // As it is configured now; a system that is not looked after any more is left alone.
    let site = case.triage.as_ref().and_then(|triage| triage.site.as_ref());
    let site = site.and_then(|site| agent.inventory.systems.get(&site.name));
    let system = site.and_then(|site| agent.library.systems.get(&site.kind));
    let (Some(site), Some(system)) = (site, system) else { return Found::Gone };
    let mended = mended(case);
    let faults = system.faults.iter().filter(|fault| mended.contains(&&fault.name));
    let names: Vec<String> = faults.flat_map(|fault| fault.when.names()).collect();
    let probes = system.probes_of(names.iter().map(String::as_str));
    let diagnosis = diagnose(system, site, &look(&agent.eyes(), system, site, &probes).await);
    if let Some(finding) = diagnosis.findings.iter().find(|finding| mended.contains(&&finding.playbook)) {
        return Found::Back(Suspect { system: site.name.clone(), playbook: finding.playbook.clone() });
    }
    let unknown = diagnosis.unknown.iter().any(|unknown| mended.contains(&&unknown.playbook));
    if unknown { Found::Unknown } else { Found::Gone }
}

fn mended(case: &Case) -> Vec<&PlaybookName> {
    let proven = case
        .treatments
        .iter()
        .filter(|treatment| matches!(treatment.phase, Phase::Over { result: Treated::Mended, .. }));
    proven.map(|treatment| &treatment.plan.playbook).collect()
}

/// Opens a case for the same ticket, which opens the issue again as its first act. An issue that is open
/// already is somebody's.
async fn reopen(
    agent: &Agent,
    of: &Case,
    due: usize,
    suspect: Suspect,
) -> Result<Option<CaseId>, IntakeError> {
    let mut ticket = match agent.forge.ticket(&of.ticket.id).await {
        Ok(ticket) => ticket,
        Err(error) if error.is_lasting() => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    if ticket.state == State::Open || ticket.locked {
        return Ok(None);
    }
    ticket.state = State::Open;
    let door = Door::Recurrence { of: of.id.clone(), suspect };
    match take_in(agent, ticket, door, &format!("recurrence {} {due}", of.id)).await? {
        Intake::Opened(case) => Ok(Some(case)),
        Intake::Seen | Intake::Running(_) => Ok(None),
    }
}
