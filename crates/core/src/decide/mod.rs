//! The decision: from a case to the next action. Pure, total, and the same after a restart as before.

pub mod action;
mod conclude;
mod decider;
pub mod related;
mod requested;
mod run;
mod start;

use crate::case::dispute::Via;
use crate::case::event::{Event, Source};
use crate::case::outcome::{Code, Outcome};
use crate::case::{Case, Phase, Remediation, RemediationResult, Stage};
use crate::chatops::scope::CaseScope;
use crate::decide::action::Action;
pub use crate::decide::decider::DecisionInput;
use crate::decide::decider::{Decider, escalate, pause_after_failure};
use crate::decide::run::RemediationDecider;
use crate::ticket::TicketState;
use crate::ticket::triage::{Intent, triage, triage_command};

/// A fault that came back so often within [`RunHistory::LOOKBACK`](crate::policy::run_history::RunHistory)
/// gets a ticket of its own.
const PROBLEM: usize = 3;

/// The next action of a case.
pub fn decide(case: &Case, world: DecisionInput<'_>) -> Action {
    if case.stage == Stage::Ended {
        return Action::Done;
    }
    if let Some(unheard) = world.signals.iter().find(|posted| !case.processed_signals.contains(&posted.key)) {
        return Action::Record(Event::SignalReceived(unheard.clone()));
    }
    if case.stage == Stage::Decided {
        return publish(case, world);
    }
    if case.stage == Stage::Opened {
        return open(case, world);
    }
    let Some(triage) = &case.triage else { return open(case, world) };
    let Some(site) = &triage.system else {
        return escalate(Code::NoSystem, "the ticket names no system that is looked after, or more than one");
    };
    let Some(system) = triage.system(world.library) else {
        return escalate(Code::NoSystem, format!("there are no playbooks for `{}`", site.system_type));
    };
    let system = &*system;
    if let Some(action) = update_status(case, world) {
        return action;
    }
    let ground = Decider { case, input: world, triage, system: site, system_type: system };
    match case.stage {
        Stage::Probing => ground.run_probes(),
        Stage::Probed => {
            ground.look_again().unwrap_or_else(|| Action::Record(Event::Diagnosed(ground.diagnose())))
        }
        Stage::Diagnosed => ground.next_fault(),
        Stage::Remediating => ground.remediate(),
        Stage::Opened | Stage::Decided | Stage::Ended => Action::Done,
    }
}

fn open(case: &Case, world: DecisionInput<'_>) -> Action {
    let declined = |why: &str| Action::Record(Event::OutcomeDecided(Outcome::Declined { why: why.into() }));
    let errand = case.scope();
    if case.ticket.state == TicketState::Closed && !errand.is_read_only() {
        return declined("the issue is closed");
    }
    if case.ticket.locked {
        return declined("the issue's conversation is locked");
    }
    let suspect = match &case.source {
        Source::Sweep { suspect } => suspect.as_ref(),
        Source::Recurrence { suspect, .. } => Some(suspect),
        Source::CloseDispute(objection) if case.dispute.is_none() => {
            return Action::Record(Event::CloseDisputed(objection.clone()));
        }
        _ => None,
    };
    let was_closed = match &case.source {
        Source::Recurrence { .. } => true,
        Source::CloseDispute(objection) => objection.via == Via::Comment,
        _ => false,
    };
    if was_closed && world.policy.publishes && !case.publishing.reopened {
        return pause_after_failure(case, world).unwrap_or(Action::Reopen);
    }
    let mut triage = match errand {
        CaseScope::FullTicket => triage(&case.ticket, world.library, world.inventory, suspect),
        _ => triage_command(errand, &case.ticket, world.library, world.inventory),
    };
    if case.dispute.is_some() {
        // Whatever the ticket asked for, it was not enough.
        triage.intent = Intent::Problem;
    }
    Action::Record(Event::Triaged(triage))
}

/// The status comment and the label, when the stage has changed.
fn update_status(case: &Case, world: DecisionInput<'_>) -> Option<Action> {
    // A look beside the ticket leaves its status and its label as they are.
    if !world.policy.publishes || case.scope().is_read_only() {
        return None;
    }
    if case.publishing.status != Some(case.status_key()) && case.may_edit_status(world.now) {
        return Some(Action::ShowStatus);
    }
    (case.publishing.label != Some(case.label_state())).then_some(Action::SetLabel)
}

/// After the outcome: report, call people or close, set the labels, bring the status up to date.
fn publish(case: &Case, world: DecisionInput<'_>) -> Action {
    let Some(outcome) = &case.outcome else { return Action::Record(Event::Ended) };
    // A declined ticket is one that must not be written on; what was written before is brought to an end.
    let is_declined = matches!(outcome, Outcome::Declined { .. });
    let looked = case.scope().is_read_only() && case.probed_for.is_some();
    let silent = is_declined && case.publishing.status.is_none() && !looked;
    if !world.policy.publishes || silent {
        return Action::Record(Event::Ended);
    }
    if let Some(wait) = pause_after_failure(case, world) {
        return wait;
    }
    // A person who set the agent to something is told why it was not done.
    if is_declined && *case.scope() == CaseScope::FullTicket {
        return update_status(case, world).unwrap_or(Action::Record(Event::Ended));
    }
    // Before the report, which links to it.
    let recurs = case.recurrence.as_ref().is_some_and(|recurred| recurred.count >= PROBLEM);
    if recurs && case.publishing.problem.is_none() {
        return Action::OpenProblemTicket;
    }
    if !case.publishing.reported {
        return Action::PostReport;
    }
    // Nothing is closed without a word.
    if case.closes() && !case.publishing.closed && !case.publishing.refused_report {
        return Action::Close;
    }
    let calls = matches!(outcome, Outcome::Escalated(_)) && !case.scope().is_read_only();
    if calls && !case.publishing.called {
        return Action::CallPeople;
    }
    update_status(case, world).unwrap_or(Action::Record(Event::Ended))
}

impl Decider<'_> {
    /// After a diagnosis: the next fault to treat, or the end.
    fn next_fault(self) -> Action {
        let Some(diagnosis) = self.case.diagnosis() else { return self.run_probes() };
        if let Some(action) = self.case.remediations.last().and_then(|last| self.after_failure(last)) {
            return action;
        }
        if self.case.cancelled_by.is_some() {
            return Action::Record(Event::OutcomeDecided(Outcome::Cancelled));
        }
        // To mend it once more, and close it once more, would go round in circles.
        if let Some(objection) = &self.case.dispute {
            return escalate(Code::StillBroken, self.why_still_broken(objection, diagnosis));
        }
        if let Some(action) = self.waiting_action().or_else(|| self.conclude_requested(diagnosis)) {
            return action;
        }
        match diagnosis.findings.first() {
            Some(finding) => {
                if let Some(unknown) = self.unknown_cause(&finding.playbook, diagnosis) {
                    let why = format!(
                        "{}, which could cause {}: {}",
                        unknown.playbook, finding.playbook, unknown.why
                    );
                    return escalate(Code::CannotTell, why);
                }
                self.start_remediation(&finding.playbook, diagnosis)
            }
            None => self
                .find_related()
                .unwrap_or_else(|| Action::Record(Event::OutcomeDecided(self.conclude(diagnosis)))),
        }
    }

    /// A treatment that did not end well ends the case.
    fn after_failure(self, treatment: &Remediation) -> Option<Action> {
        let Phase::Finished { result, .. } = &treatment.phase else { return None };
        let playbook = &treatment.plan.playbook;
        match result {
            RemediationResult::Fixed => None,
            RemediationResult::NotFixed { .. } if self.case.cancelled_by.is_some() => None,
            RemediationResult::NotFixed { why } => {
                Some(escalate(Code::NotFixed, format!("{playbook}: {why}")))
            }
            RemediationResult::RollbackFailed { why } => {
                Some(escalate(Code::UndoFailed, format!("{playbook}: {why}; undoing it failed too")))
            }
            RemediationResult::InDoubt { why, change } => {
                let step = treatment.plan.steps.get(change.step).map_or("", |step| step.name.as_str());
                Some(escalate(Code::InDoubt, format!("{playbook}, {step}: {why}")))
            }
        }
    }

    fn remediate(self) -> Action {
        let Some(index) = self.case.remediations.len().checked_sub(1) else { return self.next_fault() };
        let treatment = &self.case.remediations[index];
        let Some(fault) = self.system_type.fault(&treatment.plan.playbook) else {
            return escalate(
                Code::NoPlaybooks,
                format!("the playbook `{}` is gone", treatment.plan.playbook),
            );
        };
        let bed = RemediationDecider { decider: self, index, remediation: treatment, fault };
        match &treatment.phase {
            Phase::Applying => bed.apply(),
            Phase::Verifying(progress) => bed.verify(progress),
            Phase::RollingBack { .. } => bed.roll_back(),
            Phase::Finished { .. } => self.next_fault(),
        }
    }
}
