//! Measurements: numbers that sweeps read, kept over time. What they run to, and what they say about capacity.
//!
//! - `forecast`: when a series reaches its limit, if its past supports a statement.
//! - `capacity`: what days of measurements say about whether there is enough of something.

pub mod capacity;
pub mod forecast;

use crate::diagnosis::evidence::Evidence;
use crate::ids::{FactName, ParamName, ProbeName};
use crate::playbook::SystemType;
use crate::playbook::series::SeriesSpec;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// Larger numbers are no measurements. It keeps sums of them exact enough.
const LARGEST: f64 = 1e15;

/// The name of a series: the fact whose values it holds, such as `disk.worst`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SeriesName {
    /// The probe.
    pub probe: ProbeName,
    /// Its fact.
    pub fact: FactName,
}

impl fmt::Display for SeriesName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.probe, self.fact)
    }
}

/// A text is no name of a series.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the name of a series: write probe.fact, such as disk.worst")]
pub struct SeriesNameError(pub String);

impl FromStr for SeriesName {
    type Err = SeriesNameError;

    fn from_str(text: &str) -> Result<Self, SeriesNameError> {
        let names = text.split_once('.');
        let names =
            names.and_then(|(probe, fact)| Some((ProbeName::new(probe).ok()?, FactName::new(fact).ok()?)));
        names.map(|(probe, fact)| Self { probe, fact }).ok_or_else(|| SeriesNameError(text.to_owned()))
    }
}

/// How long measurements are kept, and when people are warned of what they run to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MeasurementPolicy {
    /// How long every sweep is kept.
    pub sweeps_for: TimeDelta,
    /// How long every hour is kept.
    pub hours_for: TimeDelta,
    /// A ticket is opened if a series is expected to reach its limit within this time; `None` opens none.
    pub warn_within: Option<TimeDelta>,
}

impl Default for MeasurementPolicy {
    fn default() -> Self {
        Self {
            sweeps_for: TimeDelta::days(3),
            hours_for: TimeDelta::days(90),
            warn_within: Some(TimeDelta::days(7)),
        }
    }
}

/// What was measured in a stretch of time: one number, or many.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// How many numbers; at least 1.
    pub count: u64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
    /// Their mean.
    pub mean: f64,
}

impl Measured {
    /// One number.
    pub fn one(value: f64) -> Self {
        Self { count: 1, min: value, max: value, mean: value }
    }

    /// These numbers and one more.
    #[must_use]
    pub fn and(self, value: f64) -> Self {
        let count = self.count.saturating_add(1);
        let mean = self.mean + (value - self.mean) / count as f64;
        Self { count, min: self.min.min(value), max: self.max.max(value), mean }
    }
}

/// A point of one series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// When its stretch begins.
    pub at: DateTime<Utc>,
    /// What was measured in it.
    pub value: Measured,
}

/// The series of a system type, by name.
pub fn series_of(system_type: &SystemType) -> BTreeMap<SeriesName, &SeriesSpec> {
    let facts =
        system_type.probes.values().flat_map(|probe| probe.facts.iter().map(move |fact| (probe, fact)));
    facts
        .filter_map(|(probe, fact)| {
            let name = SeriesName { probe: probe.name.clone(), fact: fact.name.clone() };
            Some((name, fact.series.as_ref()?))
        })
        .collect()
}

/// What one look at a system with these parameters has measured. A fact that is unknown, or is no number, is left out:
/// nobody knows its value.
pub fn measured(
    system_type: &SystemType,
    params: &BTreeMap<ParamName, Value>,
    evidence: &Evidence,
) -> BTreeMap<SeriesName, f64> {
    let series = series_of(system_type);
    if series.is_empty() {
        return BTreeMap::new();
    }
    let scope = evidence.scope(&system_type.params(params));
    let known = |name: &SeriesName, spec: &SeriesSpec| {
        let value = evidence.facts.get(&name.probe)?.get(&name.fact)?.as_ref().ok()?.as_f64()?;
        let is_told = spec.only_if.as_ref().is_none_or(|only_if| only_if.truth(&scope).is_true());
        (is_told && value.abs() <= LARGEST).then_some(value)
    };
    series.into_iter().filter_map(|(name, spec)| known(&name, spec).map(|value| (name, value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_as_it_is_written() {
        let name: SeriesName = "disk.worst".parse().unwrap();
        assert_eq!(name.to_string(), "disk.worst");
        for text in ["disk", "disk.", ".worst", "disk.worst.more", "=cmd.x", "Disk.worst", ""] {
            assert!(text.parse::<SeriesName>().is_err(), "{text}");
        }
    }

    #[test]
    fn numbers_are_taken_together_one_after_the_other() {
        let all = Measured::one(4.0).and(8.0).and(3.0);
        assert_eq!(all, Measured { count: 3, min: 3.0, max: 8.0, mean: 5.0 });
    }
}
