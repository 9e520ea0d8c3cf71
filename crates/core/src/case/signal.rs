//! Words: what a person says to a case that is at work. Only the driver of a case writes its records;
//! everybody else leaves a word, and the driver reads it.

use crate::case::inquiry::ReporterAnswer;
use chrono::{DateTime, Utc};

/// A word, who said it and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signal {
    /// A GitHub login, the user at the terminal, or `the label medic:pause`.
    pub by: String,
    /// When the comment was written or the terminal command given; for a label, when the issue was last
    /// updated.
    pub at: DateTime<Utc>,
    /// What the case is told.
    pub kind: SignalKind,
}

/// What a case is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignalKind {
    /// Yes to the plan whose hash begins so.
    Approve {
        /// The beginning of the hash: at least 16 hex digits, at least 4 in records of version 2.
        plan: String,
    },
    /// No to the plan that waits for approval: the case escalates. Without such a plan it does nothing.
    Deny,
    /// End the case. No step is begun any more.
    Cancel,
    /// Begin no change for this ticket until it is resumed.
    Pause,
    /// Lift the pause of this ticket. A pause of all changes stays.
    Resume,
    /// The reporter answers the question of the case. Without a question it does nothing.
    Answer(ReporterAnswer),
}

/// A word that was left for a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuedSignal {
    /// What it came from: the same comment is heard once.
    pub key: String,
    /// The signal that was left.
    pub signal: Signal,
}
