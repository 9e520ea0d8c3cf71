//! Deferrals: why a plan waits, and until when. The journal holds them.

use crate::ids::{HostName, PlaybookName};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Nothing is begun before that moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deferral {
    pub until: DateTime<Utc>,
    pub exceeded: ExceededLimit,
}

/// Which budget is used up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "budget")]
pub enum ExceededLimit {
    #[error("{playbook} ran there at {}, and the next run has to wait", .at.format("%H:%M UTC"))]
    Cooldown { playbook: PlaybookName, at: DateTime<Utc> },
    #[error("{playbook} failed {count} times there, one run after another")]
    Failures { playbook: PlaybookName, count: usize },
    #[error("{playbook} was mended {count} times within a day there, and came back each time")]
    Recurrences { playbook: PlaybookName, count: usize },
    #[error("{count} remedies were begun on {host} within an hour")]
    Runs { host: HostName, count: usize },
    #[error("{count} changes were made on {host} within an hour")]
    Changes { host: HostName, count: usize },
    #[error("of the group {group}, {} may be changed within {}, and with this plan it would be {changed}", .allowed, humantime::format_duration(*.window))]
    BlastRadius { group: String, allowed: usize, changed: usize, window: Duration },
    #[error("nothing is changed now: {why}")]
    ChangeFreeze { why: String },
}
