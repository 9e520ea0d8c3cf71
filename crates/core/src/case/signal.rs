//! Words: what a person says to a case that is at work. Only the driver of a case writes its records;
//! everybody else leaves a word, and the driver reads it.

use chrono::{DateTime, Utc};

/// A word, who said it and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signal {
    pub by: String,
    pub at: DateTime<Utc>,
    pub kind: SignalKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignalKind {
    /// Yes to the plan whose hash begins so.
    Approve {
        plan: String,
    },
    Deny,
    Cancel,
    Pause,
    Resume,
}

/// A word that was left for a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuedSignal {
    /// What it came from: the same comment is heard once.
    pub key: String,
    pub signal: Signal,
}
