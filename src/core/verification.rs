//! Verification: the fault's own condition must turn false, the playbook's own conditions must hold,
//! and all of it must stay so for a while.

use super::expr::{Scope, Truth};
use super::playbook::{Check, Fault};
use super::policy::Policy;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How a verification stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    pub since: DateTime<Utc>,
    pub looks: u32,
    pub looked_at: DateTime<Utc>,
    /// For each condition, the fault's own first: true without a break since when, or what it was.
    pub held: Vec<Held>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Held {
    Since(DateTime<Utc>),
    Not(String),
}

/// Two looks further apart than this do not show that a condition held between them.
const LONGEST_GAP: chrono::TimeDelta = chrono::TimeDelta::minutes(3);

/// What to make of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Passed,
    /// Look again then.
    Pending(DateTime<Utc>),
    Failed(String),
}

/// The conditions of a fault's verification, its own turned round first.
pub fn conditions(fault: &Fault, policy: &Policy) -> Vec<Condition> {
    let longest = fault.verify.iter().map(|check| check.within).max().unwrap_or(Duration::from_secs(60));
    let steadiest = fault.verify.iter().map(|check| check.steady).max().unwrap_or_default();
    let own = Condition {
        what: format!("no longer: {}", fault.when.source()),
        expr: fault.when.clone(),
        wanted: false,
        within: longest,
        steady: steadiest.max(policy.soak),
    };
    let others = fault.verify.iter().map(|Check { holds, within, steady }| Condition {
        what: holds.source().to_owned(),
        expr: holds.clone(),
        wanted: true,
        within: *within,
        steady: *steady,
    });
    std::iter::once(own).chain(others).collect()
}

/// One thing that must be so.
#[derive(Debug, Clone)]
pub struct Condition {
    /// In words, for the report.
    pub what: String,
    expr: super::expr::Expr,
    wanted: bool,
    within: Duration,
    steady: Duration,
}

impl Condition {
    /// Whether it is as wanted.
    pub fn truth(&self, scope: &Scope) -> Truth {
        let truth = self.expr.truth(scope);
        if self.wanted { truth } else { truth.negate() }
    }
}

impl Progress {
    pub fn start(now: DateTime<Utc>) -> Self {
        Self { since: now, looks: 0, looked_at: now, held: Vec::new() }
    }

    /// Takes in one look. A condition that was true before and is true now has held since then;
    /// anything else starts afresh.
    pub fn take(&mut self, truths: &[Truth], at: DateTime<Utc>) {
        let mut before = std::mem::take(&mut self.held);
        // Nobody looked for a while (the agent was stopped): what was so in between is not known.
        if at - self.looked_at > LONGEST_GAP {
            before.clear();
        }
        self.looks += 1;
        self.looked_at = at;
        self.held = truths
            .iter()
            .enumerate()
            .map(|(index, truth)| match (truth, before.get(index)) {
                (Truth::True, Some(Held::Since(since))) => Held::Since(*since),
                (Truth::True, _) => Held::Since(at),
                (Truth::False, _) => Held::Not("it is not so".into()),
                (Truth::Unknown(why), _) => Held::Not(why.clone()),
            })
            .collect();
    }

    /// Judges the last look.
    pub fn judge(&self, conditions: &[Condition]) -> Verdict {
        if self.looks == 0 {
            return Verdict::Pending(self.since);
        }
        let mut next: Option<DateTime<Utc>> = None;
        let mut all_held = self.held.len() == conditions.len();
        for (condition, held) in conditions.iter().zip(&self.held) {
            match held {
                Held::Since(since) => {
                    let done = *since + condition.steady;
                    if done > self.looked_at {
                        all_held = false;
                        next = Some(next.map_or(done, |at| at.max(done)));
                    }
                }
                Held::Not(why) => {
                    all_held = false;
                    let deadline = self.since + condition.within;
                    if self.looked_at >= deadline {
                        return Verdict::Failed(format!("`{}`: {why}", condition.what));
                    }
                }
            }
        }
        if all_held {
            return Verdict::Passed;
        }
        // A condition that flaps is true at some looks and never holds: that too must end.
        let end = self.since + conditions.iter().map(|c| c.within + c.steady).max().unwrap_or_default();
        if self.looked_at >= end + Duration::from_secs(30) {
            return Verdict::Failed("it did not stay so for long enough".into());
        }
        let pause = Duration::from_secs(match self.looks {
            0..=2 => 1,
            3..=5 => 2,
            _ => 5,
        });
        let regular = self.looked_at + pause;
        let only_waiting = self.held.iter().all(|held| matches!(held, Held::Since(_)));
        // When all is true and only has to last, look once between and once at the end.
        let until = match next {
            Some(done) if only_waiting => {
                let half = self.looked_at + (done - self.looked_at) / 2;
                if half - self.looked_at < chrono::TimeDelta::seconds(2) { done } else { half.max(regular) }
            }
            _ => regular,
        };
        Verdict::Pending(until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::expr::Expr;

    fn condition(within: u64, steady: u64) -> Condition {
        Condition {
            what: "ok".into(),
            expr: Expr::new("ok").unwrap(),
            wanted: true,
            within: Duration::from_secs(within),
            steady: Duration::from_secs(steady),
        }
    }

    /// Plays looks at given seconds, and gives the verdict after the last.
    fn play(within: u64, steady: u64, looks: &[(i64, Truth)]) -> Verdict {
        let start = DateTime::UNIX_EPOCH;
        let mut progress = Progress::start(start);
        for (second, truth) in looks {
            progress.take(std::slice::from_ref(truth), start + chrono::TimeDelta::seconds(*second));
        }
        progress.judge(&[condition(within, steady)])
    }

    #[test]
    fn a_verdict_needs_time_and_no_break() {
        use Truth::{False, True, Unknown};
        let unknown = || Unknown("exit 1".into());
        let pending = |verdict: Verdict| matches!(verdict, Verdict::Pending(_));
        assert_eq!(play(60, 0, &[(1, True)]), Verdict::Passed);
        assert!(pending(play(60, 20, &[(1, True)])));
        assert!(pending(play(60, 20, &[(1, True), (20, True)])));
        assert_eq!(play(60, 20, &[(1, True), (21, True)]), Verdict::Passed);
        assert!(pending(play(60, 20, &[(1, True), (10, False), (21, True)])), "a break starts afresh");
        assert!(pending(play(60, 20, &[(1, True), (10, unknown()), (21, True)])), "unknown is a break");
        assert!(pending(play(60, 0, &[(1, unknown())])), "unknown never passes");
        assert!(matches!(play(60, 0, &[(60, unknown())]), Verdict::Failed(_)));
        assert!(matches!(play(60, 0, &[(60, False)]), Verdict::Failed(_)));
        assert!(
            matches!(play(10, 5, &[(9, True), (44, False), (45, True)]), Verdict::Failed(_)),
            "flapping ends"
        );
        assert!(pending(play(60, 0, &[])), "nothing seen, nothing passed");
        assert!(pending(play(900, 20, &[(1, True), (600, True)])), "nobody looked in between");
    }
}
