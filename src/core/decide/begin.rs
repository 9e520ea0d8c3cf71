//! Beginning: everything that has to be so before a remedy is begun, and what a case does until it is.

use super::{Ground, World, escalate, pause_after_trouble};
use crate::core::action::Action;
use crate::core::budget;
use crate::core::case::{Asked, Stage};
use crate::core::diagnosis::Diagnosis;
use crate::core::event::Event;
use crate::core::moment::minute;
use crate::core::name::PlaybookName;
use crate::core::outcome::{Code, Outcome};
use crate::core::policy::{self, Refusal};
use crate::core::remedy::{self, Plan};
use crate::core::ticket::State;
use chrono::TimeDelta;
use std::time::Duration;

/// Older evidence begins no remedy.
const LONGEST_SIGHT: TimeDelta = TimeDelta::minutes(3);
/// How often a case that waits under a halt asks whether it is lifted.
const HALT: Duration = Duration::from_secs(5);
/// How often one that waits under a label asks whether it is still there.
const LABEL: TimeDelta = TimeDelta::minutes(2);
/// A case whose plan is another one at every look is not asked about for ever.
const MOST_QUESTIONS: usize = 5;

impl Ground<'_> {
    /// Begins the remedy of a fault that is confirmed, if everything allows it.
    pub(super) fn begin(self, playbook: &PlaybookName, diagnosis: &Diagnosis) -> Action {
        let Some(fault) = self.system.fault(playbook) else {
            return escalate(Code::NoPlaybooks, format!("the playbook `{playbook}` is gone"));
        };
        if self.case.treatments.iter().any(|treatment| treatment.plan.playbook == *playbook) {
            return escalate(Code::CameBack, format!("{playbook}: it came back after it was mended"));
        }
        if self.case.treatments.len() >= self.world.policy.max_remedies {
            let number = self.case.treatments.len();
            return escalate(
                Code::NotPermitted,
                format!("{number} remedies were applied to this ticket already"),
            );
        }
        if self.case.paused.is_some()
            && let Some(action) = self.halt()
        {
            return action;
        }
        // What was seen before a wait or a restart says nothing about now.
        if self.world.now - self.case.evidence.at > LONGEST_SIGHT {
            return self.look();
        }
        let because = diagnosis.findings.first().map_or("", |finding| finding.because.as_str());
        if fault.remedy.is_empty() {
            return escalate(Code::NeedsPerson, format!("{playbook}: {because}"));
        }
        let keep = self.case.keep_name();
        let plan = match remedy::plan(self.system, self.site, fault, &self.case.evidence, &keep) {
            Ok(plan) => plan,
            Err(problem) => return escalate(Code::CannotTell, format!("{playbook}: {problem}")),
        };
        if let Some(action) = self.note_recurrence(&plan) {
            return action;
        }
        // A plan is permitted as a whole: to run out half-way would leave a remedy half-made.
        let changes = self.case.changes_made() + plan.steps.len();
        let modes = [self.site.mode, fault.mode];
        let approval = self.case.approval.as_ref();
        match policy::permit(self.world.policy, &plan, modes, changes, approval) {
            Ok(_) => {}
            Err(Refusal::NeedsApproval) => return self.put_off(&plan).unwrap_or_else(|| self.ask(plan)),
            Err(refusal) => {
                return escalate(Code::NotPermitted, format!("{playbook}: {because}; {refusal}"));
            }
        }
        if let Some(action) = self.halt().or_else(|| self.put_off(&plan)) {
            return action;
        }
        if let Some(action) = self.recheck() {
            return action;
        }
        let hosts = self.world.inventory.holds(&plan.hosts());
        let hosts: Vec<_> = hosts.difference(&self.case.held).cloned().collect();
        if !hosts.is_empty() {
            return Action::Hold { hosts };
        }
        Action::Note(Event::Planned(plan))
    }

    /// What a case does that waits for a person or for a budget: nothing, until it need not wait any more.
    pub(super) fn stand_still(self) -> Option<Action> {
        if let Some(by) = &self.case.denied_by {
            return Some(escalate(Code::Denied, format!("{by} said no to the plan")));
        }
        if let Some(asked) = &self.case.asked {
            return Some(self.until_answered(asked));
        }
        let delay = self.case.delay.as_ref()?;
        if delay.until > self.world.now {
            return Some(Action::Park { until: delay.until });
        }
        Some(self.look())
    }

    /// Asks for a person's yes to a plan.
    fn ask(self, plan: Plan) -> Action {
        if self.case.questions >= MOST_QUESTIONS {
            let why = format!("{}: the plan was another one each time I asked about it", plan.playbook);
            return escalate(Code::NoAnswer, why);
        }
        Action::Note(Event::Asked { plan, until: self.world.now + self.world.policy.patience })
    }

    fn until_answered(self, asked: &Asked) -> Action {
        if asked.until <= self.world.now {
            let why = format!("nobody said yes or no to the plan `{}` in time", asked.plan.short());
            return self.recheck().unwrap_or_else(|| escalate(Code::NoAnswer, why));
        }
        if self.case.talk.question.as_ref() == Some(&asked.plan.hash) {
            return Action::Park { until: asked.until };
        }
        pause_after_trouble(self.case, self.world).unwrap_or(Action::AskPeople)
    }

    /// What the budgets make of a plan: it waits for them, or is handed over if that would take too long.
    fn put_off(self, plan: &Plan) -> Option<Action> {
        let World { policy, inventory, history, now, .. } = self.world;
        let Some(history) = history else {
            return Some(escalate(Code::HeldBack, "what was changed lately could not be told"));
        };
        let delay = budget::delay(policy, inventory, &self.site.name, plan, history, now)?;
        let since = self.case.delayed_at.unwrap_or(now);
        if delay.until - since > TimeDelta::from_std(policy.budgets.longest_wait).unwrap_or_default() {
            let until = minute(delay.until);
            let why = format!("{}: {}; it could begin at {until}", plan.playbook, delay.over);
            return Some(escalate(Code::HeldBack, why));
        }
        Some(Action::Note(Event::Delayed(delay)))
    }

    /// What a person's halt makes of a case that is about to change something: it waits where it stands.
    pub(super) fn halt(self) -> Option<Action> {
        let until = self.world.now + HALT;
        match (self.world.pause.or(self.case.halt.as_ref()), &self.case.paused) {
            (Some(pause), None) => Some(Action::Note(Event::Paused(pause.clone()))),
            // Nobody may be there to tell that the label was taken off.
            (Some(_), Some(_)) if self.world.pause.is_none() && until - self.case.updated_at > LABEL => {
                Some(Action::Recheck)
            }
            // In the middle of a remedy its hosts are kept from others.
            (Some(_), Some(_)) if self.case.stage == Stage::Treating => Some(Action::Wait { until }),
            (Some(_), Some(_)) => Some(Action::Park { until }),
            (None, Some(_)) => Some(Action::Note(Event::Resumed)),
            (None, None) => None,
        }
    }

    /// Nobody's servers are changed for an issue that was closed while they were looked at.
    fn recheck(self) -> Option<Action> {
        if self.case.ticket.state == State::Closed {
            let why = "the issue was closed meanwhile".to_owned();
            return Some(Action::Note(Event::Concluded(Outcome::Declined { why })));
        }
        if self.case.rechecked {
            return None;
        }
        Some(pause_after_trouble(self.case, self.world).unwrap_or(Action::Recheck))
    }

    /// Remembers that a fault was mended before, lately and on the same hosts: mending does not reach its
    /// cause.
    fn note_recurrence(self, plan: &Plan) -> Option<Action> {
        if self.case.recurred.as_ref().is_some_and(|known| known.playbook == plan.playbook) {
            return None;
        }
        let hosts = plan.hosts();
        let runs = self.world.history?.runs_of(&plan.playbook, &hosts);
        let count = runs.filter(|run| run.mended(&self.site.name).is_some()).count();
        let playbook = plan.playbook.clone();
        (count > 0).then_some(Action::Note(Event::Recurred { playbook, hosts, count }))
    }
}
