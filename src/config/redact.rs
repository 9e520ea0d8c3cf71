//! `[redact]`: secrets of your own that must never be published.

use schemars::JsonSchema;
use serde::Deserialize;

/// The section `[redact]`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RedactEntry {
    /// Regular expressions; none by default.
    pub patterns: Vec<String>,
}

impl RedactEntry {
    pub(super) fn problems(&self) -> Vec<String> {
        let errors = self.patterns.iter().filter_map(|pattern| regex::Regex::new(pattern).err());
        errors.map(|error| format!("[redact] patterns: {error}")).collect()
    }
}
