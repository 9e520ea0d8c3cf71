//! Starting: everything that must hold before a remediation starts, and what a case does until then.

use crate::case::detail::Detail;
use crate::case::event::Event;
use crate::case::outcome::{Code, Outcome};
use crate::case::{PendingApproval, Stage};
use crate::decide::action::{Action, Suspension, SuspensionEnd};
use crate::decide::decider::{Decider, DecisionInput, escalate, pause_after_failure};
use crate::diagnosis::diagnose::Diagnosis;
use crate::diagnosis::plan;
use crate::diagnosis::plan::Plan;
use crate::expr::Truth;
use crate::ids::PlaybookName;
use crate::playbook::Fault;
use crate::policy::deferral::Deferral;
use crate::policy::limits;
use crate::policy::mode::Mode;
use crate::policy::permit;
use crate::policy::permit::NotPermitted;
use crate::policy::run_history::RunHistory;
use crate::ticket::TicketState;
use chrono::TimeDelta;

/// Older evidence starts no remediation.
pub(crate) const MAX_EVIDENCE_AGE: TimeDelta = TimeDelta::minutes(3);
/// How often a case that is paused in the middle of a remediation asks whether the pause is lifted.
const PAUSE_POLL: TimeDelta = TimeDelta::seconds(5);
/// How long a case that is paused with all others is left alone at most. The end of the pause takes it up before.
const LONGEST_PAUSE_WAIT: TimeDelta = TimeDelta::days(1);
/// How often a case that is paused by a label asks whether the label is still there.
const LABEL_POLL: TimeDelta = TimeDelta::minutes(2);
/// A case whose plan changes at every diagnosis is not asked about for ever.
const MAX_APPROVAL_REQUESTS: usize = 5;

impl Decider<'_> {
    /// Starts the remediation of a confirmed fault, if everything allows it.
    pub(crate) fn start_remediation(self, playbook: &PlaybookName, diagnosis: &Diagnosis) -> Action {
        let Some(fault) = self.system_type.fault(playbook) else {
            return escalate(Code::NoPlaybooks, Detail::PlaybookGone { playbook: playbook.clone() });
        };
        if self.case.remediations.iter().any(|remediation| remediation.plan.playbook == *playbook) {
            return escalate(Code::CameBack, Detail::CameBack { playbook: playbook.clone() });
        }
        if self.case.remediations.len() >= self.input.policy.max_remediations {
            let count = self.case.remediations.len();
            return escalate(Code::NotPermitted, Detail::TooManyRemediations { count });
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
        let finding = diagnosis.findings.iter().find(|finding| finding.playbook == *playbook);
        let summary = finding.map_or_else(String::new, |finding| finding.summary.clone());
        if fault.is_for_people() {
            return escalate(Code::NeedsPerson, Detail::NeedsPerson { playbook: playbook.clone(), summary });
        }
        let keep = self.case.backup_name();
        let plan = match plan::plan(self.system_type, self.system, fault, &self.case.evidence, &keep) {
            Ok(plan) => plan,
            Err(problem) => {
                let problem = problem.to_string();
                return escalate(Code::CannotTell, Detail::NoPlan { playbook: playbook.clone(), problem });
            }
        };
        if let Some(action) = self.note_recurrence(&plan) {
            return action;
        }
        // A plan is permitted as a whole: to run out half-way would leave it half-done.
        let changes = self.case.changes_made() + plan.steps.len();
        let modes = [self.system.mode, self.mode_of(fault)];
        let approval = self.case.approval.as_ref();
        match permit::authorize(self.input.policy, &plan, modes, changes, approval) {
            Ok(_) => {}
            // The run of a schedule has no ticket in which a person could approve.
            Err(NotPermitted::NeedsApproval) if self.case.ticket.id.is_issue() => {
                return self.defer_for_limits(&plan).unwrap_or_else(|| self.ask(plan));
            }
            Err(refusal) => {
                let detail = Detail::NotPermitted { playbook: playbook.clone(), summary, refusal };
                return escalate(Code::NotPermitted, detail);
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
    pub(crate) fn mode_of(self, fault: &Fault) -> Option<Mode> {
        let scope = self.case.evidence.scope(&self.system_type.params(&self.system.params));
        match fault.ask_if.as_ref().map(|condition| condition.truth(&scope)) {
            None | Some(Truth::False) => fault.mode,
            Some(Truth::True | Truth::Unknown(_)) => {
                Some(fault.mode.map_or(Mode::Ask, |mode| mode.min(Mode::Ask)))
            }
        }
    }

    /// What a case does that waits for a person or for a limit: nothing, until the wait is over.
    pub(crate) fn waiting_action(self) -> Option<Action> {
        if let Some(by) = &self.case.denied_by {
            return Some(escalate(Code::Denied, Detail::Denied { by: by.clone() }));
        }
        if let Some(asked) = &self.case.pending_approval {
            return Some(self.until_answered(asked));
        }
        if let Some(action) = self.wait_for_related() {
            return Some(action);
        }
        let deferral = self.case.deferral.as_ref()?;
        if deferral.until > self.input.now {
            return Some(Action::Suspend(Suspension::until(deferral.until)));
        }
        Some(self.run_probes())
    }

    /// Asks for approval of a plan.
    fn ask(self, plan: Plan) -> Action {
        if self.case.approval_requests >= MAX_APPROVAL_REQUESTS {
            return escalate(Code::NoAnswer, Detail::PlanKeepsChanging { playbook: plan.playbook });
        }
        Action::Record(Event::ApprovalRequested {
            plan,
            until: self.input.now + self.input.policy.approval_timeout,
        })
    }

    fn until_answered(self, asked: &PendingApproval) -> Action {
        if asked.until <= self.input.now {
            let detail = Detail::NoAnswer { plan: asked.plan.short_id().to_owned() };
            return self.ensure_ticket_open().unwrap_or_else(|| escalate(Code::NoAnswer, detail));
        }
        if self.case.publishing.approval_request.as_ref() == Some(&asked.plan.hash) {
            return Action::Suspend(Suspension::until(asked.until));
        }
        pause_after_failure(self.case, self.input).unwrap_or(Action::RequestApproval)
    }

    /// Defers a plan that exceeds a limit, or hands it over if that would take too long.
    fn defer_for_limits(self, plan: &Plan) -> Option<Action> {
        let DecisionInput { policy, history, now, .. } = self.input;
        let Some(history) = history else {
            return Some(escalate(Code::HeldBack, Detail::LimitsUnknown));
        };
        let deferral = self.exceeded_limit(plan, history)?;
        let since = self.case.deferred_at.unwrap_or(now);
        if deferral.until - since > TimeDelta::from_std(policy.limits.max_wait).unwrap_or_default() {
            let detail = Detail::HeldBack { playbook: plan.playbook.clone(), deferral };
            return Some(escalate(Code::HeldBack, detail));
        }
        Some(Action::Record(Event::Deferred(deferral)))
    }

    /// Until when a plan has to wait for the limits; `None` if it exceeds none.
    pub(crate) fn exceeded_limit(self, plan: &Plan, history: &RunHistory) -> Option<Deferral> {
        let DecisionInput { policy, inventory, now, .. } = self.input;
        let limits = match self.triage.intent.is_operation() {
            true => &policy.limits.of_operation(),
            false => &policy.limits,
        };
        let freezes = &policy.change_freezes;
        limits::deferral(limits, freezes, inventory, &self.system.name, plan, history, now)
    }

    /// A paused case that is about to change something waits where it stands.
    pub(crate) fn pause_action(self) -> Option<Action> {
        let of_all = self.input.pause;
        let (pause, now) = (of_all.or(self.case.ticket_pause.as_ref()), self.input.now);
        Some(match (pause, &self.case.paused) {
            (None, None) => return None,
            (None, Some(_)) => Action::Record(Event::Resumed),
            (Some(pause), None) => Action::Record(Event::Paused(pause.clone())),
            // Nobody may be there to say that the label was removed.
            (Some(_), Some(_)) if of_all.is_none() && now >= self.case.updated_at + LABEL_POLL => {
                Action::RefreshTicket
            }
            // In the middle of a remediation its hosts are kept from others.
            (Some(_), Some(_)) if self.case.stage == Stage::Remediating => {
                Action::Wait { until: now + PAUSE_POLL }
            }
            (Some(_), Some(_)) if of_all.is_some() => Action::Suspend(Suspension {
                until: now + LONGEST_PAUSE_WAIT,
                ends_with: Some(SuspensionEnd::PauseOfAll),
            }),
            (Some(_), Some(_)) => Action::Suspend(Suspension::until(self.case.updated_at + LABEL_POLL)),
        })
    }

    /// Nothing is changed for an issue that was closed while its system was probed.
    pub(crate) fn ensure_ticket_open(self) -> Option<Action> {
        if self.case.ticket.state == TicketState::Closed {
            let detail = Detail::ClosedMeanwhile;
            return Some(Action::Record(Event::OutcomeDecided(Outcome::Declined { detail })));
        }
        if self.case.ticket_confirmed_open || !self.case.ticket.id.is_issue() {
            return None;
        }
        Some(pause_after_failure(self.case, self.input).unwrap_or(Action::RefreshTicket))
    }

    /// Records that the fault was fixed before, lately and on the same hosts: fixing it does not reach its
    /// cause. An operation is ordered as often as somebody wants it.
    fn note_recurrence(self, plan: &Plan) -> Option<Action> {
        if self.triage.intent.is_operation() {
            return None;
        }
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
