//! Beginning: everything that has to be so before a remedy is begun, and what a case does until it is.

use crate::case::event::Event;
use crate::case::outcome::{Code, Outcome};
use crate::case::{PendingApproval, Stage};
use crate::decide::action::Action;
use crate::decide::decider::{Decider, DecisionInput, escalate, pause_after_failure};
use crate::diagnosis::diagnose::Diagnosis;
use crate::diagnosis::plan;
use crate::diagnosis::plan::Plan;
use crate::expr::Truth;
use crate::ids::PlaybookName;
use crate::playbook::Fault;
use crate::policy::limits;
use crate::policy::mode::Mode;
use crate::policy::permit;
use crate::policy::permit::NotPermitted;
use crate::text::format::format_minute;
use crate::ticket::TicketState;
use chrono::TimeDelta;
use std::time::Duration;

/// Older evidence begins no remedy.
const MAX_EVIDENCE_AGE: TimeDelta = TimeDelta::minutes(3);
/// How often a case that waits under a halt asks whether it is lifted.
const PAUSE_POLL: Duration = Duration::from_secs(5);
/// How often one that waits under a label asks whether it is still there.
const LABEL_POLL: TimeDelta = TimeDelta::minutes(2);
/// A case whose plan is another one at every look is not asked about for ever.
const MAX_APPROVAL_REQUESTS: usize = 5;

impl Decider<'_> {
    /// Begins the remedy of a fault that is confirmed, if everything allows it.
    pub(crate) fn start_remediation(self, playbook: &PlaybookName, diagnosis: &Diagnosis) -> Action {
        let Some(fault) = self.system_type.fault(playbook) else {
            return escalate(Code::NoPlaybooks, format!("the playbook `{playbook}` is gone"));
        };
        if self.case.remediations.iter().any(|treatment| treatment.plan.playbook == *playbook) {
            return escalate(Code::CameBack, format!("{playbook}: it came back after it was mended"));
        }
        if self.case.remediations.len() >= self.input.policy.max_remediations {
            let number = self.case.remediations.len();
            return escalate(
                Code::NotPermitted,
                format!("{number} remedies were applied to this ticket already"),
            );
        }
        if let Some(action) = self.defer_to_related(playbook) {
            return action;
        }
        if self.case.paused.is_some()
            && let Some(action) = self.pause_action()
        {
            return action;
        }
        // What was seen before a wait or a restart says nothing about now.
        if self.input.now - self.case.evidence.at > MAX_EVIDENCE_AGE {
            return self.run_probes();
        }
        let because = diagnosis.findings.first().map_or("", |finding| finding.summary.as_str());
        if fault.remediation.is_empty() {
            return escalate(Code::NeedsPerson, format!("{playbook}: {because}"));
        }
        let keep = self.case.backup_name();
        let plan = match plan::plan(self.system_type, self.system, fault, &self.case.evidence, &keep) {
            Ok(plan) => plan,
            Err(problem) => return escalate(Code::CannotTell, format!("{playbook}: {problem}")),
        };
        if let Some(action) = self.note_recurrence(&plan) {
            return action;
        }
        // A plan is permitted as a whole: to run out half-way would leave a remedy half-made.
        let changes = self.case.changes_made() + plan.steps.len();
        let modes = [self.system.mode, self.mode_of(fault)];
        let approval = self.case.approval.as_ref();
        match permit::authorize(self.input.policy, &plan, modes, changes, approval) {
            Ok(_) => {}
            Err(NotPermitted::NeedsApproval) => {
                return self.defer_for_limits(&plan).unwrap_or_else(|| self.ask(plan));
            }
            Err(refusal) => {
                return escalate(Code::NotPermitted, format!("{playbook}: {because}; {refusal}"));
            }
        }
        if let Some(action) = self.pause_action().or_else(|| self.defer_for_limits(&plan)) {
            return action;
        }
        if let Some(action) = self.ensure_ticket_open() {
            return action;
        }
        let hosts = self.input.inventory.holds(&plan.hosts());
        let hosts: Vec<_> = hosts.difference(&self.case.leased_hosts).cloned().collect();
        if !hosts.is_empty() {
            return Action::LeaseHosts { hosts };
        }
        Action::Record(Event::RemediationStarted(plan))
    }

    /// The mode of a fault as things are. What cannot be told is asked about.
    fn mode_of(self, fault: &Fault) -> Option<Mode> {
        let scope = self.case.evidence.scope(&self.system_type.params(&self.system.params));
        match fault.ask_if.as_ref().map(|condition| condition.truth(&scope)) {
            None | Some(Truth::False) => fault.mode,
            Some(Truth::True | Truth::Unknown(_)) => {
                Some(fault.mode.map_or(Mode::Ask, |mode| mode.min(Mode::Ask)))
            }
        }
    }

    /// What a case does that waits for a person or for a budget: nothing, until it need not wait any more.
    pub(crate) fn waiting_action(self) -> Option<Action> {
        if let Some(by) = &self.case.denied_by {
            return Some(escalate(Code::Denied, format!("{by} said no to the plan")));
        }
        if let Some(asked) = &self.case.pending_approval {
            return Some(self.until_answered(asked));
        }
        if let Some(action) = self.wait_for_related() {
            return Some(action);
        }
        let delay = self.case.deferral.as_ref()?;
        if delay.until > self.input.now {
            return Some(Action::Suspend { until: delay.until });
        }
        Some(self.run_probes())
    }

    /// Asks for a person's yes to a plan.
    fn ask(self, plan: Plan) -> Action {
        if self.case.approval_requests >= MAX_APPROVAL_REQUESTS {
            let why = format!("{}: the plan was another one each time I asked about it", plan.playbook);
            return escalate(Code::NoAnswer, why);
        }
        Action::Record(Event::ApprovalRequested {
            plan,
            until: self.input.now + self.input.policy.approval_timeout,
        })
    }

    fn until_answered(self, asked: &PendingApproval) -> Action {
        if asked.until <= self.input.now {
            let why = format!("nobody said yes or no to the plan `{}` in time", asked.plan.short_id());
            return self.ensure_ticket_open().unwrap_or_else(|| escalate(Code::NoAnswer, why));
        }
        if self.case.publishing.approval_request.as_ref() == Some(&asked.plan.hash) {
            return Action::Suspend { until: asked.until };
        }
        pause_after_failure(self.case, self.input).unwrap_or(Action::RequestApproval)
    }

    /// What the budgets make of a plan: it waits for them, or is handed over if that would take too long.
    fn defer_for_limits(self, plan: &Plan) -> Option<Action> {
        let DecisionInput { policy, inventory, history, now, .. } = self.input;
        let Some(history) = history else {
            return Some(escalate(Code::HeldBack, "what was changed lately could not be told"));
        };
        let delay = limits::deferral(
            &policy.limits,
            &policy.change_freezes,
            inventory,
            &self.system.name,
            plan,
            history,
            now,
        )?;
        let since = self.case.deferred_at.unwrap_or(now);
        if delay.until - since > TimeDelta::from_std(policy.limits.max_wait).unwrap_or_default() {
            let until = format_minute(delay.until);
            let why = format!("{}: {}; it could begin at {until}", plan.playbook, delay.exceeded);
            return Some(escalate(Code::HeldBack, why));
        }
        Some(Action::Record(Event::Deferred(delay)))
    }

    /// What a person's halt makes of a case that is about to change something: it waits where it stands.
    pub(crate) fn pause_action(self) -> Option<Action> {
        let until = self.input.now + PAUSE_POLL;
        match (self.input.pause.or(self.case.ticket_pause.as_ref()), &self.case.paused) {
            (Some(pause), None) => Some(Action::Record(Event::Paused(pause.clone()))),
            // Nobody may be there to tell that the label was taken off.
            (Some(_), Some(_)) if self.input.pause.is_none() && until - self.case.updated_at > LABEL_POLL => {
                Some(Action::RefreshTicket)
            }
            // In the middle of a remedy its hosts are kept from others.
            (Some(_), Some(_)) if self.case.stage == Stage::Remediating => Some(Action::Wait { until }),
            (Some(_), Some(_)) => Some(Action::Suspend { until }),
            (None, Some(_)) => Some(Action::Record(Event::Resumed)),
            (None, None) => None,
        }
    }

    /// Nobody's servers are changed for an issue that was closed while they were looked at.
    fn ensure_ticket_open(self) -> Option<Action> {
        if self.case.ticket.state == TicketState::Closed {
            let why = "the issue was closed meanwhile".to_owned();
            return Some(Action::Record(Event::OutcomeDecided(Outcome::Declined { why })));
        }
        if self.case.ticket_confirmed_open {
            return None;
        }
        Some(pause_after_failure(self.case, self.input).unwrap_or(Action::RefreshTicket))
    }

    /// Remembers that a fault was mended before, lately and on the same hosts: mending does not reach its
    /// cause.
    fn note_recurrence(self, plan: &Plan) -> Option<Action> {
        if self.case.recurrence.as_ref().is_some_and(|known| known.playbook == plan.playbook) {
            return None;
        }
        let hosts = plan.hosts();
        let runs = self.input.history?.runs_of(&plan.playbook, &hosts);
        let count = runs.filter(|run| run.fixed(&self.system.name).is_some()).count();
        let playbook = plan.playbook.clone();
        (count > 0).then_some(Action::Record(Event::RecurrenceDetected { playbook, hosts, count }))
    }
}
