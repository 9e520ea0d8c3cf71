//! [`Measurements`]: numbers that sweeps have read, kept over time.

use crate::journal::JournalError;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use fieldmedic_core::ids::SystemName;
use fieldmedic_core::measurement::{Measured, Point, SeriesName};
use std::collections::BTreeMap;

/// How many rows of measurements one call removes at most.
pub const MEASUREMENTS_PURGED_AT_ONCE: u32 = 20_000;

/// Measurements of systems: as sweeps have read them, and for each hour.
///
/// # Errors
/// Every method: [`JournalError::Unavailable`] if the store cannot be used, [`JournalError::Unreadable`] if
/// it holds what this program cannot read.
#[async_trait]
pub trait Measurements: Send + Sync {
    /// Keeps what a sweep has measured on one system, by itself and in its hour. Of two sweeps within a minute the
    /// later one is kept by itself. Nothing is written if nothing was measured.
    async fn keep_measurements(&self, measured: &SweepMeasurements) -> Result<(), JournalError>;

    /// What is kept of a system, in order of time. Rows that another version has written and this one cannot read are
    /// left out.
    async fn measurements(&self, query: &MeasurementQuery) -> Result<Vec<MeasurementRow>, JournalError>;

    /// Removes sweeps before one moment and hours before another, at most [`MEASUREMENTS_PURGED_AT_ONCE`] of each.
    /// Gives how many rows it has removed.
    async fn purge_measurements(
        &self,
        sweeps_before: DateTime<Utc>,
        hours_before: DateTime<Utc>,
    ) -> Result<u64, JournalError>;
}

/// What one sweep has measured on one system.
#[derive(Debug, Clone, PartialEq)]
pub struct SweepMeasurements {
    /// The system.
    pub system: SystemName,
    /// When its probes were begun.
    pub at: DateTime<Utc>,
    /// The numbers. A series whose value was unknown is not there.
    pub values: BTreeMap<SeriesName, f64>,
}

/// Which measurements are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeasurementQuery {
    /// The system.
    pub system: SystemName,
    /// Those of sweeps, or those of hours.
    pub grain: Grain,
    /// From this moment on.
    pub from: DateTime<Utc>,
    /// Before this moment.
    pub until: DateTime<Utc>,
    /// At most so many rows, the newest.
    pub limit: u32,
}

/// How fine measurements are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grain {
    /// One row for each minute with a sweep.
    Sweep,
    /// One row for each hour with a sweep.
    Hour,
}

/// All series of one system at one time.
#[derive(Debug, Clone, PartialEq)]
pub struct MeasurementRow {
    /// The minute or the hour that it begins with.
    pub at: DateTime<Utc>,
    /// What was measured. A series that is not there was unknown.
    pub values: BTreeMap<SeriesName, Measured>,
}

/// The points of each series in some rows.
pub fn points_of(rows: Vec<MeasurementRow>) -> BTreeMap<SeriesName, Vec<Point>> {
    let mut series: BTreeMap<SeriesName, Vec<Point>> = BTreeMap::new();
    for row in rows {
        for (name, value) in row.values {
            series.entry(name).or_default().push(Point { at: row.at, value });
        }
    }
    series
}
