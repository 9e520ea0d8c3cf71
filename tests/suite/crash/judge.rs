//! What must hold of a run with deaths in it, against the calm one.

use super::life::{End, Run};
use crate::taps::brief;
use fieldmedic::core::playbook::{IfInterrupted, Library, Step};
use std::collections::BTreeSet;

/// A promise that was not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wrong {
    /// It came out otherwise, and not in doubt.
    Outcome,
    /// The ticket has no case, two, or one that never ended.
    Lost,
    /// More than one comment of a kind, or no report.
    Comments,
    /// A change that must never be repeated was.
    NeverTwice,
    /// A change was repeated although the evidence says that it was made.
    CheckedTwice,
    /// Labels, or open and closed.
    Issue,
    /// The host is not as the calm run left it.
    Host,
    Journal,
}

/// The changes of a library by their replay, as the host's log names them.
pub struct Rules {
    never: BTreeSet<String>,
    check: BTreeSet<String>,
}

impl Rules {
    pub fn of(library: &Library) -> Self {
        let (mut never, mut check) = (BTreeSet::new(), BTreeSet::new());
        let faults = library.systems.values().flat_map(|system| &system.faults);
        for step in faults.flat_map(|fault| &fault.remediation) {
            match step.if_interrupted {
                IfInterrupted::Escalate => never.extend(names(step)),
                IfInterrupted::Check(_) => check.extend(names(step)),
                IfInterrupted::RerunNow | IfInterrupted::Rerun => {}
            }
        }
        Self { never, check }
    }

    /// Everything that is wrong with this end, each with a word about it.
    pub fn judge(&self, calm: &Run, end: &End) -> Vec<(Wrong, String)> {
        let calm = &calm.end;
        let mut wrongs = Vec::new();
        let mut hold = |wrong, holds: bool, why: String| {
            if !holds {
                wrongs.push((wrong, why));
            }
        };
        let in_doubt = end.code == "in-doubt";
        let same = end.outcome == calm.outcome && end.code == calm.code;
        hold(Wrong::Outcome, same || in_doubt, format!("{} ({})", end.outcome, end.code));
        hold(Wrong::Lost, end.cases == 1 && end.open_cases == 0, format!("{} cases", end.cases));
        hold(Wrong::Journal, end.broken_chains == 0, "its chain is broken".into());
        let reports = end.comments.get("report").copied().unwrap_or_default();
        hold(Wrong::Comments, reports == 1, format!("{reports} reports"));
        let once = end.comments.values().all(|count| *count == 1);
        hold(Wrong::Comments, once, format!("{:?}", end.comments));
        for (line, count) in &end.changes {
            let name = brief(line);
            let before = calm.changes.get(line).copied().unwrap_or_default();
            let said = format!("{name}: {count} times, {before} in the calm run");
            hold(Wrong::NeverTwice, *count <= 1 || !self.never.contains(&name), said.clone());
            // One that came to nothing in the calm run too may be tried again: the evidence says so.
            let is_made = self.check.contains(&name) && calm.proven.contains(&name);
            hold(Wrong::CheckedTwice, *count <= before.max(1) || !is_made, said);
        }
        if in_doubt && !same {
            let handed_over = !end.closed && end.labels.contains("medic:needs-human");
            hold(
                Wrong::Issue,
                handed_over,
                format!("in doubt, and {:?}, closed: {}", end.labels, end.closed),
            );
        } else {
            let said = format!("{:?}, closed: {}", end.labels, end.closed);
            hold(Wrong::Issue, end.labels == calm.labels && end.closed == calm.closed, said);
            let said = format!("{} instead of {}", end.state, calm.state);
            hold(Wrong::Host, end.state == calm.state, said);
        }
        wrongs
    }
}

/// A step as the host's log has it without its wrapping: a script by its name, a command by its words.
fn names(step: &Step) -> [String; 2] {
    let words = step.command.to_string();
    [format!("script {}", step.name), words.trim_start_matches("sudo ").to_owned()]
}
