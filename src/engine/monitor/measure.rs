//! What sweeps measure: it is kept for a while, summed up, and looked at for what it runs to.

use crate::core::ids::SystemName;
use crate::core::measurement::capacity::{Summary, summary};
use crate::core::measurement::forecast::LOOK_BACK;
use crate::core::measurement::{Point, SeriesName, series_of};
use crate::core::playbook::Library;
use crate::core::playbook::inventory::System;
use crate::core::playbook::series::{Limit, SeriesSpec};
use crate::engine::context::Context;
use crate::engine::publish::forecast_ticket::{Outlook, tell};
use crate::ports::{Grain, JournalError, MeasurementQuery, Store, points_of};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::BTreeMap;
use std::time::Duration;

/// How often the past is looked at; by one replica.
const REVIEW_EVERY: Duration = Duration::from_secs(3600);

/// More rows than any period holds that is asked for.
const ROWS: u32 = 50_000;

/// One series of a system, with its points.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesPoints {
    /// Its name.
    pub name: SeriesName,
    /// What the playbook says about it; the default where the playbook keeps it no more.
    pub spec: SeriesSpec,
    /// Where trouble begins on this system.
    pub limit: Option<Limit>,
    /// In order of time, at least one.
    pub points: Vec<Point>,
}

/// The series of a system between two moments, by name. Series without a measurement in that time are left out.
///
/// # Errors
/// The journal cannot be used.
pub async fn series_points(
    (journal, library): (&dyn Store, &Library),
    system: &System,
    grain: Grain,
    [from, until]: [DateTime<Utc>; 2],
) -> Result<Vec<SeriesPoints>, JournalError> {
    let system_type = library.systems.get(&system.system_type);
    let specs = system_type.map(series_of).unwrap_or_default();
    let params = system_type.map(|it| it.params(&system.params)).unwrap_or_default();
    let query = MeasurementQuery { system: system.name.clone(), grain, from, until, limit: ROWS };
    let points = points_of(journal.measurements(&query).await?);
    Ok(points.into_iter().map(|(name, points)| with_spec(name, points, &specs, &params)).collect())
}

fn with_spec(
    name: SeriesName,
    points: Vec<Point>,
    specs: &BTreeMap<SeriesName, &SeriesSpec>,
    params: &BTreeMap<String, serde_json::Value>,
) -> SeriesPoints {
    let spec = specs.get(&name).map(|spec| (*spec).clone()).unwrap_or_default();
    let limit = spec.limit(params);
    SeriesPoints { name, spec, limit, points }
}

/// The series of a system, summed up over the hours from a moment until now.
///
/// # Errors
/// The journal cannot be used.
pub async fn summaries(
    from: (&dyn Store, &Library),
    system: &System,
    [since, now]: [DateTime<Utc>; 2],
) -> Result<Vec<(SeriesPoints, Summary)>, JournalError> {
    let series = series_points(from, system, Grain::Hour, [since, now + TimeDelta::hours(1)]).await?;
    let summed = series.into_iter().filter_map(|series| {
        let summary = summary(&series.points, &series.spec, series.limit, now)?;
        Some((series, summary))
    });
    Ok(summed.collect())
}

/// Removes what is kept long enough, and opens or updates tickets about limits that will be reached. It does so once an
/// hour, whoever calls it. A failure is logged: the sweep that it belongs to has done its work.
pub(crate) async fn review(context: &Context) {
    if let Err(error) = review_once(context).await {
        tracing::warn!(%error, "the measurements could not be reviewed; the next sweep tries again in an hour");
    }
}

async fn review_once(context: &Context) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let now = context.clock.now();
    if !context.journal.try_once_every("review measurements", now, REVIEW_EVERY).await? {
        return Ok(());
    }
    let policy = &context.measurements;
    context.journal.purge_measurements(now - policy.sweeps_for, now - policy.hours_for).await?;
    let Some(within) = policy.warn_within else { return Ok(()) };
    let mut outlooks: Vec<(SystemName, Vec<Outlook>)> = Vec::new();
    for system in context.inventory.systems.values() {
        let from: (&dyn Store, &Library) = (&*context.journal, &context.library);
        let summed = summaries(from, system, [now - LOOK_BACK, now]).await?;
        let outlooks_here = summed.into_iter().filter_map(|(series, summary)| {
            let limit = series.limit?;
            Some(Outlook {
                series: series.name,
                unit: series.spec.unit,
                limit,
                points: series.points,
                summary,
            })
        });
        outlooks.push((system.name.clone(), outlooks_here.collect()));
    }
    tell(context, &outlooks, within).await?;
    Ok(())
}
