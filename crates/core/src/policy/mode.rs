//! How much may be changed, and how much a change may break: two ordered scales.

use serde::{Deserialize, Serialize};

/// How much Fieldmedic may do. Ordered from strict to free.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Probe, and say what it would do.
    Observe,
    /// Show the plan in the ticket, and wait for a person's approval.
    Ask,
    /// Probe, change and verify.
    Act,
}

/// How much a remediation may break. Ordered from harmless to grave.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Risk {
    /// At worst a short interruption.
    Low,
    /// An interruption that users notice.
    Medium,
    /// Data or a whole system may be lost.
    High,
}
