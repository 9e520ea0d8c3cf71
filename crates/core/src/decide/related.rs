//! Related cases: another case about the same fault. What that one fixes is not fixed twice, and accounts
//! for the tickets of both.

use crate::case::detail::Detail;
use crate::case::event::Event;
use crate::case::outcome::Code;
use crate::case::{Case, RelatedCase};
use crate::decide::action::{Action, Suspension, SuspensionEnd};
use crate::decide::decider::{Decider, escalate};
use crate::ids::PlaybookName;
use crate::policy::run_history::{RemediationRun, RunHistory, RunResult};
use crate::ticket::triage::Intent;

/// The other case that fixes this fault of this system right now.
pub fn active_related(case: &Case, playbook: &PlaybookName, history: &RunHistory) -> Option<Event> {
    let mut runs = history.runs.iter().rev();
    let run = runs.find(|run| run.playbook == *playbook && run.end.is_none() && is_related(case, run))?;
    Some(linked(run))
}

fn is_related(case: &Case, run: &RemediationRun) -> bool {
    let system = case.triage.as_ref().and_then(|triage| triage.system.as_ref());
    run.case != case.id && run.system.is_some() && run.system.as_ref() == system.map(|system| &system.name)
}

fn linked(run: &RemediationRun) -> Event {
    Event::Linked { case: run.case.clone(), ticket: run.ticket.clone(), playbook: run.playbook.clone() }
}

impl Decider<'_> {
    /// What to do about a fault that another case has worked on, or works on now.
    pub(crate) fn defer_to_related(self, playbook: &PlaybookName) -> Option<Action> {
        let history = self.input.history?;
        if let Some(event) = active_related(self.case, playbook, history) {
            return Some(Action::Record(event));
        }
        let related = self.case.related.as_ref().filter(|related| related.playbook == *playbook)?;
        // A person works on that ticket, and must not be disturbed.
        let is_failed = matches!(end_of(related, history)?, RunResult::Failed(_));
        let (playbook, ticket) = (playbook.clone(), related.ticket.clone());
        is_failed.then(|| escalate(Code::NotFixed, Detail::RelatedFailed { playbook, ticket }))
    }

    /// A fault that accounts for the ticket, and that another case fixes, or has fixed since this one was
    /// opened: then there is no sign of it here.
    pub(crate) fn find_related(self) -> Option<Action> {
        if self.case.related.is_some()
            || !self.case.remediations.is_empty()
            || self.triage.intent != Intent::Problem
        {
            return None;
        }
        let history = self.input.history?;
        let is_lately = |run: &&RemediationRun| match run.end {
            None => true,
            Some(RunResult::Fixed(at)) => at >= self.case.opened_at,
            Some(RunResult::Failed(_)) => false,
        };
        let explains = |run: &&RemediationRun| self.explains(&run.playbook) && is_related(self.case, run);
        let run = history.runs.iter().rev().filter(explains).find(is_lately)?;
        Some(Action::Record(linked(run)))
    }

    /// Waits for another case that fixes the fault, and then probes anew. It waits no longer than the approval
    /// timeout, whatever stands in the way of that case.
    pub(crate) fn wait_for_related(self) -> Option<Action> {
        let related = self.case.pending_related()?;
        let is_in_progress = match self.input.history {
            Some(history) => run_of(related, history).is_some_and(|run| run.end.is_none()),
            None => true,
        };
        if !is_in_progress {
            return Some(self.run_probes());
        }
        let until = related.since + self.input.policy.approval_timeout;
        if self.input.now < until {
            let ends_with = Some(SuspensionEnd::RunOf(related.case.clone()));
            return Some(Action::Suspend(Suspension { until, ends_with }));
        }
        let RelatedCase { playbook, ticket, since, .. } = related.clone();
        Some(escalate(Code::NotFixed, Detail::RelatedUnfinished { playbook, ticket, since }))
    }

    /// The fault that another case has fixed with proof since, and that accounts for this ticket too.
    pub(crate) fn fixed_by_related(&self) -> Option<&PlaybookName> {
        let related = self.case.related.as_ref().filter(|related| self.explains(&related.playbook))?;
        matches!(end_of(related, self.input.history?)?, RunResult::Fixed(_)).then_some(&related.playbook)
    }
}

/// The newest run of that fault by that case.
fn run_of<'h>(related: &RelatedCase, history: &'h RunHistory) -> Option<&'h RemediationRun> {
    history.runs.iter().rev().find(|run| run.case == related.case && run.playbook == related.playbook)
}

fn end_of(related: &RelatedCase, history: &RunHistory) -> Option<RunResult> {
    run_of(related, history)?.end
}
