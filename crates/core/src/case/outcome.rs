//! How a case ends.

use crate::case::detail::Detail;
use crate::ids::PlaybookName;
use crate::reading::Topic;
use crate::text::worded::worded_enum;
use serde::Serialize;

/// The one end of a case.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "lowercase", tag = "kind")]
pub enum Outcome {
    /// A fault that explains the ticket was fixed, with proof.
    Resolved,
    /// A fault was fixed, with proof, and the reporter says that it works, or has said nothing though asked.
    Confirmed {
        /// The login of whoever confirmed it; `None` for silence.
        by: Option<String>,
    },
    /// What Fieldmedic handles was fixed with proof, or answered. The words are also about something else; the ticket
    /// stays open for it, and nobody is called.
    Partial {
        /// What else, in the order of the text; at least one.
        rest: Vec<Remainder>,
    },
    /// The words are about something that Fieldmedic does not handle. What was fixed besides is told; the ticket
    /// stays open for its people, and nobody is called.
    Unrelated {
        /// What the words are about.
        topic: Topic,
    },
    /// A question was answered from evidence.
    Answered {
        /// The request that was answered. For a command that only diagnoses, `diagnose`; for one that fixes a
        /// fault without closing the ticket, the playbook of the fault.
        request: PlaybookName,
    },
    /// Handed over to a person.
    Escalated(Escalation),
    /// Not taken on.
    Declined {
        /// Why not.
        detail: Detail,
    },
    /// A person cancelled it.
    Cancelled,
}

/// What a ticket stays open for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Remainder {
    /// What it is about.
    pub topic: Topic,
    /// The words of the ticket that say so.
    pub words: String,
}

/// Why a person is needed. `docs/ESCALATIONS.md` has a page for each code.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Escalation {
    /// What a person can look up.
    pub code: Code,
    /// What happened.
    pub detail: Detail,
}

worded_enum! {
    /// Stable codes of escalations, as people read them and as records store them, such as `not-fixed`.
    pub enum Code {
        /// The ticket names no managed system.
        NoSystem = "no-system",
        /// No host of the system could be reached.
        Unreachable = "unreachable",
        /// A condition that could explain the ticket is unknown.
        CannotTell = "cannot-tell",
        /// A complaint, and every condition is false.
        NothingFound = "nothing-found",
        /// A fault was found, and was gone before a change was made.
        WentAway = "went-away",
        /// Faults were fixed, the words of the ticket may be about something else, and the reporter did not say.
        NotExplained = "not-explained",
        /// The fault is one that only a person may fix.
        NeedsPerson = "needs-person",
        /// Policy issued no permit.
        NotPermitted = "not-permitted",
        /// A person denied the plan.
        Denied = "denied",
        /// Nobody approved or denied the plan in time.
        NoAnswer = "no-answer",
        /// A limit is exceeded for longer than a case waits.
        HeldBack = "held-back",
        /// A step failed, or the verification did not pass.
        NotFixed = "not-fixed",
        /// The remediation did not help, and its rollback failed.
        UndoFailed = "undo-failed",
        /// A change may or may not have run, and must not be run twice.
        InDoubt = "in-doubt",
        /// A fault came back after it was fixed in this case.
        CameBack = "came-back",
        /// A person disputes the close.
        StillBroken = "still-broken",
        /// The playbooks that the case is pinned to cannot be used.
        NoPlaybooks = "no-playbooks",
    }
}

impl Outcome {
    /// A fault was fixed that the ticket is about, with proof.
    pub fn is_fix(&self) -> bool {
        matches!(self, Outcome::Resolved | Outcome::Confirmed { .. } | Outcome::Partial { .. })
    }

    /// The issue is closed with this outcome; any other leaves it to people. A ticket that was cancelled
    /// still has its reporter, and one that was declined is closed already or must not be written on.
    pub fn closes(&self) -> bool {
        matches!(self, Outcome::Resolved | Outcome::Confirmed { .. } | Outcome::Answered { .. })
    }

    /// [`word`](Self::word), with a confirmation by silence apart from one by a person.
    pub fn long_word(&self) -> &'static str {
        match self {
            Outcome::Confirmed { by: None } => "confirmed-by-silence",
            other => other.word(),
        }
    }

    /// One word, as labels, summaries and exit codes use it.
    pub fn word(&self) -> &'static str {
        match self {
            Outcome::Resolved => "resolved",
            Outcome::Confirmed { .. } => "confirmed",
            Outcome::Partial { .. } => "partial",
            Outcome::Unrelated { .. } => "unrelated",
            Outcome::Answered { .. } => "answered",
            Outcome::Escalated(_) => "escalated",
            Outcome::Declined { .. } => "declined",
            Outcome::Cancelled => "cancelled",
        }
    }
}
