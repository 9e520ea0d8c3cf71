//! Performing: one action, with the intent written down before and the fact after.

use crate::core::case::Case;
use crate::core::case::event::{Direction, Event, Publication};
use crate::core::decide::action::{Action, ChangeRequest};
use crate::core::decide::related::active_related;
use crate::core::diagnosis::evidence::{Exit, Observation, RawObservation};
use crate::core::expr::Scope;
use crate::core::ids::HostName;
use crate::core::playbook::{Library, Step};
use crate::core::text::redact::Redacted;
use crate::core::ticket::TicketState;
use crate::engine::case::answer::answerable;
use crate::engine::case::driver::{CaseError, CaseWriter, Shutdown, history};
use crate::engine::case::probe::run_probes;
use crate::engine::chatops::signals::signal_from_label;
use crate::engine::publish::publish;
use crate::engine::{CLAIM_TTL, Context};
use crate::ports::ShellError;
use crate::telemetry::spans;
use chrono::{DateTime, Utc};
use serde_json::json;
use std::time::Duration;
use tracing::Instrument;

/// How long a case waits before it asks again for a host that another case holds.
const HOLD_PAUSE: Duration = Duration::from_secs(2);

/// Carries out an action and records what came of it.
pub(crate) async fn perform(
    pen: &mut CaseWriter<'_>,
    action: Action,
    stop: &Shutdown,
) -> Result<(), CaseError> {
    match action {
        Action::Record(event) => {
            let event = answerable(pen, event);
            let concluded = matches!(event, Event::OutcomeDecided(_));
            pen.append(event).await?;
            if concluded {
                // What is left to do is talk; the hosts are for others.
                pen.agent.journal.release_leases(&pen.case.id).await?;
            }
            Ok(())
        }
        Action::RunProbes { purpose, probes } => {
            let Some(triage) = &pen.case.triage else { return Ok(()) };
            let (Some(site), Some(system)) = (&triage.system, triage.system(pen.library)) else {
                return Ok(());
            };
            let evidence = run_probes(&pen.agent.probe_runner(), &system, site, &probes).await;
            pen.append(Event::Probed { reason: purpose, evidence }).await
        }
        Action::RefreshTicket => recheck(pen).await,
        Action::LeaseHosts { hosts } => hold(pen, hosts, stop).await,
        Action::Change(order) => {
            let span = spans::change(&pen.case, &order);
            change(pen, order).instrument(span).await
        }
        Action::RequestApproval
        | Action::ShowStatus
        | Action::SetLabel
        | Action::Reopen
        | Action::OpenProblemTicket
        | Action::PostReport
        | Action::CallPeople
        | Action::Close => publish(pen, action).await,
        Action::Wait { until } => {
            wait(pen.agent, until, stop).await;
            Ok(())
        }
        Action::Suspend { .. } | Action::Done => Ok(()),
    }
}

pub(crate) async fn wait(agent: &Context, until: DateTime<Utc>, stop: &Shutdown) {
    tokio::select! {
        biased;
        () = agent.clock.sleep_until(until) => {}
        () = stop.requested() => {}
    }
}

/// Looks at the issue once more. What GitHub cannot say now is asked again later: nothing is changed on
/// a guess.
async fn recheck(pen: &mut CaseWriter<'_>) -> Result<(), CaseError> {
    let event = match pen.agent.forge.ticket(&pen.case.ticket.id).await {
        Ok(ticket) => match signal_from_label(&pen.case, &ticket) {
            Some(word) => Event::SignalReceived(word),
            None => Event::Rechecked { open: ticket.state == TicketState::Open && !ticket.locked },
        },
        Err(error) if error.is_permanent() => Event::Rechecked { open: false },
        Err(error) => {
            let why = pen.agent.redactor.text(&error.to_string());
            Event::PublishFailed { publication: Publication::TicketRefresh, why, lasting: false }
        }
    };
    pen.append(event).await
}

/// Holds the hosts in their order, so that two cases never wait for each other.
async fn hold(pen: &mut CaseWriter<'_>, hosts: Vec<HostName>, stop: &Shutdown) -> Result<(), CaseError> {
    let agent = pen.agent;
    let mut waited = false;
    for host in &hosts {
        while agent.journal.acquire_lease(host, &pen.case.id, agent.clock.now(), CLAIM_TTL).await?.is_none() {
            waited = true;
            if let Some(event) = linked(pen).await? {
                return pen.append(event).await;
            }
            wait(agent, agent.clock.now() + HOLD_PAUSE, stop).await;
            if stop.is_requested() {
                return Ok(());
            }
        }
    }
    pen.append(Event::HostsLeased { hosts, waited }).await
}

/// What there is to note if the host is held by a case that treats the same fault.
async fn linked(pen: &CaseWriter<'_>) -> Result<Option<Event>, CaseError> {
    let finding = pen.case.diagnosis().and_then(|diagnosis| diagnosis.findings.first());
    let Some((finding, history)) = finding.zip(history(pen.agent, &pen.case).await?) else { return Ok(None) };
    Ok(active_related(&pen.case, &finding.playbook, &history))
}

/// Makes a change: lease, intent, act, fact.
async fn change(pen: &mut CaseWriter<'_>, order: ChangeRequest) -> Result<(), CaseError> {
    let ChangeRequest { change, attempt, host, command, permit } = order;
    let agent = pen.agent;
    let held = command.timeout() + CLAIM_TTL;
    let now = agent.clock.now();
    // A worker that stood still may have lost its case without knowing: nothing is begun unless the claim
    // is fresh, and not after it may have run out.
    if !agent.journal.claim(&pen.case.id, &agent.worker, now, CLAIM_TTL).await? {
        return Err(CaseError::Claimed);
    }
    let lease = agent.journal.acquire_lease(&host, &pen.case.id, now, held).await?;
    let Some(lease) = lease.map(|lease| lease.no_later_than(now + CLAIM_TTL)) else {
        let why = Redacted::constant("another case holds the host");
        return pen.append(Event::ChangeBlocked { change, why }).await;
    };
    let planned = pen.case.remediations.get(change.remediation).map(|treatment| treatment.plan.hash.as_str());
    if planned != Some(permit.plan()) {
        let why = Redacted::constant("the permit is for another plan");
        return pen.append(Event::ChangeBlocked { change, why }).await;
    }
    let line = agent.redactor.text(&command.line());
    pen.append(Event::ChangeStarted { change, attempt, host: host.clone(), command: line }).await?;
    let event = match agent.shell.change(&host, &command, &permit, &lease).await {
        Ok(raw) if raw.exit == Exit::Unknown => {
            let why = Redacted::constant("the host did not say how it ended");
            Event::ChangeInDoubt { change, why, may_still_run: false }
        }
        Ok(raw) => Event::ChangeEnded {
            change,
            observation: Observation::new(&raw, &agent.redactor),
            success: match (
                change.direction,
                step_of(&pen.case, pen.library, change.remediation, change.step),
            ) {
                (Direction::Forward, Some(step)) => succeeded(step, &raw),
                _ => raw.exit.is_success(),
            },
        },
        Err(ShellError::NotStarted { why }) => {
            Event::ChangeNotStarted { change, why: agent.redactor.text(&why) }
        }
        Err(ShellError::InDoubt { why, may_still_run }) => {
            Event::ChangeInDoubt { change, why: agent.redactor.text(&why), may_still_run }
        }
    };
    pen.append(event).await
}

fn step_of<'a>(case: &Case, library: &'a Library, treatment: usize, step: usize) -> Option<&'a Step> {
    let site = case.triage.as_ref()?.system.as_ref()?;
    let playbook = &case.remediations.get(treatment)?.plan.playbook;
    library.systems.get(&site.system_type)?.fault(playbook)?.remediation.get(step)
}

/// Exit 0, or what the step expects instead.
fn succeeded(step: &Step, raw: &RawObservation) -> bool {
    let Some(expect) = &step.expect else { return raw.exit.is_success() };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    let mut scope = Scope::default();
    let exit = match raw.exit {
        Exit::Code(code) => Ok(json!(code)),
        ref other => Err(other.to_string()),
    };
    scope.set("exit", exit);
    scope.set("text", Ok(json!(text(&raw.stdout.kept))));
    scope.set("stderr", Ok(json!(text(&raw.stderr.kept))));
    expect.truth(&scope).is_true()
}
