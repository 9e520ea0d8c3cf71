//! The decision: from a case to the next action. Pure, total, and the same after a restart as before.

pub mod action;
mod conclude;
mod decider;
mod inquire;
mod next;
pub mod related;
mod requested;
mod run;
mod start;

use crate::case::detail::Detail;
use crate::case::dispute::Via;
use crate::case::event::{Event, Source};
use crate::case::outcome::{Code, Outcome};
use crate::case::published::{LabelState, StatusKey};
use crate::case::{Case, Phase, Remediation, RemediationResult, Stage};
use crate::chatops::scope::CaseScope;
use crate::decide::action::Action;
use crate::decide::conclude::Conclusion;
pub use crate::decide::decider::DecisionInput;
use crate::decide::decider::{Decider, escalate, pause_after_failure};
use crate::decide::run::RemediationDecider;
use crate::ids::SystemTypeName;
use crate::playbook::Library;
use crate::playbook::inventory::Inventory;
use crate::ticket::TicketState;
use crate::ticket::triage::{Intent, find_system, triage, triage_command};
use chrono::TimeDelta;

/// A fault that came back so often within [`RunHistory::LOOKBACK`](crate::policy::run_history::RunHistory)
/// gets a ticket of its own.
const PROBLEM_THRESHOLD: usize = 3;

/// A case that goes on by itself gets its label after so long.
const WORKING_LABEL_AFTER: TimeDelta = TimeDelta::seconds(10);

/// The next action of a case.
pub fn decide(case: &Case, input: DecisionInput<'_>) -> Action {
    if case.stage == Stage::Ended {
        return Action::Done;
    }
    if let Some(unread) = input.signals.iter().find(|signal| !case.processed_signals.contains(&signal.key)) {
        return Action::Record(Event::SignalReceived(unread.clone()));
    }
    if case.stage == Stage::Decided {
        return publish(case, input);
    }
    if case.stage == Stage::Opened {
        return open(case, input);
    }
    let Some(triage) = &case.triage else { return open(case, input) };
    let Some(system) = &triage.system else {
        return escalate(Code::NoSystem, Detail::NoSystem);
    };
    let Some(system_type) = triage.system(input.library) else {
        let system_type = system.system_type.clone();
        return escalate(Code::NoSystem, Detail::NoPlaybooks { system_type });
    };
    if let Some(action) = show_lasting_status(case, input) {
        return action;
    }
    let decider = Decider { case, input, triage, system, system_type: &system_type };
    let action = match case.stage {
        Stage::Probing => decider.run_probes(),
        Stage::Probed => {
            decider.probe_again().unwrap_or_else(|| Action::Record(Event::Diagnosed(decider.diagnose())))
        }
        Stage::Diagnosed => decider.next_fault(),
        Stage::Remediating => decider.remediate(),
        Stage::Opened | Stage::Decided | Stage::Ended => Action::Done,
    };
    match action {
        // A look never waits for the forge. A change may take long, so people are told of it before.
        Action::Wait { .. } | Action::Change(_) => show_passing_status(case, input).unwrap_or(action),
        action => action,
    }
}

fn open(case: &Case, input: DecisionInput<'_>) -> Action {
    let declined = |detail| Action::Record(Event::OutcomeDecided(Outcome::Declined { detail }));
    let scope = case.scope();
    if case.ticket.state == TicketState::Closed && !scope.is_read_only() {
        return declined(Detail::IssueClosed);
    }
    if case.ticket.locked {
        return declined(Detail::Locked);
    }
    let suspect = match &case.source {
        Source::Sweep { suspect } => suspect.as_ref(),
        Source::Recurrence { suspect, .. } => Some(suspect),
        Source::CloseDispute(dispute) if case.dispute.is_none() => {
            return Action::Record(Event::CloseDisputed(dispute.clone()));
        }
        _ => None,
    };
    let was_closed = match &case.source {
        Source::Recurrence { .. } => true,
        Source::CloseDispute(dispute) => dispute.via == Via::Comment,
        _ => false,
    };
    if was_closed && input.policy.publishes && !case.publishing.reopened {
        return pause_after_failure(case, input).unwrap_or(Action::Reopen);
    }
    let inventory = match case.ticket.id.is_issue() {
        true => input.inventory.for_repo(&case.ticket.id.repo),
        false => input.inventory.clone(),
    };
    if let (CaseScope::FullTicket | CaseScope::FixOne { .. }, None, None) = (scope, suspect, &case.reading)
        && let Some(system_type) = readable_system_type(case, input.library, &inventory)
    {
        return Action::ReadTicket { system_type };
    }
    let mut triage = match scope {
        CaseScope::FullTicket => {
            triage(&case.ticket, input.library, &inventory, suspect, case.reading.as_ref())
        }
        _ => triage_command(scope, &case.ticket, input.library, &inventory),
    };
    if case.dispute.is_some() {
        // Whatever the ticket asked for, it was not enough.
        triage.intent = Intent::Problem;
    }
    Action::Record(Event::Triaged(triage))
}

/// The type of the system that the ticket names, if it has symptoms that can be read.
fn readable_system_type(case: &Case, library: &Library, inventory: &Inventory) -> Option<SystemTypeName> {
    let system = find_system(&case.ticket, library, inventory)?;
    let system_type = library.systems.get(&system.system_type)?;
    (!system_type.symptoms.symptoms().is_empty()).then(|| system.system_type.clone())
}

/// The status comment and the label of a case that stays where it is for a while: it waits for a person, a limit or
/// another case, or it has an outcome.
fn show_lasting_status(case: &Case, input: DecisionInput<'_>) -> Option<Action> {
    if !shows_status(case, input) {
        return None;
    }
    let key = case.status_key();
    // A report that is the first to be written says it all.
    let is_said = key == StatusKey::Ended && case.publishing.status.is_none() && case.publishing.reported;
    if !key.passes() && !is_said && case.publishing.status.as_ref() != Some(&key) {
        return Some(Action::ShowStatus);
    }
    let label = case.label_state();
    (label != LabelState::Working && case.publishing.label != Some(label)).then_some(Action::SetLabel)
}

/// The status comment and the label of a case that goes on by itself.
fn show_passing_status(case: &Case, input: DecisionInput<'_>) -> Option<Action> {
    if !shows_status(case, input) {
        return None;
    }
    let key = case.status_key();
    if key.passes() && case.publishing.status.as_ref() != Some(&key) && case.may_edit_status(input.now) {
        return Some(Action::ShowStatus);
    }
    // A label is for those who read a list; what is over in a moment is not worth two writes.
    let is_due =
        case.label_state() == LabelState::Working && input.now - case.opened_at >= WORKING_LABEL_AFTER;
    (is_due && case.publishing.label != Some(LabelState::Working)).then_some(Action::SetLabel)
}

/// A read-only case leaves the status and the label of its ticket as they are. The run of a schedule has no ticket.
fn shows_status(case: &Case, input: DecisionInput<'_>) -> bool {
    input.policy.publishes && !case.scope().is_read_only() && case.ticket.id.is_issue()
}

/// After the outcome: report, call people or close, set the labels, bring the status up to date.
fn publish(case: &Case, input: DecisionInput<'_>) -> Action {
    let Some(outcome) = &case.outcome else { return Action::Record(Event::Ended) };
    if !case.ticket.id.is_issue() {
        return publish_run(case, input);
    }
    // A declined ticket is one that must not be written on; what was written before is brought to an end.
    let is_declined = matches!(outcome, Outcome::Declined { .. });
    let is_followed = *case.scope() != CaseScope::FullTicket && case.probed_for.is_some();
    let silent = is_declined && case.publishing.status.is_none() && !is_followed;
    if !input.policy.publishes || silent {
        return Action::Record(Event::Ended);
    }
    if let Some(wait) = pause_after_failure(case, input) {
        return wait;
    }
    // A person who gave a command is told why it was not followed.
    if is_declined && *case.scope() == CaseScope::FullTicket {
        return show_lasting_status(case, input).unwrap_or(Action::Record(Event::Ended));
    }
    // Before the report, which links to it.
    let recurs = case.recurrence.as_ref().is_some_and(|recurrence| recurrence.count >= PROBLEM_THRESHOLD);
    if recurs && case.publishing.problem.is_none() {
        return Action::OpenProblemTicket;
    }
    if !case.publishing.reported {
        return Action::PostReport;
    }
    // Nothing is closed without a report.
    if case.closes() && !case.publishing.closed && !case.publishing.refused_report {
        return Action::Close;
    }
    let needs_person = matches!(outcome, Outcome::Escalated(_)) || case.publishing.refused_report;
    let calls = needs_person && !case.scope().is_read_only();
    if calls && !case.publishing.called {
        return Action::CallPeople;
    }
    show_lasting_status(case, input).unwrap_or(Action::Record(Event::Ended))
}

/// After the run of a schedule: what needs a person gets a ticket, and everything else stays in the journal.
fn publish_run(case: &Case, input: DecisionInput<'_>) -> Action {
    if !input.policy.publishes || !case.needs_attention() || case.publishing.problem.is_some() {
        return Action::Record(Event::Ended);
    }
    pause_after_failure(case, input).unwrap_or(Action::OpenProblemTicket)
}

impl Decider<'_> {
    /// After a diagnosis: the next fault to fix, or the end.
    fn next_fault(self) -> Action {
        let Some(diagnosis) = self.case.diagnosis() else { return self.run_probes() };
        if let Some(action) = self.case.remediations.last().and_then(|last| self.after_failure(last)) {
            return action;
        }
        if self.case.cancelled_by.is_some() {
            return Action::Record(Event::OutcomeDecided(Outcome::Cancelled));
        }
        // To fix and close it once more would go round in circles.
        if let Some(dispute) = &self.case.dispute {
            return escalate(Code::StillBroken, self.still_broken(dispute, diagnosis));
        }
        if let Some(action) = self.waiting_action().or_else(|| self.conclude_requested(diagnosis)) {
            return action;
        }
        match self.next_finding(diagnosis) {
            Some(finding) => {
                if let Some(unknown) = self.unknown_cause(&finding.playbook, diagnosis) {
                    let detail = Detail::CauseUnknown {
                        cause: unknown.playbook.clone(),
                        playbook: finding.playbook.clone(),
                        problem: unknown.why.clone(),
                    };
                    return escalate(Code::CannotTell, detail);
                }
                self.start_remediation(&finding.playbook, diagnosis)
            }
            None => self.find_related().unwrap_or_else(|| match self.conclude(diagnosis) {
                Conclusion::Outcome(outcome) => Action::Record(Event::OutcomeDecided(outcome)),
                Conclusion::Inquire(purpose) => self.inquire(purpose, diagnosis),
            }),
        }
    }

    /// A remediation that failed ends the case.
    fn after_failure(self, remediation: &Remediation) -> Option<Action> {
        let Phase::Finished { result, .. } = &remediation.phase else { return None };
        let playbook = remediation.plan.playbook.clone();
        match result.clone() {
            RemediationResult::Fixed => None,
            RemediationResult::NotFixed { .. } if self.case.cancelled_by.is_some() => None,
            RemediationResult::NotFixed { why: failure } => {
                Some(escalate(Code::NotFixed, Detail::NotFixed { playbook, failure }))
            }
            RemediationResult::RollbackFailed { why: failure } => {
                Some(escalate(Code::UndoFailed, Detail::RollbackFailed { playbook, failure }))
            }
            RemediationResult::InDoubt { why: doubt, change } => {
                let step = remediation.plan.steps.get(change.step);
                let step = step.map_or_else(String::new, |step| step.name.clone());
                Some(escalate(Code::InDoubt, Detail::InDoubt { playbook, step, doubt }))
            }
        }
    }

    fn remediate(self) -> Action {
        let last = self.case.remediations.iter().enumerate().next_back();
        let Some((index, remediation)) = last else { return self.next_fault() };
        let playbook = &remediation.plan.playbook;
        let Some(fault) = self.system_type.fault(playbook) else {
            return escalate(Code::NoPlaybooks, Detail::PlaybookGone { playbook: playbook.clone() });
        };
        let run = RemediationDecider { decider: self, index, remediation, fault };
        match &remediation.phase {
            Phase::Applying => run.apply(),
            Phase::Verifying(progress) => run.verify(progress),
            Phase::RollingBack { .. } => run.roll_back(),
            Phase::Finished { .. } => self.next_fault(),
        }
    }
}
