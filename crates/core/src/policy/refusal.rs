//! Why policy issues no permit. The sentences stand in `prompts/_details.md`.

use serde::Serialize;

/// Why policy says no.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum NotPermitted {
    /// The mode is `observe`.
    Observing,
    /// This is a dry run, which changes nothing.
    DryRun,
    /// A person's approval of this very plan would be enough.
    NeedsApproval,
    /// It would be `changes` changes for this ticket; `max_changes` allows `allowed`.
    TooManyChanges {
        /// Those of the case, with those of the plan.
        changes: usize,
        /// The limit.
        allowed: usize,
    },
}
