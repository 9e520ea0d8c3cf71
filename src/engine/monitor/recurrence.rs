//! Recurrence: fixed faults are probed again after the close. If a fault is back, its issue is opened
//! again. Only evidence newer than the close counts.

use crate::core::case::event::{CaseId, Event, EventKind, Source};
use crate::core::case::{Case, Phase, RemediationResult};
use crate::core::diagnosis::diagnose::diagnose;
use crate::core::ids::PlaybookName;
use crate::core::ticket::TicketState;
use crate::core::ticket::triage::DetectedFault;
use crate::engine::case::history::skip_unreadable;
use crate::engine::case::load::load_case;
use crate::engine::case::probe::run_probes;
use crate::engine::context::Context;
use crate::engine::intake::open::{IntakeError, open_case};
use crate::ports::{DedupeKey, OpenResult};
use chrono::{DateTime, TimeDelta, Utc};

/// How long after the outcome a fixed fault is probed again.
const RECHECKS: [TimeDelta; 3] = [TimeDelta::minutes(15), TimeDelta::hours(1), TimeDelta::hours(24)];

/// After a downtime, Fieldmedic makes up for probes that were due so long ago.
const MAX_LATENESS: TimeDelta = TimeDelta::hours(24);

/// A result that is unknown is probed again for so long.
const RETRY_UNKNOWN_FOR: TimeDelta = TimeDelta::minutes(15);

/// Probes every fixed fault that is due. Gives the cases that it opened.
///
/// # Errors
/// If GitHub or the journal cannot be used. The next round probes again what was not finished.
pub async fn check_recurrences(context: &Context) -> Result<Vec<CaseId>, IntakeError> {
    let now = context.clock.now();
    let since = now - RECHECKS.iter().max().copied().unwrap_or_default() - MAX_LATENESS;
    let mut opened = Vec::new();
    let history = context.journal.history(&[EventKind::OutcomeDecided], since).await?;
    for (case, record) in skip_unreadable(context, history) {
        if !matches!(&record.event, Event::OutcomeDecided(outcome) if outcome.is_fix()) {
            continue;
        }
        let mark = DedupeKey::RecurrenceCheck(case.clone());
        let probed_at = context.journal.done_at(&mark).await?;
        let Some((number, due)) = due(record.at, &RECHECKS, probed_at, now) else { continue };
        let Some(case) = load_case(context, &case).await? else { continue };
        match probe_again(context, &case).await {
            RecurrenceCheck::Back(suspect) => opened.extend(reopen(context, &case, number, suspect).await?),
            RecurrenceCheck::Gone => {}
            // Probed again in the next round, for a while.
            RecurrenceCheck::Unknown if now - record.at < due + RETRY_UNKNOWN_FOR => continue,
            RecurrenceCheck::Unknown => {}
        }
        context.journal.mark_done(&mark, now).await?;
    }
    Ok(opened)
}

/// The number and the delay of the newest that is due after a moment, and was not done.
pub(crate) fn due(
    since: DateTime<Utc>,
    delays: &[TimeDelta],
    done_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Option<(usize, TimeDelta)> {
    let is_due = |delay: &TimeDelta| since + *delay <= now && done_at.is_none_or(|at| at < since + *delay);
    let newest = delays.iter().copied().enumerate().rev();
    newest.into_iter().find(|(_, delay)| is_due(delay))
}

/// What probes say of the faults that a case had fixed.
enum RecurrenceCheck {
    Back(DetectedFault),
    Gone,
    Unknown,
}

async fn probe_again(context: &Context, case: &Case) -> RecurrenceCheck {
    // As it is configured now; a system that is not managed any more is left alone.
    let system = case.triage.as_ref().and_then(|triage| triage.system.as_ref());
    let system = system.and_then(|system| context.inventory.systems.get(&system.name));
    let system_type = system.and_then(|system| context.library.systems.get(&system.system_type));
    let (Some(system), Some(system_type)) = (system, system_type) else { return RecurrenceCheck::Gone };
    let fixed = fixed(case);
    let faults = system_type.faults.iter().filter(|fault| fixed.contains(&&fault.name));
    let names: Vec<String> = faults.flat_map(|fault| fault.when.names()).collect();
    let probes = system_type.probes_of(names.iter().map(String::as_str));
    let diagnosis = diagnose(
        system_type,
        system,
        &run_probes(&context.probe_runner(), system_type, system, &probes).await,
    );
    if let Some(finding) = diagnosis.findings.iter().find(|finding| fixed.contains(&&finding.playbook)) {
        return RecurrenceCheck::Back(DetectedFault {
            system: system.name.clone(),
            playbook: finding.playbook.clone(),
        });
    }
    let unknown = diagnosis.unknown.iter().any(|unknown| fixed.contains(&&unknown.playbook));
    if unknown { RecurrenceCheck::Unknown } else { RecurrenceCheck::Gone }
}

fn fixed(case: &Case) -> Vec<&PlaybookName> {
    let proven = case.remediations.iter().filter(|remediation| {
        matches!(remediation.phase, Phase::Finished { result: RemediationResult::Fixed, .. })
    });
    proven.map(|remediation| &remediation.plan.playbook).collect()
}

/// Opens a case for the same ticket, which opens the issue again as its first act. An issue that is open
/// already is being handled.
async fn reopen(
    context: &Context,
    of: &Case,
    due: usize,
    suspect: DetectedFault,
) -> Result<Option<CaseId>, IntakeError> {
    let mut ticket = match context.forge.ticket(&of.ticket.id).await {
        Ok(ticket) => ticket,
        Err(error) if error.is_permanent() => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    if ticket.state == TicketState::Open || ticket.locked {
        return Ok(None);
    }
    ticket.state = TicketState::Open;
    let door = Source::Recurrence { of: of.id.clone(), suspect };
    match open_case(context, ticket, door, &format!("recurrence {} {due}", of.id)).await? {
        OpenResult::Opened(case) => Ok(Some(case)),
        OpenResult::Duplicate | OpenResult::Running(_) => Ok(None),
    }
}
