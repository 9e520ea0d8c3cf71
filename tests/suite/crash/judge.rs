//! What must hold after a run with crashes, compared with the undisturbed run.

use super::run::{End, Run};
use crate::taps::brief;
use fieldmedic::core::playbook::{IfInterrupted, Library, Step};
use serde_json::Value;
use std::collections::BTreeSet;

/// A guarantee that was broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Violation {
    /// The outcome differs, and is not in doubt.
    Outcome,
    /// The ticket has no case, two cases, or a case that did not end.
    Lost,
    /// There is more than one comment of a kind, or no report.
    Comments,
    /// A change that must never be repeated was repeated.
    NeverTwice,
    /// A change was repeated although the evidence says that it was made.
    CheckedTwice,
    /// The labels differ, or open and closed do.
    Issue,
    /// The host's state differs.
    Host,
    /// The journal's hash chain is broken.
    Journal,
}

/// The changes of a library by what an interruption means for them, as the host's log names them.
pub struct Rules {
    never: BTreeSet<String>,
    check: BTreeSet<String>,
}

impl Rules {
    pub fn of(library: &Library) -> Self {
        let (mut never, mut check) = (BTreeSet::new(), BTreeSet::new());
        let playbooks = library.systems.values().flat_map(|system| system.faults_and_operations());
        for step in playbooks.flat_map(|playbook| &playbook.remediation) {
            match step.if_interrupted {
                IfInterrupted::Escalate => never.extend(names(step)),
                IfInterrupted::Check(_) => check.extend(names(step)),
                IfInterrupted::RerunNow | IfInterrupted::Rerun => {}
            }
        }
        Self { never, check }
    }

    /// Every violation at this end, each with its reason. `counters`: where the host's state counts commands.
    pub fn judge(
        &self,
        undisturbed: &Run,
        end: &End,
        counters: &BTreeSet<String>,
    ) -> Vec<(Violation, String)> {
        let undisturbed = &undisturbed.end;
        let mut violations = Vec::new();
        let mut hold = |violation, holds: bool, why: String| {
            if !holds {
                violations.push((violation, why));
            }
        };
        let in_doubt = end.code == "in-doubt";
        let same = end.outcome == undisturbed.outcome && end.code == undisturbed.code;
        hold(Violation::Outcome, same || in_doubt, format!("{} ({})", end.outcome, end.code));
        hold(Violation::Lost, end.cases == 1 && end.open_cases == 0, format!("{} cases", end.cases));
        hold(Violation::Journal, end.broken_chains == 0, "its chain is broken".into());
        let reports = end.comments.get("report").copied().unwrap_or_default();
        hold(Violation::Comments, reports == 1, format!("{reports} reports"));
        let once = end.comments.values().all(|count| *count == 1);
        hold(Violation::Comments, once, format!("{:?}", end.comments));
        for (line, count) in &end.changes {
            let name = brief(line);
            let before = undisturbed.changes.get(line).copied().unwrap_or_default();
            let why = format!("{name}: {count} times, {before} in the undisturbed run");
            hold(Violation::NeverTwice, *count <= 1 || !self.never.contains(&name), why.clone());
            // If the undisturbed run proves no effect of it, the evidence allows another attempt.
            let is_made = self.check.contains(&name) && undisturbed.proven.contains(&name);
            hold(Violation::CheckedTwice, *count <= before.max(1) || !is_made, why);
        }
        let issue = format!("{:?}, closed: {}", end.labels, end.closed);
        if in_doubt && !same {
            let escalated = !end.closed && end.labels.contains("medic:needs-human");
            hold(Violation::Issue, escalated, format!("in doubt, and {issue}"));
        } else {
            let same = end.labels == undisturbed.labels && end.closed == undisturbed.closed;
            hold(Violation::Issue, same, issue);
            let why = format!("{} instead of {}", end.state, undisturbed.state);
            let is_repeated = |(line, count): (&String, &usize)| undisturbed.changes.get(line) < Some(count);
            let same = match end.changes.iter().any(is_repeated) {
                true => uncounted(&end.state, counters) == uncounted(&undisturbed.state, counters),
                false => end.state == undisturbed.state,
            };
            hold(Violation::Host, same, why);
        }
        violations
    }
}

/// The state without its counters.
fn uncounted(state: &Value, counters: &BTreeSet<String>) -> Value {
    let mut state = state.clone();
    for counter in counters {
        if let Some(count) = state.pointer_mut(counter) {
            *count = Value::from("a count");
        }
    }
    state
}

/// A step as the host's log names it, without its wrapper: a script by its name, a command by its words.
fn names(step: &Step) -> [String; 2] {
    let words = step.command.to_string();
    [format!("script {}", step.name), words.trim_start_matches("sudo ").to_owned()]
}
