//! `[operations_log]`: a file with an entry for each case.

use crate::config::value::{duration, std_duration, time_delta};
use crate::core::view::operations::LogRetention;
use crate::library::schema::DurationText;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// The section `[operations_log]`. Without it, no log is written.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OperationsLogEntry {
    /// The file, in Markdown. Relative paths are relative to the configuration.
    pub path: PathBuf,
    /// How long entries of high severity are kept; two years by default.
    #[serde(default = "high", deserialize_with = "duration")]
    #[schemars(with = "DurationText")]
    pub keep_high: Duration,
    /// The same for medium severity; a year by default.
    #[serde(default = "medium", deserialize_with = "duration")]
    #[schemars(with = "DurationText")]
    pub keep_medium: Duration,
    /// The same for low severity; 90 days by default.
    #[serde(default = "low", deserialize_with = "duration")]
    #[schemars(with = "DurationText")]
    pub keep_low: Duration,
}

fn high() -> Duration {
    std_duration(LogRetention::default().high)
}

fn medium() -> Duration {
    std_duration(LogRetention::default().medium)
}

fn low() -> Duration {
    std_duration(LogRetention::default().low)
}

impl OperationsLogEntry {
    /// How long entries are kept.
    pub fn retention(&self) -> LogRetention {
        LogRetention {
            low: time_delta(self.keep_low),
            medium: time_delta(self.keep_medium),
            high: time_delta(self.keep_high),
        }
    }

    pub(super) fn problems(&self) -> Vec<String> {
        let keys =
            [("keep_high", self.keep_high), ("keep_medium", self.keep_medium), ("keep_low", self.keep_low)];
        let wrong = keys.into_iter().filter(|(_, length)| !(DAY..=3660 * DAY).contains(length));
        wrong.map(|(key, _)| format!("[operations_log] {key} must be between 1d and 3660d")).collect()
    }
}
