//! `[measurements]`: how long what sweeps measure is kept, and when people are warned of what it runs to.

use crate::config::value::{duration, duration_or_never, std_duration, time_delta};
use crate::core::measurement::MeasurementPolicy;
use crate::library::schema::{DurationOrNever, DurationText};
use schemars::JsonSchema;
use serde::Deserialize;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// The section `[measurements]`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MeasurementsEntry {
    /// How long each sweep is kept; 3 days by default.
    #[serde(deserialize_with = "duration")]
    #[schemars(with = "DurationText")]
    pub sweeps_for: Duration,
    /// How long each hour is kept; 90 days by default.
    #[serde(deserialize_with = "duration")]
    #[schemars(with = "DurationText")]
    pub hours_for: Duration,
    /// A ticket is opened if a limit is reached within this time; 7 days by default. `never` opens none.
    #[serde(deserialize_with = "duration_or_never")]
    #[schemars(with = "DurationOrNever")]
    pub warn_within: Option<Duration>,
}

impl Default for MeasurementsEntry {
    fn default() -> Self {
        let MeasurementPolicy { sweeps_for, hours_for, warn_within } = MeasurementPolicy::default();
        Self {
            sweeps_for: std_duration(sweeps_for),
            hours_for: std_duration(hours_for),
            warn_within: warn_within.map(std_duration),
        }
    }
}

impl MeasurementsEntry {
    /// The same as the engine uses it.
    pub fn policy(&self) -> MeasurementPolicy {
        MeasurementPolicy {
            sweeps_for: time_delta(self.sweeps_for),
            hours_for: time_delta(self.hours_for),
            warn_within: self.warn_within.map(time_delta),
        }
    }

    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if !(HOUR..=31 * DAY).contains(&self.sweeps_for) {
            problems.push(
                "[measurements] sweeps_for must be between 1h and 31d: hours are kept for longer".to_owned(),
            );
        }
        if !(DAY..=1100 * DAY).contains(&self.hours_for) {
            problems.push("[measurements] hours_for must be between 1d and 1100d".to_owned());
        }
        if self.warn_within.is_some_and(|within| !(HOUR..=60 * DAY).contains(&within)) {
            problems.push("[measurements] warn_within must be between 1h and 60d, or never".to_owned());
        }
        problems
    }
}
