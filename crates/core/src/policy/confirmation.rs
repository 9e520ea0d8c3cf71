//! Confirmation: how long the reporter of a ticket is asked, and what silence means.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How the reporter of a ticket is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfirmationPolicy {
    /// When the reporter is reminded of a question, once.
    pub remind_after: Duration,
    /// How long a yes or a no to a proven fix is waited for.
    pub wait: Duration,
    /// What is done without an answer.
    pub on_silence: OnSilence,
    /// Whether the reporter is asked for details before a person is called to a system that looks healthy.
    pub ask_first: bool,
    /// How long those details are waited for.
    pub details_wait: Duration,
}

/// What silence means after a proven fix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnSilence {
    /// The ticket is closed.
    Close,
    /// A person takes over.
    Escalate,
}

impl Default for ConfirmationPolicy {
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(24 * 3600);
        Self {
            remind_after: DAY,
            wait: DAY.saturating_mul(3),
            on_silence: OnSilence::Close,
            ask_first: true,
            details_wait: Duration::from_secs(2 * 3600),
        }
    }
}
