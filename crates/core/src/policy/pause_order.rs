//! The order of pauses and resumes. They arrive late, twice and in any order, by comments and at terminals; what
//! counts is when they were given. A pause wins where that does not decide.

use crate::policy::consent::Pause;
use crate::text::redact::Redacted;
use crate::ticket::Repo;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

/// A person's order to pause all changes, or to resume them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PauseOrder {
    /// Who gave it.
    pub by: String,
    /// When it was given. A comment's time is in whole seconds, by GitHub's clock.
    pub given_at: DateTime<Utc>,
    /// Where it was given.
    pub origin: PauseOrigin,
    /// Whether to pause or to resume.
    pub kind: PauseOrderKind,
}

/// Where an order was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PauseOrigin {
    /// A terminal of the machine that Fieldmedic runs on, or the dashboard.
    Terminal,
    /// A comment. GitHub's ids of comments grow.
    Comment {
        /// The repository of the comment's issue.
        repo: Repo,
        /// The comment's number on the forge.
        id: u64,
    },
}

/// What is ordered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PauseOrderKind {
    /// The reason may be empty.
    Pause {
        /// The person's reason.
        why: Redacted,
    },
    /// Lift the pause.
    Resume,
}

impl PauseOrder {
    /// Whether this order takes effect where `standing` is the newest that did so. An order that is given again
    /// takes effect again, which changes nothing.
    pub fn supersedes(&self, standing: &PauseOrder) -> bool {
        match self.given_after(standing) {
            Some(Ordering::Less) => false,
            Some(Ordering::Greater | Ordering::Equal) => true,
            None => self.kind != PauseOrderKind::Resume || standing.kind == PauseOrderKind::Resume,
        }
    }

    /// When it was given, compared with another one; `None` if that is unknown.
    fn given_after(&self, other: &PauseOrder) -> Option<Ordering> {
        let by_time = self.given_at.timestamp().cmp(&other.given_at.timestamp());
        match (by_time, &self.origin, &other.origin) {
            (Ordering::Equal, PauseOrigin::Comment { id, .. }, PauseOrigin::Comment { id: other, .. }) => {
                Some(id.cmp(other))
            }
            (Ordering::Equal, ..) => None,
            (decided, ..) => Some(decided),
        }
    }

    /// The pause that is in force if no order came after this one.
    pub fn pause(&self) -> Option<Pause> {
        match &self.kind {
            PauseOrderKind::Pause { why } => {
                Some(Pause { by: self.by.clone(), at: self.given_at, why: why.clone() })
            }
            PauseOrderKind::Resume => None,
        }
    }

    /// Whether a comment in this repository may lift the pause: a pause is lifted where it was set, so that
    /// rights in one repository do not reach into another. The terminal lifts every pause.
    pub fn can_be_lifted_in(&self, repo: &Repo) -> bool {
        match &self.origin {
            PauseOrigin::Terminal => false,
            PauseOrigin::Comment { repo: own, .. } => own == repo,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;
    use proptest::prelude::*;

    fn order(pauses: bool, millis: i64, comment: Option<u64>) -> PauseOrder {
        let origin = match comment {
            Some(id) => PauseOrigin::Comment { repo: "example/tickets".parse().unwrap(), id },
            None => PauseOrigin::Terminal,
        };
        let kind = match pauses {
            true => PauseOrderKind::Pause { why: Redacted::default() },
            false => PauseOrderKind::Resume,
        };
        let given_at = DateTime::UNIX_EPOCH + TimeDelta::milliseconds(millis);
        PauseOrder { by: "ops-lead".into(), given_at, origin, kind }
    }

    #[test]
    fn the_newest_order_counts_and_a_pause_wins_a_tie() {
        let (pause, resume) = (true, false);
        for (new, standing, takes_effect) in [
            (order(resume, 2000, Some(7)), order(pause, 1000, Some(6)), true),
            (order(resume, 1000, Some(6)), order(pause, 2000, Some(7)), false),
            // Within one second, the ids of comments decide.
            (order(resume, 1000, Some(6)), order(pause, 1000, Some(7)), false),
            (order(resume, 1000, Some(8)), order(pause, 1000, Some(7)), true),
            (order(pause, 1000, Some(6)), order(resume, 1000, Some(7)), false),
            // Nothing decides between a terminal and a comment within one second.
            (order(resume, 1000, Some(8)), order(pause, 1300, None), false),
            (order(resume, 1900, None), order(pause, 1000, Some(8)), false),
            (order(pause, 1000, Some(8)), order(resume, 1900, None), true),
            (order(pause, 1100, None), order(resume, 1000, Some(8)), true),
            (order(resume, 2000, None), order(pause, 1900, None), true),
            // A comment that was written before the pause at a terminal, and arrives after it.
            (order(resume, 37_000, Some(5)), order(pause, 39_500, None), false),
        ] {
            assert_eq!(new.supersedes(&standing), takes_effect, "{new:?}\nafter {standing:?}");
        }
    }

    #[test]
    fn a_pause_is_lifted_where_it_was_set() {
        let (here, elsewhere): (Repo, Repo) =
            ("example/tickets".parse().unwrap(), "example/other".parse().unwrap());
        let pause = order(true, 0, Some(1));
        assert!(pause.can_be_lifted_in(&here) && !pause.can_be_lifted_in(&elsewhere));
        assert!(!order(true, 0, None).can_be_lifted_in(&here));
    }

    proptest! {
        /// In whatever order they arrive, the same order is in force at the end, unless nothing decides.
        #[test]
        fn the_order_of_arrival_does_not_count(
            orders in proptest::collection::vec((any::<bool>(), 0i64..4, 1u64..50), 1..6),
        ) {
            let mut orders: Vec<PauseOrder> =
                orders.into_iter().map(|(pauses, second, id)| order(pauses, second * 1000, Some(id))).collect();
            let apply = |orders: &[PauseOrder]| {
                let mut standing: Option<PauseOrder> = None;
                for order in orders {
                    if standing.as_ref().is_none_or(|standing| order.supersedes(standing)) {
                        standing = Some(order.clone());
                    }
                }
                standing.map(|order| (order.given_at, order.origin))
            };
            let forwards = apply(&orders);
            orders.reverse();
            prop_assert_eq!(apply(&orders), forwards);
        }
    }
}
