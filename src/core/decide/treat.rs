//! Treating: the next action of a remedy at work, through its steps, its proof, and its way back.

use super::{ATTEMPTS, Ground, PAUSE};
use crate::core::action::{Action, Order};
use crate::core::case::{ChangeState, Track, Treatment};
use crate::core::command::Command;
use crate::core::event::{ChangeId, Event, Purpose, Way};
use crate::core::expr::{Expr, Truth};
use crate::core::name::ProbeName;
use crate::core::playbook::{Fault, Replay, Step};
use crate::core::policy::{self, Permit};
use crate::core::remedy::PlannedStep;
use crate::core::verification::{self, Verdict};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::BTreeSet;

/// The pause between looks at whether an attempt that nobody heard of has done its work.
const LOOKS: TimeDelta = TimeDelta::seconds(5);

/// A treatment in progress, on its ground.
#[derive(Clone, Copy)]
pub(super) struct Bed<'a> {
    pub(super) ground: Ground<'a>,
    pub(super) index: usize,
    pub(super) treatment: &'a Treatment,
    pub(super) fault: &'a Fault,
}

impl Bed<'_> {
    pub(super) fn apply(self) -> Action {
        for (step, (track, spec)) in self.treatment.steps.iter().zip(&self.fault.remedy).enumerate() {
            let change = self.change(step, Way::Do);
            match &track.state {
                ChangeState::Done | ChangeState::Skipped(_) => {}
                ChangeState::Failed(_) if spec.optional => {}
                ChangeState::Failed(why) => {
                    return Action::Note(Event::RemedyFailed { why: format!("{}: {why}", spec.name) });
                }
                ChangeState::Pending => {
                    if let Some(by) = &self.ground.case.cancelled_by {
                        return Action::Note(Event::RemedyFailed { why: format!("{by} called it off") });
                    }
                    return self.first_try(change, spec);
                }
                _ => return self.try_again(change, track, &spec.replay),
            }
        }
        let anything_done = self.treatment.steps.iter().any(|track| track.state == ChangeState::Done);
        if !anything_done {
            return Action::Note(Event::RemedyFailed {
                why: "no step of the remedy could be applied".into(),
            });
        }
        Action::Note(Event::Applied)
    }

    /// A step that was not begun: is it needed?
    fn first_try(self, change: ChangeId, spec: &Step) -> Action {
        let Some(only_if) = &spec.only_if else { return self.make(change, 0) };
        match self.fresh_truth(only_if, Purpose::OnlyIf(change)) {
            Err(look) => look,
            Ok(Truth::True) => self.make(change, 0),
            Ok(Truth::False) => Action::Note(Event::ChangeSkipped {
                change,
                why: format!("not needed: {}", only_if.source()),
            }),
            Ok(Truth::Unknown(why)) if spec.optional => Action::Note(Event::ChangeSkipped {
                change,
                why: format!("cannot tell whether it is needed: {why}"),
            }),
            Ok(Truth::Unknown(why)) => Action::Note(Event::RemedyFailed {
                why: format!("{}: cannot tell whether it is needed: {why}", spec.name),
            }),
        }
    }

    /// A change that was begun before: after a crash, a broken connection, or a host that did not answer.
    fn try_again(self, change: ChangeId, track: &Track, replay: &Replay) -> Action {
        let doubt = match &track.state {
            ChangeState::NotStarted(why) => {
                if track.misses >= ATTEMPTS {
                    return self.give_up(change, why);
                }
                return self.pause_then_make(change, track);
            }
            ChangeState::InDoubt(why) => why.clone(),
            _ => "the agent stopped while it ran".to_owned(),
        };
        if track.misses >= ATTEMPTS {
            return Action::Note(Event::ChangeFrozen { change, why: doubt });
        }
        let frozen = |why: String| Action::Note(Event::ChangeFrozen { change, why });
        match replay {
            Replay::Never => frozen(doubt),
            _ if track.attempts >= ATTEMPTS => frozen(format!("{doubt}, {ATTEMPTS} times")),
            Replay::Anytime => self.pause_then_make(change, track),
            // Safe to run again is not safe to run twice at once.
            Replay::Safe if track.may_still_run => frozen(doubt),
            Replay::Safe => {
                self.outlive(change, track).unwrap_or_else(|| self.pause_then_make(change, track))
            }
            Replay::Check(done) => {
                let purpose = Purpose::Replay(change, track.attempts);
                if self.ground.case.looked_for != Some(purpose) {
                    return self.look(done, purpose);
                }
                match self.truth(done) {
                    Truth::True => Action::Note(Event::ChangeFound { change }),
                    // Not done yet, by one that may be about to do it.
                    Truth::False if track.may_still_run => frozen(doubt),
                    Truth::False => self
                        .watch(change, track, done)
                        .or_else(|| self.look_once_more(change, track, done))
                        .unwrap_or_else(|| self.pause_then_make(change, track)),
                    Truth::Unknown(why) => frozen(format!("{doubt}; cannot tell whether it was done: {why}")),
                }
            }
        }
    }

    /// When the time of the last attempt is over. A command goes on without the agent that began it, or
    /// without its connection, and nobody hears how it ends.
    fn end_of(self, change: ChangeId, track: &Track) -> DateTime<Utc> {
        let planned = self.treatment.plan.steps.get(change.step);
        let command = planned.and_then(|planned| match change.way {
            Way::Do => planned.command.as_ref().ok(),
            Way::Undo => planned.undo.as_ref(),
        });
        let limit = command.map(Command::timeout).unwrap_or_default();
        track.at.map_or(self.ground.world.now, |at| at + limit)
    }

    /// Waits until an attempt that nobody heard of again has had its time: another must not meet it.
    fn outlive(self, change: ChangeId, track: &Track) -> Option<Action> {
        let until = self.end_of(change, track);
        (track.attempts > 0 && until > self.ground.world.now).then_some(Action::Wait { until })
    }

    /// The same where evidence can tell sooner that the attempt has done its work.
    fn watch(self, change: ChangeId, track: &Track, done: &Expr) -> Option<Action> {
        let Action::Wait { until } = self.outlive(change, track)? else { return None };
        let next = self.ground.case.evidence.at + LOOKS;
        if next <= self.ground.world.now {
            return Some(self.look(done, Purpose::Replay(change, track.attempts)));
        }
        Some(Action::Wait { until: until.min(next) })
    }

    /// What was seen while an attempt may have been at work does not say that it came to nothing.
    fn look_once_more(self, change: ChangeId, track: &Track, done: &Expr) -> Option<Action> {
        let purpose = Purpose::Replay(change, track.attempts);
        let is_early = self.ground.case.evidence.at < self.end_of(change, track);
        is_early.then(|| self.look(done, purpose))
    }

    fn pause_then_make(self, change: ChangeId, track: &Track) -> Action {
        let tries = track.misses + track.attempts.saturating_sub(1);
        let until = track.at.unwrap_or(self.ground.world.now) + PAUSE * (1 << tries.min(5));
        if until > self.ground.world.now { Action::Wait { until } } else { self.make(change, track.attempts) }
    }

    /// The host cannot be asked: nothing happened, so the step failed cleanly.
    fn give_up(self, change: ChangeId, why: &str) -> Action {
        match change.way {
            Way::Do => {
                let name = &self.treatment.plan.steps[change.step].name;
                Action::Note(Event::RemedyFailed { why: format!("{name}: {why}") })
            }
            Way::Undo => Action::Note(Event::Undone { clean: false }),
        }
    }

    /// The order, if policy permits it and the command could be written.
    fn make(self, change: ChangeId, attempts: u32) -> Action {
        let Some(planned) = self.treatment.plan.steps.get(change.step) else {
            return Action::Note(Event::RemedyFailed { why: "the plan has no such step".into() });
        };
        let command = match (change.way, &planned.command, &planned.undo) {
            (Way::Do, Ok(command), _) | (Way::Undo, _, Some(command)) => command.clone(),
            (Way::Do, Err(why), _) => return self.unwritten(change, planned, &why.to_string()),
            (Way::Undo, _, None) => return Action::Note(Event::Undone { clean: false }),
        };
        if let Some(action) = self.ground.halt() {
            return action;
        }
        match self.permit(change.way) {
            Ok(permit) => Action::Change(Order {
                change,
                attempt: attempts + 1,
                host: planned.host.clone(),
                command,
                permit,
            }),
            Err(refusal) => self.give_up(change, &refusal.to_string()),
        }
    }

    fn unwritten(self, change: ChangeId, planned: &PlannedStep, why: &str) -> Action {
        let optional = self.fault.remedy.get(change.step).is_some_and(|spec| spec.optional);
        if optional {
            return Action::Note(Event::ChangeSkipped { change, why: why.to_owned() });
        }
        Action::Note(Event::RemedyFailed { why: format!("{}: {why}", planned.name) })
    }

    fn permit(self, way: Way) -> Result<Permit, policy::Refusal> {
        let Ground { case, world, site, .. } = self.ground;
        if way == Way::Undo {
            return policy::permit_undo(world.policy, &self.treatment.plan);
        }
        let modes = [site.mode, self.fault.mode];
        let approval = case.approval.as_ref();
        policy::permit(world.policy, &self.treatment.plan, modes, case.changes_made() + 1, approval)
    }

    pub(super) fn verify(self, progress: &verification::Progress) -> Action {
        let Ground { case, world, .. } = self.ground;
        let conditions = verification::conditions(self.fault, world.policy);
        if case.looked_for == Some(Purpose::Verify) {
            let scope = case.evidence.scope(&self.ground.system.params(&self.ground.site.params));
            let truths = conditions.iter().map(|condition| condition.truth(&scope)).collect();
            return Action::Note(Event::Checked { truths });
        }
        match progress.judge(&conditions) {
            Verdict::Passed => {
                let conditions = conditions.into_iter().map(|condition| condition.what).collect();
                Action::Note(Event::Verified { conditions })
            }
            Verdict::Failed(why) => Action::Note(Event::NotVerified { why }),
            Verdict::Pending(until) if until > world.now => Action::Wait { until },
            Verdict::Pending(_) => {
                let exprs = self.fault.verify.iter().map(|check| &check.holds).chain([&self.fault.when]);
                let names: BTreeSet<String> = exprs.flat_map(Expr::names).collect();
                let probes = self.ground.system.probes_of(names.iter().map(String::as_str));
                Action::Look { purpose: Purpose::Verify, probes }
            }
        }
    }

    /// Undoes, in reverse, what was done and what failed half-way.
    pub(super) fn undo(self) -> Action {
        let steps = self.treatment.steps.iter().zip(&self.treatment.undos).enumerate().rev();
        for (step, (done, undone)) in steps {
            let touched = matches!(done.state, ChangeState::Done | ChangeState::Failed(_));
            let has_undo = self.treatment.plan.steps.get(step).is_some_and(|planned| planned.undo.is_some());
            if !touched || !has_undo {
                continue;
            }
            let change = self.change(step, Way::Undo);
            match &undone.state {
                ChangeState::Done | ChangeState::Skipped(_) => {}
                ChangeState::Failed(_) => return Action::Note(Event::Undone { clean: false }),
                ChangeState::Pending => return self.make(change, 0),
                _ => return self.try_again(change, undone, &Replay::Safe),
            }
        }
        Action::Note(Event::Undone { clean: true })
    }

    fn change(self, step: usize, way: Way) -> ChangeId {
        ChangeId { treatment: self.index, step, way }
    }

    fn truth(self, expr: &Expr) -> Truth {
        let Ground { case, site, system, .. } = self.ground;
        expr.truth(&case.evidence.scope(&system.params(&site.params)))
    }

    /// The truth of a condition on evidence newer than the last change, or the look that it needs.
    fn fresh_truth(self, expr: &Expr, purpose: Purpose) -> Result<Truth, Action> {
        let needed = self.probes(expr);
        if needed.is_subset(&self.ground.case.fresh) {
            return Ok(self.truth(expr));
        }
        Err(self.look(expr, purpose))
    }

    fn look(self, expr: &Expr, purpose: Purpose) -> Action {
        Action::Look { purpose, probes: self.probes(expr) }
    }

    fn probes(self, expr: &Expr) -> BTreeSet<ProbeName> {
        self.ground.system.probes_of(expr.names().iter().map(String::as_str))
    }
}
