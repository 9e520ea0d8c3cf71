//! `[report]`: what the figures of a month need.

use schemars::JsonSchema;
use serde::Deserialize;

/// The section `[report]`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ReportEntry {
    /// How many minutes a person spends on a ticket, for the hours that were saved. Without it, none are shown.
    pub minutes_per_ticket: Option<u32>,
}
