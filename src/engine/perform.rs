//! Performing: one action, with the intent written down before and the fact after.

use super::answer::answerable;
use super::drive::{DriveError, Pen, Stop};
use super::look::look;
use super::speak::speak;
use super::words::word_of_label;
use super::{Agent, CLAIM};
use crate::core::action::{Action, Order};
use crate::core::case::Case;
use crate::core::event::{Act, Event, Way};
use crate::core::evidence::{Exit, Observation, RawObservation};
use crate::core::expr::Scope;
use crate::core::name::HostName;
use crate::core::playbook::{Library, Step};
use crate::core::redact::Redacted;
use crate::core::ticket::State;
use crate::ports::ShellError;
use chrono::{DateTime, Utc};
use serde_json::json;
use std::time::Duration;

/// How long a case waits before it asks again for a host that another case holds.
const HOLD_PAUSE: Duration = Duration::from_secs(2);

/// Carries out an action and records what came of it.
pub(super) async fn perform(pen: &mut Pen<'_>, action: Action, stop: &Stop) -> Result<(), DriveError> {
    match action {
        Action::Note(event) => {
            let event = answerable(pen, event);
            let concluded = matches!(event, Event::Concluded(_));
            pen.write(event).await?;
            if concluded {
                // What is left to do is talk; the hosts are for others.
                pen.agent.journal.free(&pen.case.id).await?;
            }
            Ok(())
        }
        Action::Look { purpose, probes } => {
            let Some(triage) = &pen.case.triage else { return Ok(()) };
            let (Some(site), Some(system)) = (&triage.site, triage.system(pen.library)) else {
                return Ok(());
            };
            let evidence = look(&pen.agent.eyes(), &system, site, &probes).await;
            pen.write(Event::Looked { purpose, evidence }).await
        }
        Action::Recheck => recheck(pen).await,
        Action::Hold { hosts } => hold(pen, hosts, stop).await,
        Action::Change(order) => change(pen, order).await,
        Action::AskPeople
        | Action::ShowStatus
        | Action::SetLabel
        | Action::Reopen
        | Action::OpenProblem
        | Action::PostReport
        | Action::CallPeople
        | Action::Close => speak(pen, action).await,
        Action::Wait { until } => {
            wait(pen.agent, until, stop).await;
            Ok(())
        }
        Action::Park { .. } | Action::Rest => Ok(()),
    }
}

pub(super) async fn wait(agent: &Agent, until: DateTime<Utc>, stop: &Stop) {
    tokio::select! {
        biased;
        () = agent.clock.sleep_until(until) => {}
        () = stop.pulled() => {}
    }
}

/// Looks at the issue once more. What GitHub cannot say now is asked again later: nothing is changed on
/// a guess.
async fn recheck(pen: &mut Pen<'_>) -> Result<(), DriveError> {
    let event = match pen.agent.forge.ticket(&pen.case.ticket.id).await {
        Ok(ticket) => match word_of_label(&pen.case, &ticket) {
            Some(word) => Event::Heard(word),
            None => Event::Rechecked { open: ticket.state == State::Open && !ticket.locked },
        },
        Err(error) if error.is_lasting() => Event::Rechecked { open: false },
        Err(error) => {
            let why = pen.agent.redactor.text(&error.to_string());
            Event::NotTold { act: Act::Recheck, why, lasting: false }
        }
    };
    pen.write(event).await
}

/// Holds the hosts in their order, so that two cases never wait for each other.
async fn hold(pen: &mut Pen<'_>, hosts: Vec<HostName>, stop: &Stop) -> Result<(), DriveError> {
    let agent = pen.agent;
    let mut waited = false;
    for host in &hosts {
        while agent.journal.hold(host, &pen.case.id, agent.clock.now(), CLAIM).await?.is_none() {
            waited = true;
            wait(agent, agent.clock.now() + HOLD_PAUSE, stop).await;
            if stop.is_pulled() {
                return Ok(());
            }
        }
    }
    pen.write(Event::Held { hosts, waited }).await
}

/// Makes a change: lease, intent, act, fact.
async fn change(pen: &mut Pen<'_>, order: Order) -> Result<(), DriveError> {
    let Order { change, attempt, host, command, permit } = order;
    let agent = pen.agent;
    let held = command.timeout() + CLAIM;
    let now = agent.clock.now();
    // A worker that stood still may have lost its case without knowing: nothing is begun unless the claim
    // is fresh, and not after it may have run out.
    if !agent.journal.claim(&pen.case.id, &agent.worker, now, CLAIM).await? {
        return Err(DriveError::Claimed);
    }
    let lease = agent.journal.hold(&host, &pen.case.id, now, held).await?;
    let Some(lease) = lease.map(|lease| lease.no_later_than(now + CLAIM)) else {
        let why = Redacted::constant("another case holds the host");
        return pen.write(Event::ChangeBarred { change, why }).await;
    };
    let planned = pen.case.treatments.get(change.treatment).map(|treatment| treatment.plan.hash.as_str());
    if planned != Some(permit.plan()) {
        let why = Redacted::constant("the permit is for another plan");
        return pen.write(Event::ChangeBarred { change, why }).await;
    }
    let line = agent.redactor.text(&command.line());
    pen.write(Event::ChangeStarted { change, attempt, host: host.clone(), command: line }).await?;
    let event = match agent.shell.change(&host, &command, &permit, &lease).await {
        Ok(raw) if raw.exit == Exit::Unsaid => {
            let why = Redacted::constant("the host did not say how it ended");
            Event::ChangeInDoubt { change, why, may_still_run: false }
        }
        Ok(raw) => Event::ChangeEnded {
            change,
            observation: Observation::new(&raw, &agent.redactor),
            success: match (change.way, step_of(&pen.case, pen.library, change.treatment, change.step)) {
                (Way::Do, Some(step)) => succeeded(step, &raw),
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
    pen.write(event).await
}

fn step_of<'a>(case: &Case, library: &'a Library, treatment: usize, step: usize) -> Option<&'a Step> {
    let site = case.triage.as_ref()?.site.as_ref()?;
    let playbook = &case.treatments.get(treatment)?.plan.playbook;
    library.systems.get(&site.kind)?.fault(playbook)?.remedy.get(step)
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
