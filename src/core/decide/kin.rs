//! Kin: another case about the same fault. What that one mends is not mended twice, and accounts for the
//! tickets of both.

use super::{Ground, escalate};
use crate::core::action::Action;
use crate::core::case::{Case, Kin};
use crate::core::event::Event;
use crate::core::history::{End, History, Run};
use crate::core::moment::minute;
use crate::core::name::PlaybookName;
use crate::core::outcome::Code;
use crate::core::triage::Asks;
use std::time::Duration;

/// How often a case asks whether its kin has come to an end.
const LOOKS: Duration = Duration::from_secs(5);

/// The case that has begun to treat this fault of this system, if it is another and under way.
pub fn under_way(case: &Case, playbook: &PlaybookName, history: &History) -> Option<Event> {
    let mut runs = history.runs.iter().rev();
    let run = runs.find(|run| run.playbook == *playbook && run.end.is_none() && is_kin(case, run))?;
    linked(run, history)
}

fn is_kin(case: &Case, run: &Run) -> bool {
    let site = case.triage.as_ref().and_then(|triage| triage.site.as_ref());
    run.case != case.id && run.system.is_some() && run.system.as_ref() == site.map(|site| &site.name)
}

fn linked(run: &Run, history: &History) -> Option<Event> {
    let ticket = history.tickets.get(&run.case)?.clone();
    Some(Event::Linked { case: run.case.clone(), ticket, playbook: run.playbook.clone() })
}

impl Ground<'_> {
    /// What a fault is to this case that another case has treated, or treats now.
    pub(super) fn follow(self, playbook: &PlaybookName) -> Option<Action> {
        let history = self.world.history?;
        if let Some(event) = under_way(self.case, playbook, history) {
            return Some(Action::Note(event));
        }
        let kin = self.case.kin.as_ref().filter(|kin| kin.playbook == *playbook)?;
        // A person has that ticket, and nobody's hands are to be crossed.
        matches!(end_of(kin, history)?, End::Failed(_)).then(|| {
            let why = format!(
                "{playbook}: {} is about the same fault, which could not be mended there",
                kin.ticket
            );
            escalate(Code::NotFixed, why)
        })
    }

    /// A fault that accounts for the ticket, and that another case mends, or has mended since this one was
    /// opened: then nothing is to be seen of it here.
    pub(super) fn find_kin(self) -> Option<Action> {
        if self.case.kin.is_some() || !self.case.treatments.is_empty() || self.triage.asks != Asks::Complaint
        {
            return None;
        }
        let history = self.world.history?;
        let is_lately = |run: &&Run| match run.end {
            None => true,
            Some(End::Mended(at)) => at >= self.case.opened_at,
            Some(End::Failed(_)) => false,
        };
        let explains = |run: &&Run| self.triage.explains(&run.playbook) && is_kin(self.case, run);
        let run = history.runs.iter().rev().filter(explains).find(is_lately)?;
        linked(run, history).map(Action::Note)
    }

    /// What a case does whose fault another case treats: nothing, and then it looks anew. It waits no longer
    /// than for people, for whatever stands in the way of that case.
    pub(super) fn until_kin_has_ended(self) -> Option<Action> {
        let kin = self.case.pending_kin()?;
        let is_under_way = match self.world.history {
            Some(history) => run_of(kin, history).is_some_and(|run| run.end.is_none()),
            None => true,
        };
        if !is_under_way {
            return Some(self.look());
        }
        if self.world.now < kin.since + self.world.policy.patience {
            return Some(Action::Park { until: self.world.now + LOOKS });
        }
        let why = format!(
            "{}: {} is about the same fault, and has not come to an end since {}",
            kin.playbook,
            kin.ticket,
            minute(kin.since)
        );
        Some(escalate(Code::NotFixed, why))
    }

    /// The fault that another case has mended and proven since, and that accounts for this ticket too.
    pub(super) fn mended_by_kin(&self) -> Option<&PlaybookName> {
        let kin = self.case.kin.as_ref().filter(|kin| self.triage.explains(&kin.playbook))?;
        matches!(end_of(kin, self.world.history?)?, End::Mended(_)).then_some(&kin.playbook)
    }
}

/// The newest run of that fault by that case.
fn run_of<'h>(kin: &Kin, history: &'h History) -> Option<&'h Run> {
    history.runs.iter().rev().find(|run| run.case == kin.case && run.playbook == kin.playbook)
}

fn end_of(kin: &Kin, history: &History) -> Option<End> {
    run_of(kin, history)?.end
}
