//! What people decide about changes: a pause of all of them, an approval of one plan.

use crate::text::redact::Redacted;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A person's pause of all changes, on every system, until it is lifted. Probes go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Who paused.
    pub by: String,
    /// Since when.
    pub at: DateTime<Utc>,
    /// The person's reason; may be empty.
    pub why: Redacted,
}

/// A person's approval of one plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// The hash of the plan.
    pub plan: String,
    /// Who approved.
    pub by: String,
}
