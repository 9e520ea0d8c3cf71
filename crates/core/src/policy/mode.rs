//! How much may be changed, and how much a change may break: two ordered scales.

use crate::text::worded::worded_enum;

worded_enum! {
    /// How much Fieldmedic may do. Ordered from strict to free.
    pub enum Mode {
        /// Probe, and say what it would do.
        Observe = "observe",
        /// Show the plan in the ticket, and wait for a person's approval.
        Ask = "ask",
        /// Probe, change and verify.
        Act = "act",
    }
}

worded_enum! {
    /// How much a remediation may break. Ordered from harmless to grave.
    pub enum Risk {
        /// At worst a short interruption.
        Low = "low",
        /// An interruption that users notice.
        Medium = "medium",
        /// Data or a whole system may be lost.
        High = "high",
    }
}
