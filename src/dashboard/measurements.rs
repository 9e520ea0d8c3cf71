//! The page *Measurements*: the series of one system, each as a plot with a table, and what they run to.

use crate::core::ids::SystemName;
use crate::core::measurement::capacity::{Advice, Summary};
use crate::core::measurement::forecast::{LOOK_BACK, NoForecast};
use crate::core::playbook::Library;
use crate::core::playbook::inventory::System;
use crate::core::playbook::series::Side;
use crate::core::text::format::{format_minute, number};
use crate::dashboard::board::Dashboard;
use crate::dashboard::plot::{Plot, PlotRow, plot, rows};
use crate::dashboard::words::{Moment, moment};
use crate::engine::{SeriesPoints, series_points, summaries};
use crate::ports::{Grain, JournalError, Store};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

/// The periods that can be shown: the word of a query, its name, its length, and how fine its measurements are.
const PERIODS: [(&str, &str, TimeDelta, Grain); 4] = [
    ("day", "1 day", TimeDelta::days(1), Grain::Sweep),
    ("week", "7 days", TimeDelta::days(7), Grain::Hour),
    ("month", "30 days", TimeDelta::days(30), Grain::Hour),
    ("quarter", "90 days", TimeDelta::days(90), Grain::Hour),
];

/// The period that is shown first.
const FIRST: usize = 1;

/// Everything that the page shows.
#[derive(Debug, Clone, Serialize)]
pub struct MeasurementsPage {
    /// The systems that have a series, or all if none has.
    systems: Vec<String>,
    /// The one that is shown.
    system: Option<String>,
    /// The word and the name of each period, and whether it is shown.
    periods: Vec<(&'static str, &'static str, bool)>,
    series: Vec<SeriesView>,
}

/// One series.
#[derive(Debug, Clone, Serialize)]
struct SeriesView {
    name: String,
    unit: String,
    newest: String,
    /// When that was.
    at: Option<Moment>,
    limit: Option<String>,
    /// Large numbers are trouble.
    is_above: bool,
    is_exceeded: bool,
    p95: String,
    worst: String,
    advice: Advice,
    forecast: Option<ForecastView>,
    /// Why there is no forecast: `too_few`, `stale`, `reached`, `no_trend`, `too_far`; empty without a limit.
    why: &'static str,
    plot: Plot,
    rows: Vec<PlotRow>,
}

#[derive(Debug, Clone, Serialize)]
struct ForecastView {
    at: Moment,
    earliest: String,
    latest: Option<String>,
    per_day: String,
}

impl Dashboard {
    /// The page of a system; of the first one if none is named, or one that is not managed.
    ///
    /// # Errors
    /// The journal cannot be used.
    pub async fn measurements_page(
        &self,
        system: &str,
        period: &str,
    ) -> Result<MeasurementsPage, JournalError> {
        let now = self.now();
        let systems = &self.context.inventory.systems;
        let named = SystemName::new(system).ok().and_then(|name| systems.get(&name));
        let shown = named.or_else(|| systems.values().next());
        let index = PERIODS.iter().position(|(word, ..)| *word == period).unwrap_or(FIRST);
        let series = match (shown, PERIODS.get(index)) {
            (Some(system), Some((_, _, length, grain))) => self.series(system, *length, *grain, now).await?,
            _ => Vec::new(),
        };
        Ok(MeasurementsPage {
            systems: systems.keys().map(ToString::to_string).collect(),
            system: shown.map(|system| system.name.to_string()),
            periods: PERIODS
                .iter()
                .enumerate()
                .map(|(at, (word, name, ..))| (*word, *name, at == index))
                .collect(),
            series,
        })
    }

    async fn series(
        &self,
        system: &System,
        length: TimeDelta,
        grain: Grain,
        now: DateTime<Utc>,
    ) -> Result<Vec<SeriesView>, JournalError> {
        let period = [now - length, now + TimeDelta::minutes(1)];
        let from: (&dyn Store, &Library) = (&*self.context.journal, &self.context.library);
        let shown = series_points(from, system, grain, period).await?;
        let summed = summaries(from, system, [now - LOOK_BACK, now]).await?;
        let view = |series: SeriesPoints| {
            let summary =
                summed.iter().find(|(other, _)| other.name == series.name).map(|(_, summary)| summary);
            series_view(&series, summary, period, now)
        };
        Ok(shown.into_iter().map(view).collect())
    }
}

fn series_view(
    series: &SeriesPoints,
    summary: Option<&Summary>,
    period: [DateTime<Utc>; 2],
    now: DateTime<Utc>,
) -> SeriesView {
    let newest = series.points.last();
    let value = newest.map(|point| point.value.mean);
    let forecast = summary.map(|summary| summary.forecast);
    let ahead = forecast.and_then(Result::ok);
    let text = |of: fn(&Summary) -> f64| summary.map_or_else(String::new, |summary| number(of(summary)));
    SeriesView {
        name: series.name.to_string(),
        unit: series.spec.unit.clone(),
        newest: value.map(number).unwrap_or_default(),
        at: newest.map(|point| moment(point.at, now)),
        limit: series.limit.map(|limit| number(limit.value)),
        is_above: series.limit.is_none_or(|limit| limit.side == Side::Above),
        is_exceeded: series.limit.zip(value).is_some_and(|(limit, value)| limit.is_exceeded_by(value)),
        p95: text(|summary| summary.p95),
        worst: text(|summary| summary.worst),
        advice: summary.map_or(Advice::Unknown, |summary| summary.advice),
        forecast: ahead.map(|forecast| ForecastView {
            at: moment(forecast.reaches, now),
            earliest: format_minute(forecast.earliest),
            latest: forecast.latest.map(format_minute),
            per_day: number(forecast.per_day),
        }),
        why: match (series.limit, forecast) {
            (None, _) | (_, Some(Ok(_))) => "",
            (_, None | Some(Err(NoForecast::TooFew))) => "too_few",
            (_, Some(Err(NoForecast::Stale))) => "stale",
            (_, Some(Err(NoForecast::Reached))) => "reached",
            (_, Some(Err(NoForecast::NoTrend))) => "no_trend",
            (_, Some(Err(NoForecast::TooFar))) => "too_far",
        },
        plot: plot(&series.points, series.limit, ahead.as_ref(), period, now),
        rows: rows(&series.points),
    }
}
