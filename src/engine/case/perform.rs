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
use crate::core::ticket::triage::Intent;
use crate::engine::case::answer::answerable;
use crate::engine::case::history::history;
use crate::engine::case::probe::run_probes;
use crate::engine::case::writer::{CaseError, CaseWriter};
use crate::engine::chatops::signals::signal_from_label;
use crate::engine::context::CLAIM_TTL;
use crate::engine::publish::publish;
use crate::engine::shutdown::Shutdown;
use crate::ports::ShellError;
use crate::telemetry::spans;
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;
use tracing::Instrument;

/// How long a case waits before it asks again for a host that another case has leased.
const LEASE_PAUSE: Duration = Duration::from_secs(2);

/// Carries out an action and records what came of it.
pub(crate) async fn perform(
    writer: &mut CaseWriter<'_>,
    action: Action,
    stop: &Shutdown,
) -> Result<(), CaseError> {
    match action {
        Action::Record(event) => {
            let event = answerable(writer, event);
            let concluded = matches!(event, Event::OutcomeDecided(_));
            writer.append(event).await?;
            if concluded {
                // What is left is to publish; the hosts are free for others.
                writer.context.journal.release_leases(&writer.case.id).await?;
            }
            Ok(())
        }
        Action::ReadTicket { system_type } => {
            let Some(system_type) = writer.library.systems.get(&system_type) else { return Ok(()) };
            let text = writer.case.ticket.authored_text().own;
            match writer.context.reader.read(&system_type.symptoms, &text).await {
                Some(reading) => writer.append(Event::TicketRead(reading)).await,
                None => Ok(()),
            }
        }
        Action::RunProbes { purpose, probes } => {
            let Some(triage) = &writer.case.triage else { return Ok(()) };
            let (Some(system), Some(system_type)) = (&triage.system, triage.system(writer.library)) else {
                return Ok(());
            };
            let evidence = run_probes(&writer.context.probe_runner(), &system_type, system, &probes).await;
            writer.append(Event::Probed { reason: purpose, evidence, unchanged: BTreeSet::new() }).await
        }
        Action::RefreshTicket => {
            writer.place.leave();
            recheck(writer).await
        }
        Action::LeaseHosts { hosts } => lease_hosts(writer, hosts, stop).await,
        Action::Change(request) => {
            let span = spans::change(&writer.case, &request);
            change(writer, request).instrument(span).await
        }
        Action::RequestApproval
        | Action::AskReporter
        | Action::RemindReporter
        | Action::ShowStatus
        | Action::SetLabel
        | Action::Reopen
        | Action::OpenProblemTicket
        | Action::PostReport
        | Action::CallPeople
        | Action::Close => {
            writer.place.leave();
            publish(writer, action).await
        }
        Action::Wait { until } => {
            writer.place.leave();
            stop.wait_until(&*writer.context.clock, until).await;
            Ok(())
        }
        Action::Suspend(_) | Action::Done => Ok(()),
    }
}

/// Reads the issue once more. If GitHub does not answer now, it is asked again later: nothing is changed
/// on a guess.
async fn recheck(writer: &mut CaseWriter<'_>) -> Result<(), CaseError> {
    let event = match writer.context.forge.ticket(&writer.case.ticket.id).await {
        Ok(ticket) => match signal_from_label(&writer.case, &ticket) {
            Some(signal) => Event::SignalReceived(signal),
            None => Event::Rechecked { open: ticket.state == TicketState::Open && !ticket.locked },
        },
        Err(error) if error.is_final(writer.case.publishing.is_believed(Publication::TicketRefresh)) => {
            Event::Rechecked { open: false }
        }
        Err(error) => {
            let why = writer.context.redactor.text(&error.to_string());
            Event::PublishFailed { publication: Publication::TicketRefresh, why, lasting: false }
        }
    };
    writer.append(event).await
}

/// Leases the hosts in their order, so that two cases never wait for each other.
async fn lease_hosts(
    writer: &mut CaseWriter<'_>,
    hosts: Vec<HostName>,
    stop: &Shutdown,
) -> Result<(), CaseError> {
    let context = writer.context;
    let mut waited = false;
    for host in &hosts {
        while context
            .journal
            .acquire_lease(host, &writer.case.id, context.clock.now(), CLAIM_TTL)
            .await?
            .is_none()
        {
            waited = true;
            if let Some(event) = linked(writer).await? {
                return writer.append(event).await;
            }
            writer.place.leave();
            stop.wait_until(&*context.clock, context.clock.now() + LEASE_PAUSE).await;
            if stop.is_requested() {
                return Ok(());
            }
            writer.place.enter_again().await;
        }
    }
    writer.append(Event::HostsLeased { hosts, waited }).await
}

/// The event to record if the host is leased by a case that fixes one of the same faults.
async fn linked(writer: &CaseWriter<'_>) -> Result<Option<Event>, CaseError> {
    let Some(history) = history(writer.context, &writer.case).await? else { return Ok(None) };
    let findings = writer.case.diagnosis().map_or(&[][..], |diagnosis| diagnosis.findings.as_slice());
    Ok(findings.iter().find_map(|finding| active_related(&writer.case, &finding.playbook, &history)))
}

/// Makes a change: lease, intent, act, fact.
async fn change(writer: &mut CaseWriter<'_>, request: ChangeRequest) -> Result<(), CaseError> {
    let ChangeRequest { change, attempt, host, command, permit } = request;
    let context = writer.context;
    let ttl = command.timeout() + CLAIM_TTL;
    let now = context.clock.now();
    // A worker that stood still may have lost its case without knowing: nothing is begun unless the claim
    // is fresh, and not after it may have run out.
    if !context.journal.claim(&writer.case.id, &context.worker, now, CLAIM_TTL).await? {
        return Err(CaseError::Claimed);
    }
    let lease = context.journal.acquire_lease(&host, &writer.case.id, now, ttl).await?;
    let Some(lease) = lease.map(|lease| lease.no_later_than(now + CLAIM_TTL)) else {
        let why = Redacted::constant("another case has leased the host");
        return writer.append(Event::ChangeBlocked { change, why }).await;
    };
    let planned =
        writer.case.remediations.get(change.remediation).map(|remediation| remediation.plan.hash.as_str());
    if planned != Some(permit.plan()) {
        let why = Redacted::constant("the permit is for another plan");
        return writer.append(Event::ChangeBlocked { change, why }).await;
    }
    let line = context.redactor.text(&command.line());
    writer.append(Event::ChangeStarted { change, attempt, host: host.clone(), command: line }).await?;
    let event = match context.shell.change(&host, &command, &permit, &lease).await {
        Ok(raw) if raw.exit == Exit::Unknown => {
            let why = Redacted::constant("the host did not say how it ended");
            Event::ChangeInDoubt { change, why, may_still_run: false }
        }
        Ok(raw) => Event::ChangeEnded {
            change,
            observation: Observation::new(&raw, &context.redactor),
            success: match (
                change.direction,
                step_of(&writer.case, writer.library, change.remediation, change.step),
            ) {
                (Direction::Forward, Some(step)) => succeeded(step, &raw),
                _ => raw.exit.is_success(),
            },
        },
        Err(ShellError::NotStarted { why }) => {
            Event::ChangeNotStarted { change, why: context.redactor.text(&why) }
        }
        Err(ShellError::InDoubt { why, may_still_run }) => {
            Event::ChangeInDoubt { change, why: context.redactor.text(&why), may_still_run }
        }
    };
    writer.append(event).await
}

fn step_of<'a>(case: &Case, library: &'a Library, remediation: usize, step: usize) -> Option<&'a Step> {
    let triage = case.triage.as_ref()?;
    let playbook = &case.remediations.get(remediation)?.plan.playbook;
    let system_type = library.systems.get(&triage.system.as_ref()?.system_type)?;
    let fault = match &triage.intent {
        Intent::Operation { operation } => &system_type.operation(operation)?.fault,
        Intent::Problem | Intent::Question { .. } => system_type.fault(playbook)?,
    };
    fault.remediation.get(step)
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
