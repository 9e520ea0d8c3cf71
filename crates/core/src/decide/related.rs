//! Kin: another case about the same fault. What that one mends is not mended twice, and accounts for the
//! tickets of both.

use crate::case::event::Event;
use crate::case::outcome::Code;
use crate::case::{Case, RelatedCase};
use crate::decide::action::Action;
use crate::decide::decider::{Decider, escalate};
use crate::ids::PlaybookName;
use crate::policy::run_history::{RemediationRun, RunHistory, RunResult};
use crate::text::format::format_minute;
use crate::ticket::triage::Intent;
use std::time::Duration;

/// How often a case asks whether its kin has come to an end.
const LOOKS: Duration = Duration::from_secs(5);

/// The case that has begun to treat this fault of this system, if it is another and under way.
pub fn active_related(case: &Case, playbook: &PlaybookName, history: &RunHistory) -> Option<Event> {
    let mut runs = history.runs.iter().rev();
    let run = runs.find(|run| run.playbook == *playbook && run.end.is_none() && is_related(case, run))?;
    linked(run, history)
}

fn is_related(case: &Case, run: &RemediationRun) -> bool {
    let site = case.triage.as_ref().and_then(|triage| triage.system.as_ref());
    run.case != case.id && run.system.is_some() && run.system.as_ref() == site.map(|site| &site.name)
}

fn linked(run: &RemediationRun, history: &RunHistory) -> Option<Event> {
    let ticket = history.tickets.get(&run.case)?.clone();
    Some(Event::Linked { case: run.case.clone(), ticket, playbook: run.playbook.clone() })
}

impl Decider<'_> {
    /// What a fault is to this case that another case has treated, or treats now.
    pub(crate) fn defer_to_related(self, playbook: &PlaybookName) -> Option<Action> {
        let history = self.input.history?;
        if let Some(event) = active_related(self.case, playbook, history) {
            return Some(Action::Record(event));
        }
        let kin = self.case.related.as_ref().filter(|kin| kin.playbook == *playbook)?;
        // A person has that ticket, and nobody's hands are to be crossed.
        matches!(end_of(kin, history)?, RunResult::Failed(_)).then(|| {
            let why = format!(
                "{playbook}: {} is about the same fault, which could not be mended there",
                kin.ticket
            );
            escalate(Code::NotFixed, why)
        })
    }

    /// A fault that accounts for the ticket, and that another case mends, or has mended since this one was
    /// opened: then nothing is to be seen of it here.
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
        let explains =
            |run: &&RemediationRun| self.triage.explains(&run.playbook) && is_related(self.case, run);
        let run = history.runs.iter().rev().filter(explains).find(is_lately)?;
        linked(run, history).map(Action::Record)
    }

    /// What a case does whose fault another case treats: nothing, and then it looks anew. It waits no longer
    /// than for people, for whatever stands in the way of that case.
    pub(crate) fn wait_for_related(self) -> Option<Action> {
        let kin = self.case.pending_related()?;
        let is_under_way = match self.input.history {
            Some(history) => run_of(kin, history).is_some_and(|run| run.end.is_none()),
            None => true,
        };
        if !is_under_way {
            return Some(self.run_probes());
        }
        if self.input.now < kin.since + self.input.policy.approval_timeout {
            return Some(Action::Suspend { until: self.input.now + LOOKS });
        }
        let why = format!(
            "{}: {} is about the same fault, and has not come to an end since {}",
            kin.playbook,
            kin.ticket,
            format_minute(kin.since)
        );
        Some(escalate(Code::NotFixed, why))
    }

    /// The fault that another case has mended and proven since, and that accounts for this ticket too.
    pub(crate) fn fixed_by_related(&self) -> Option<&PlaybookName> {
        let kin = self.case.related.as_ref().filter(|kin| self.triage.explains(&kin.playbook))?;
        matches!(end_of(kin, self.input.history?)?, RunResult::Fixed(_)).then_some(&kin.playbook)
    }
}

/// The newest run of that fault by that case.
fn run_of<'h>(kin: &RelatedCase, history: &'h RunHistory) -> Option<&'h RemediationRun> {
    history.runs.iter().rev().find(|run| run.case == kin.case && run.playbook == kin.playbook)
}

fn end_of(kin: &RelatedCase, history: &RunHistory) -> Option<RunResult> {
    run_of(kin, history)?.end
}
