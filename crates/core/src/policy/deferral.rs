//! Deferrals: why a plan waits, and until when. The journal holds them.

use crate::ids::{HostName, PlaybookName};
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::time::Duration;

/// Nothing is started before that moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Deferral {
    pub until: DateTime<Utc>,
    pub exceeded: ExceededLimit,
}

/// Which limit is exceeded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "limit")]
pub enum ExceededLimit {
    Cooldown { playbook: PlaybookName, at: DateTime<Utc> },
    Failures { playbook: PlaybookName, count: usize },
    Recurrences { playbook: PlaybookName, count: usize },
    Runs { host: HostName, count: usize },
    Changes { host: HostName, count: usize },
    BlastRadius { group: String, allowed: usize, changed: usize, window: Duration },
    ChangeFreeze { why: String },
}
