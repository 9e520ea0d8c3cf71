//! Verification: the fault's own condition must turn false, the playbook's own conditions must hold,
//! and all of it must stay so for a while.

use crate::expr::{Scope, Truth};
use crate::playbook::{Check, Fault};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How a verification stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// When the verification began.
    pub since: DateTime<Utc>,
    /// How often the conditions were checked.
    pub rounds: u32,
    /// The time of the evidence of the newest check; of the beginning, if there was none.
    pub probed_at: DateTime<Utc>,
    /// For each condition, the fault's own first: true without a break since when, or what it was.
    pub streaks: Vec<Streak>,
}

/// How one condition stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Streak {
    /// True without a break, since this time.
    Holding(DateTime<Utc>),
    /// Not true. The reason, where it is unknown.
    Broken(Option<String>),
}

/// Two looks further apart than this do not show that a condition held between them.
const LONGEST_GAP: chrono::TimeDelta = chrono::TimeDelta::minutes(3);

/// What to make of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Every condition has held for long enough.
    Passed,
    /// Look again then.
    Pending(DateTime<Utc>),
    /// It is over, without success.
    Failed(NotVerified),
}

/// Why a verification did not pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum NotVerified {
    /// A condition did not become true in time.
    ConditionFalse {
        /// In the words of the playbook.
        condition: String,
    },
    /// A condition stayed unknown.
    ConditionUnknown {
        /// In the words of the playbook.
        condition: String,
        /// Why it is unknown.
        problem: String,
    },
    /// The conditions did not stay true for long enough.
    NotSteady,
}

/// The conditions of a fault's verification, its own negated first. `soak` is how long the fault must at
/// least stay away.
pub fn conditions(fault: &Fault, soak: Duration) -> Vec<Condition> {
    let longest = fault.verify.iter().map(|check| check.timeout).max().unwrap_or(Duration::from_secs(60));
    let steadiest = fault.verify.iter().map(|check| check.hold_for).max().unwrap_or_default();
    let own = Condition {
        what: format!("no longer: {}", fault.when.source()),
        expr: fault.when.clone(),
        wanted: false,
        timeout: longest,
        hold_for: steadiest.max(soak),
    };
    let others =
        fault.verify.iter().map(|Check { that: holds, timeout: within, hold_for: steady }| Condition {
            what: holds.source().to_owned(),
            expr: holds.clone(),
            wanted: true,
            timeout: *within,
            hold_for: *steady,
        });
    std::iter::once(own).chain(others).collect()
}

/// One thing that must be so.
#[derive(Debug, Clone)]
pub struct Condition {
    /// In words, for the report.
    pub what: String,
    expr: crate::expr::Expr,
    wanted: bool,
    timeout: Duration,
    hold_for: Duration,
}

impl Condition {
    /// Whether it is as wanted.
    pub fn truth(&self, scope: &Scope) -> Truth {
        let truth = self.expr.truth(scope);
        if self.wanted { truth } else { truth.negate() }
    }
}

fn not_met(condition: &str, unknown: Option<&String>) -> NotVerified {
    let condition = condition.to_owned();
    match unknown {
        Some(problem) => NotVerified::ConditionUnknown { condition, problem: problem.clone() },
        None => NotVerified::ConditionFalse { condition },
    }
}

impl Progress {
    /// A verification that begins now; nothing is checked yet.
    pub fn start(now: DateTime<Utc>) -> Self {
        Self { since: now, rounds: 0, probed_at: now, streaks: Vec::new() }
    }

    /// Takes in one look. A condition that was true before and is true now has held since then;
    /// anything else starts afresh.
    pub fn record(&mut self, truths: &[Truth], at: DateTime<Utc>) {
        let mut before = std::mem::take(&mut self.streaks);
        // Nobody looked for a while (the agent was stopped): what was so in between is not known.
        if at - self.probed_at > LONGEST_GAP {
            before.clear();
        }
        self.rounds += 1;
        self.probed_at = at;
        self.streaks = truths
            .iter()
            .enumerate()
            .map(|(index, truth)| match (truth, before.get(index)) {
                (Truth::True, Some(Streak::Holding(since))) => Streak::Holding(*since),
                (Truth::True, _) => Streak::Holding(at),
                (Truth::False, _) => Streak::Broken(None),
                (Truth::Unknown(why), _) => Streak::Broken(Some(why.clone())),
            })
            .collect();
    }

    /// Judges the last look.
    pub fn evaluate(&self, conditions: &[Condition]) -> Verdict {
        if self.rounds == 0 {
            return Verdict::Pending(self.since);
        }
        let mut next: Option<DateTime<Utc>> = None;
        let mut all_held = self.streaks.len() == conditions.len();
        for (condition, held) in conditions.iter().zip(&self.streaks) {
            match held {
                Streak::Holding(since) => {
                    let done = *since + condition.hold_for;
                    if done > self.probed_at {
                        all_held = false;
                        next = Some(next.map_or(done, |at| at.max(done)));
                    }
                }
                Streak::Broken(why) => {
                    all_held = false;
                    let deadline = self.since + condition.timeout;
                    if self.probed_at >= deadline {
                        return Verdict::Failed(not_met(&condition.what, why.as_ref()));
                    }
                }
            }
        }
        if all_held {
            return Verdict::Passed;
        }
        // A condition that flaps is true at some looks and never holds: that too must end.
        let end = self.since + conditions.iter().map(|c| c.timeout + c.hold_for).max().unwrap_or_default();
        if self.probed_at >= end + Duration::from_secs(30) {
            return Verdict::Failed(NotVerified::NotSteady);
        }
        let pause = Duration::from_secs(match self.rounds {
            0..=2 => 1,
            3..=5 => 2,
            _ => 5,
        });
        let regular = self.probed_at + pause;
        let only_waiting = self.streaks.iter().all(|held| matches!(held, Streak::Holding(_)));
        // When all is true and only has to last, look once between and once at the end.
        let until = match next {
            Some(done) if only_waiting => {
                let half = self.probed_at + (done - self.probed_at) / 2;
                if half - self.probed_at < chrono::TimeDelta::seconds(2) { done } else { half.max(regular) }
            }
            _ => regular,
        };
        Verdict::Pending(until)
    }
}

/// A condition that held at the end.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Proof {
    /// The condition, as [`Condition::what`] has it.
    pub condition: String,
    /// Since when, such as `2026-11-20T12:00:05Z`.
    pub since: String,
    /// How long it had held when the verification passed, in seconds.
    pub seconds: i64,
}

/// What held when a verification passed.
pub(crate) fn proof(conditions: &[String], held: &[Streak], at: DateTime<Utc>) -> Vec<Proof> {
    conditions
        .iter()
        .zip(held)
        .filter_map(|(condition, held)| match held {
            Streak::Holding(since) => Some(Proof {
                condition: condition.clone(),
                since: since.to_rfc3339_opts(SecondsFormat::Secs, true),
                seconds: (at - *since).num_seconds(),
            }),
            Streak::Broken(_) => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::Expr;

    fn condition(within: u64, steady: u64) -> Condition {
        Condition {
            what: "ok".into(),
            expr: Expr::new("ok").unwrap(),
            wanted: true,
            timeout: Duration::from_secs(within),
            hold_for: Duration::from_secs(steady),
        }
    }

    /// Plays looks at given seconds, and gives the verdict after the last.
    fn play(within: u64, steady: u64, looks: &[(i64, Truth)]) -> Verdict {
        let start = DateTime::UNIX_EPOCH;
        let mut progress = Progress::start(start);
        for (second, truth) in looks {
            progress.record(std::slice::from_ref(truth), start + chrono::TimeDelta::seconds(*second));
        }
        progress.evaluate(&[condition(within, steady)])
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
