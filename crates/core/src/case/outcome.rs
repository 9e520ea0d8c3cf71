//! How a case ends.

use crate::ids::PlaybookName;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The one end of a case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "kind")]
pub enum Outcome {
    /// A fault that explains the ticket was mended, and that was proven.
    Resolved,
    /// A question was answered from evidence.
    Answered { request: PlaybookName },
    /// Nobody asked anything, nothing is wrong, and nothing was done.
    Healthy,
    /// Handed to a person.
    Escalated(Escalation),
    /// Not taken on.
    Declined { why: String },
    /// A person called it off.
    Cancelled,
}

/// How an issue is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// What it asked for was done.
    Completed,
    /// There was nothing to do.
    NotPlanned,
}

/// Why a person is needed. `docs/ESCALATIONS.md` has a page for each code.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Escalation {
    pub code: Code,
    pub why: String,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// Stable codes of escalations.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Code {
            $($(#[$doc])* #[serde(rename = $text)] $name,)*
        }

        impl Code {
            pub const ALL: &[Code] = &[$(Code::$name,)*];

            pub fn as_str(self) -> &'static str {
                match self {
                    $(Code::$name => $text,)*
                }
            }
        }
    };
}

codes! {
    /// The ticket names no system that is looked after.
    NoSystem = "no-system",
    /// No host of the system could be reached.
    Unreachable = "unreachable",
    /// A condition that could explain the ticket is unknown.
    CannotTell = "cannot-tell",
    /// A complaint, and every condition is false.
    NothingFound = "nothing-found",
    /// A fault was found, and gone before it was treated.
    WentAway = "went-away",
    /// Faults were mended, but none explains the ticket.
    NotExplained = "not-explained",
    /// The fault is one that only a person may treat.
    NeedsPerson = "needs-person",
    /// Policy issued no permit.
    NotPermitted = "not-permitted",
    /// A person said no to the plan.
    Denied = "denied",
    /// Nobody answered whether the plan may be carried out.
    NoAnswer = "no-answer",
    /// A budget is used up, and will be for longer than a case waits.
    HeldBack = "held-back",
    /// A step failed, or the verification did not pass.
    NotFixed = "not-fixed",
    /// The remedy did not help, and undoing it failed.
    UndoFailed = "undo-failed",
    /// A change may or may not have run, and must not be run twice.
    InDoubt = "in-doubt",
    /// A fault came back after it was mended in this case.
    CameBack = "came-back",
    /// A person says that it is not settled, after it was closed.
    StillBroken = "still-broken",
    /// The playbooks that the case began with are not to be had any more.
    NoPlaybooks = "no-playbooks",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Outcome {
    /// The issue is closed with this outcome.
    pub fn closes(&self) -> bool {
        self.closing().is_some()
    }

    /// How the issue is closed; `None` leaves it to people. A ticket that was called off still has its
    /// reporter, and one that was declined is closed already or not the agent's to write on.
    pub fn closing(&self) -> Option<Closing> {
        match self {
            Outcome::Resolved | Outcome::Answered { .. } => Some(Closing::Completed),
            Outcome::Healthy => Some(Closing::NotPlanned),
            Outcome::Escalated(_) | Outcome::Declined { .. } | Outcome::Cancelled => None,
        }
    }

    /// One word, as labels, summaries and exit codes use it.
    pub fn word(&self) -> &'static str {
        match self {
            Outcome::Resolved => "resolved",
            Outcome::Answered { .. } => "answered",
            Outcome::Healthy => "healthy",
            Outcome::Escalated(_) => "escalated",
            Outcome::Declined { .. } => "declined",
            Outcome::Cancelled => "cancelled",
        }
    }
}
