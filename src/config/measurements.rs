//! `[measurements]`: how long what sweeps measure is kept, and when people are warned of what it runs to.

use crate::config::value::{duration, duration_or_never};
use crate::core::measurement::MeasurementPolicy;
use chrono::TimeDelta;
use serde::Deserialize;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// The section `[measurements]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MeasurementsEntry {
    /// How long each sweep is kept; 3 days by default.
    #[serde(deserialize_with = "duration")]
    pub sweeps_for: Duration,
    /// How long each hour is kept; 90 days by default.
    #[serde(deserialize_with = "duration")]
    pub hours_for: Duration,
    /// A ticket is opened if a limit is reached within this time; 7 days by default. `None` opens none.
    #[serde(deserialize_with = "duration_or_never")]
    pub warn_within: Option<Duration>,
}

impl Default for MeasurementsEntry {
    fn default() -> Self {
        Self { sweeps_for: 3 * DAY, hours_for: 90 * DAY, warn_within: Some(7 * DAY) }
    }
}

impl MeasurementsEntry {
    /// The same as the engine uses it. What is too long for a date was refused before.
    pub fn policy(&self) -> MeasurementPolicy {
        let delta = |length: Duration| TimeDelta::from_std(length).unwrap_or(TimeDelta::MAX);
        MeasurementPolicy {
            sweeps_for: delta(self.sweeps_for),
            hours_for: delta(self.hours_for),
            warn_within: self.warn_within.map(delta),
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
