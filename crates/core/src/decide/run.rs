//! Running: the next action of a remediation, through its steps, its verification and its rollback.

use crate::case::detail::{Doubt, DoubtCause, Failure, SkipReason};
use crate::case::event::{ChangeId, Direction, Event, ProbeReason};
use crate::case::{ChangeState, Remediation, StepState};
use crate::decide::action::{Action, ChangeRequest};
use crate::decide::decider::{ATTEMPTS, Decider, PAUSE};
use crate::diagnosis::plan::PlannedStep;
use crate::diagnosis::verify;
use crate::diagnosis::verify::Verdict;
use crate::expr::{Expr, Truth};
use crate::ids::ProbeName;
use crate::playbook::command::Command;
use crate::playbook::{Fault, IfInterrupted, Step};
use crate::policy::permit;
use crate::policy::permit::Permit;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::BTreeSet;

/// The pause between probes for whether an attempt without a result has done its work.
const COMPLETION_POLL: TimeDelta = TimeDelta::seconds(5);

/// A remediation in progress, with everything a decision about it needs.
#[derive(Clone, Copy)]
pub(crate) struct RemediationDecider<'a> {
    pub(crate) decider: Decider<'a>,
    pub(crate) index: usize,
    pub(crate) remediation: &'a Remediation,
    pub(crate) fault: &'a Fault,
}

impl RemediationDecider<'_> {
    pub(crate) fn apply(self) -> Action {
        for (step, (track, spec)) in self.remediation.steps.iter().zip(&self.fault.remediation).enumerate() {
            let change = self.change(step, Direction::Forward);
            match &track.state {
                ChangeState::Done | ChangeState::Skipped(_) => {}
                ChangeState::Failed(_) if spec.optional => {}
                ChangeState::Failed(why) => {
                    let why = Failure::Step { step: spec.name.clone(), problem: why.clone() };
                    return Action::Record(Event::RemediationFailed { why });
                }
                ChangeState::Pending => {
                    if let Some(by) = &self.decider.case.cancelled_by {
                        let why = Failure::Cancelled { by: by.clone() };
                        return Action::Record(Event::RemediationFailed { why });
                    }
                    return self.first_try(change, spec);
                }
                _ => return self.try_again(change, track, &spec.if_interrupted),
            }
        }
        let steps = || self.remediation.steps.iter().zip(&self.fault.remediation);
        if steps().any(|(step, spec)| step.state == ChangeState::Done && !step.did_nothing(spec)) {
            return Action::Record(Event::StepsCompleted);
        }
        // A verification would only wait for what nobody has changed.
        let why = match steps().find(|(step, spec)| step.did_nothing(spec)) {
            Some((step, spec)) => Failure::NothingToChange {
                step: spec.name.clone(),
                output: step.observation.as_ref().map_or("", |seen| seen.last_line()).to_owned(),
            },
            None => Failure::NothingApplied,
        };
        Action::Record(Event::RemediationFailed { why })
    }

    /// A step that was not begun: is it needed?
    fn first_try(self, change: ChangeId, spec: &Step) -> Action {
        let Some(only_if) = &spec.only_if else { return self.issue_change(change, 0) };
        match self.fresh_truth(only_if, ProbeReason::OnlyIf(change)) {
            Err(look) => look,
            Ok(Truth::True) => self.issue_change(change, 0),
            Ok(Truth::False) => Action::Record(Event::ChangeSkipped {
                change,
                why: SkipReason::NotNeeded { condition: only_if.source().to_owned() },
            }),
            Ok(Truth::Unknown(problem)) if spec.optional => {
                Action::Record(Event::ChangeSkipped { change, why: SkipReason::NeedUnknown { problem } })
            }
            Ok(Truth::Unknown(problem)) => Action::Record(Event::RemediationFailed {
                why: Failure::NeedUnknown { step: spec.name.clone(), problem },
            }),
        }
    }

    /// A change that was begun before: after a crash, a broken connection, or a host that did not answer.
    fn try_again(self, change: ChangeId, track: &StepState, replay: &IfInterrupted) -> Action {
        let cause = match &track.state {
            ChangeState::NotStarted(why) => {
                if track.failed_starts >= ATTEMPTS {
                    return self.fail_step(
                        change,
                        Failure::Step { step: self.step_name(change), problem: why.clone() },
                    );
                }
                return self.wait_then_change(change, track);
            }
            ChangeState::InDoubt(why) => DoubtCause::Lost { problem: why.clone() },
            _ => DoubtCause::Stopped,
        };
        if track.failed_starts >= ATTEMPTS {
            return Action::Record(Event::ChangeAbandoned { change, why: Doubt::Once { cause } });
        }
        let abandoned = |why: Doubt| Action::Record(Event::ChangeAbandoned { change, why });
        match replay {
            IfInterrupted::Escalate => abandoned(Doubt::Once { cause }),
            _ if track.attempts >= ATTEMPTS => abandoned(Doubt::Repeated { cause, attempts: ATTEMPTS }),
            IfInterrupted::RerunNow => self.wait_then_change(change, track),
            // Safe to run again is not safe to run twice at once.
            IfInterrupted::Rerun if track.may_still_run => abandoned(Doubt::Once { cause }),
            IfInterrupted::Rerun => self
                .wait_for_previous_attempt(change, track)
                .unwrap_or_else(|| self.wait_then_change(change, track)),
            IfInterrupted::Check(done) => {
                let purpose = ProbeReason::ResolveDoubt(change, track.attempts);
                if self.decider.case.probed_for != Some(purpose) {
                    return self.run_probes(done, purpose);
                }
                match self.truth(done) {
                    Truth::True => Action::Record(Event::ChangeConfirmed { change }),
                    // Not done yet, by one that may be about to do it.
                    Truth::False if track.may_still_run => abandoned(Doubt::Once { cause }),
                    Truth::False => self
                        .poll_completion(change, track, done)
                        .or_else(|| self.final_check(change, track, done))
                        .unwrap_or_else(|| self.wait_then_change(change, track)),
                    Truth::Unknown(problem) => abandoned(Doubt::CheckUnknown { cause, problem }),
                }
            }
        }
    }

    /// When the time of the last attempt is over. A command goes on without the agent that began it, or
    /// without its connection, and nobody hears how it ends.
    fn end_of(self, change: ChangeId, track: &StepState) -> DateTime<Utc> {
        let planned = self.remediation.plan.steps.get(change.step);
        let command = planned.and_then(|planned| match change.direction {
            Direction::Forward => planned.command.as_ref().ok(),
            Direction::Rollback => planned.rollback.as_ref(),
        });
        let limit = command.map(Command::timeout).unwrap_or_default();
        track.at.map_or(self.decider.input.now, |at| at + limit)
    }

    /// Waits until an attempt that nobody heard of again has had its time: another must not meet it.
    fn wait_for_previous_attempt(self, change: ChangeId, track: &StepState) -> Option<Action> {
        let until = self.end_of(change, track);
        (track.attempts > 0 && until > self.decider.input.now).then_some(Action::Wait { until })
    }

    /// The same where evidence can tell sooner that the attempt has done its work.
    fn poll_completion(self, change: ChangeId, track: &StepState, done: &Expr) -> Option<Action> {
        let Action::Wait { until } = self.wait_for_previous_attempt(change, track)? else { return None };
        let next = self.decider.case.evidence.at + COMPLETION_POLL;
        if next <= self.decider.input.now {
            return Some(self.run_probes(done, ProbeReason::ResolveDoubt(change, track.attempts)));
        }
        Some(Action::Wait { until: until.min(next) })
    }

    /// What was seen while an attempt may have been at work does not say that it came to nothing.
    fn final_check(self, change: ChangeId, track: &StepState, done: &Expr) -> Option<Action> {
        let purpose = ProbeReason::ResolveDoubt(change, track.attempts);
        let is_early = self.decider.case.evidence.at < self.end_of(change, track);
        is_early.then(|| self.run_probes(done, purpose))
    }

    fn wait_then_change(self, change: ChangeId, track: &StepState) -> Action {
        let tries = track.failed_starts + track.attempts.saturating_sub(1);
        let until = track.at.unwrap_or(self.decider.input.now) + PAUSE * (1 << tries.min(5));
        if until > self.decider.input.now {
            Action::Wait { until }
        } else {
            self.issue_change(change, track.attempts)
        }
    }

    /// The host cannot be asked: nothing happened, so the step failed cleanly.
    fn fail_step(self, change: ChangeId, why: Failure) -> Action {
        match change.direction {
            Direction::Forward => Action::Record(Event::RemediationFailed { why }),
            Direction::Rollback => Action::Record(Event::RolledBack { clean: false }),
        }
    }

    /// The order, if policy permits it and the command could be written.
    fn issue_change(self, change: ChangeId, attempts: u32) -> Action {
        let Some(planned) = self.remediation.plan.steps.get(change.step) else {
            return Action::Record(Event::RemediationFailed { why: Failure::NoSuchStep });
        };
        let command = match (change.direction, &planned.command, &planned.rollback) {
            (Direction::Forward, Ok(command), _) | (Direction::Rollback, _, Some(command)) => command.clone(),
            (Direction::Forward, Err(why), _) => return self.unrenderable(change, planned, why.to_string()),
            (Direction::Rollback, _, None) => return Action::Record(Event::RolledBack { clean: false }),
        };
        if let Some(action) = self.decider.pause_action() {
            return action;
        }
        match self.permit(change.direction) {
            Ok(permit) => Action::Change(ChangeRequest {
                change,
                attempt: attempts + 1,
                host: planned.host.clone(),
                command,
                permit,
            }),
            Err(refusal) => {
                self.fail_step(change, Failure::StepNotPermitted { step: planned.name.clone(), refusal })
            }
        }
    }

    fn unrenderable(self, change: ChangeId, planned: &PlannedStep, problem: String) -> Action {
        let optional = self.fault.remediation.get(change.step).is_some_and(|spec| spec.optional);
        if optional {
            return Action::Record(Event::ChangeSkipped {
                change,
                why: SkipReason::Unrenderable { problem },
            });
        }
        let why = Failure::Step { step: planned.name.clone(), problem };
        Action::Record(Event::RemediationFailed { why })
    }

    fn permit(self, way: Direction) -> Result<Permit, permit::NotPermitted> {
        let Decider { case, input: world, system: site, .. } = self.decider;
        if way == Direction::Rollback {
            return permit::authorize_rollback(world.policy, &self.remediation.plan);
        }
        let modes = [site.mode, self.fault.mode];
        let approval = case.approval.as_ref();
        permit::authorize(world.policy, &self.remediation.plan, modes, case.changes_made() + 1, approval)
    }

    pub(crate) fn verify(self, progress: &verify::Progress) -> Action {
        let Decider { case, input: world, .. } = self.decider;
        let conditions = verify::conditions(self.fault, world.policy.soak);
        if case.probed_for == Some(ProbeReason::Verify) {
            let scope = case.evidence.scope(&self.decider.system_type.params(&self.decider.system.params));
            let truths = conditions.iter().map(|condition| condition.truth(&scope)).collect();
            return Action::Record(Event::ConditionsChecked { truths });
        }
        match progress.evaluate(&conditions) {
            Verdict::Passed => {
                let conditions = conditions.into_iter().map(|condition| condition.what).collect();
                Action::Record(Event::VerificationPassed { conditions })
            }
            Verdict::Failed(reason) => {
                Action::Record(Event::VerificationFailed { why: Failure::NotVerified { reason } })
            }
            Verdict::Pending(until) if until > world.now => Action::Wait { until },
            Verdict::Pending(_) => {
                let exprs = self.fault.verify.iter().map(|check| &check.that).chain([&self.fault.when]);
                let names: BTreeSet<String> = exprs.flat_map(Expr::names).collect();
                let probes = self.decider.system_type.probes_of(names.iter().map(String::as_str));
                Action::RunProbes { purpose: ProbeReason::Verify, probes }
            }
        }
    }

    /// Rolls back, in reverse order, what was done and what failed half-way.
    pub(crate) fn roll_back(self) -> Action {
        let steps = self.remediation.steps.iter().zip(&self.remediation.rollbacks).enumerate().rev();
        for (step, (done, undone)) in steps {
            let is_idle = self.fault.remediation.get(step).is_some_and(|spec| done.did_nothing(spec));
            let touched = matches!(done.state, ChangeState::Done | ChangeState::Failed(_)) && !is_idle;
            let has_undo =
                self.remediation.plan.steps.get(step).is_some_and(|planned| planned.rollback.is_some());
            if !touched || !has_undo {
                continue;
            }
            let change = self.change(step, Direction::Rollback);
            match &undone.state {
                ChangeState::Done | ChangeState::Skipped(_) => {}
                ChangeState::Failed(_) => return Action::Record(Event::RolledBack { clean: false }),
                ChangeState::Pending => return self.issue_change(change, 0),
                _ => return self.try_again(change, undone, &IfInterrupted::Rerun),
            }
        }
        Action::Record(Event::RolledBack { clean: true })
    }

    fn step_name(self, change: ChangeId) -> String {
        self.remediation.plan.steps.get(change.step).map_or_else(String::new, |step| step.name.clone())
    }

    fn change(self, step: usize, way: Direction) -> ChangeId {
        ChangeId { remediation: self.index, step, direction: way }
    }

    fn truth(self, expr: &Expr) -> Truth {
        let Decider { case, system: site, system_type: system, .. } = self.decider;
        expr.truth(&case.evidence.scope(&system.params(&site.params)))
    }

    /// The truth of a condition on evidence newer than the last change, or the look that it needs.
    fn fresh_truth(self, expr: &Expr, purpose: ProbeReason) -> Result<Truth, Action> {
        let needed = self.probes(expr);
        if needed.is_subset(&self.decider.case.current_probes) {
            return Ok(self.truth(expr));
        }
        Err(self.run_probes(expr, purpose))
    }

    fn run_probes(self, expr: &Expr, purpose: ProbeReason) -> Action {
        Action::RunProbes { purpose, probes: self.probes(expr) }
    }

    fn probes(self, expr: &Expr) -> BTreeSet<ProbeName> {
        self.decider.system_type.probes_of(expr.names().iter().map(String::as_str))
    }
}
