//! What days of measurements say about whether there is enough of something.

use crate::measurement::Point;
use crate::measurement::forecast::{Forecast, NoForecast, forecast};
use crate::playbook::series::{Limit, SeriesSpec, Side};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

/// Fewer hours with a measurement decide nothing.
const FEWEST_HOURS: usize = 48;

/// That there is more than enough is said only after so long.
const BEFORE_LESS: TimeDelta = TimeDelta::days(13);

/// A limit that is reached within this time is soon.
const SOON: TimeDelta = TimeDelta::days(30);

/// Below this share of where it is worth a look, the worst of all hours is far from it.
const FAR: f64 = 0.5;

/// What is recommended about one series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Advice {
    /// No limit says what would be too much.
    NoLimit,
    /// There are too few measurements.
    Unknown,
    /// There is more than enough of it: it may be scaled down.
    Less,
    /// It is enough.
    Keep,
    /// At times it is not: find out why, and tune.
    Look,
    /// It will not be enough soon: plan for more.
    Plan,
    /// It is not enough: more is needed, or less work.
    More,
}

/// Days of one series.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// How many hours have a measurement.
    pub hours: usize,
    /// From the first of them to the last, in hours.
    pub span_hours: i64,
    /// The mean of all hours.
    pub mean: f64,
    /// Nineteen of twenty hours stayed within this: the largest number of each hour, or the smallest if small numbers
    /// are trouble.
    pub p95: f64,
    /// The worst number of all.
    pub worst: f64,
    /// The mean of the newest hour.
    pub newest: f64,
    /// In so many hours the mean was beyond the limit.
    pub hours_beyond: usize,
    /// When it reaches its limit, or why that cannot be said.
    pub forecast: Result<Forecast, NoForecast>,
    /// What is recommended.
    pub advice: Advice,
}

/// Sums up the hours of a series, which are in order of time. `None`: there are none.
pub fn summary(
    points: &[Point],
    spec: &SeriesSpec,
    limit: Option<Limit>,
    now: DateTime<Utc>,
) -> Option<Summary> {
    let (first, last) = (points.first()?, points.last()?);
    let side = limit.map_or(Side::Above, |limit| limit.side);
    let worst_of = |point: &Point| match side {
        Side::Above => point.value.max,
        Side::Below => -point.value.min,
    };
    let mut worst: Vec<f64> = points.iter().map(worst_of).collect();
    worst.sort_by(f64::total_cmp);
    let rank = (worst.len() as f64 * 0.95).ceil() as usize;
    let p95 = side.turned(*worst.get(rank.saturating_sub(1))?);
    let beyond = |limit: Limit| points.iter().filter(|point| limit.is_exceeded_by(point.value.mean)).count();
    let mut summary = Summary {
        hours: points.len(),
        span_hours: (last.at - first.at).num_hours() + 1,
        mean: points.iter().map(|point| point.value.mean).sum::<f64>() / points.len() as f64,
        p95,
        worst: side.turned(*worst.last()?),
        newest: last.value.mean,
        hours_beyond: limit.map_or(0, beyond),
        forecast: limit.map_or(Err(NoForecast::NoTrend), |limit| forecast(points, limit, now)),
        advice: Advice::NoLimit,
    };
    if let Some(limit) = limit {
        summary.advice = summary.judged(limit, spec.watch, now);
    }
    Some(summary)
}

impl Summary {
    fn judged(&self, limit: Limit, watch: Option<f64>, now: DateTime<Utc>) -> Advice {
        if self.hours < FEWEST_HOURS {
            return Advice::Unknown;
        }
        let watched = Limit { value: watch.unwrap_or(limit.value), side: limit.side };
        let is_soon = self.forecast.is_ok_and(|forecast| forecast.reaches - now <= SOON);
        let is_far = match limit.side {
            Side::Above => self.worst < watched.value * FAR,
            Side::Below => self.worst > watched.value / FAR,
        };
        if limit.is_exceeded_by(self.p95) {
            Advice::More
        } else if is_soon {
            Advice::Plan
        } else if self.hours_beyond > 0 || watched.is_exceeded_by(self.p95) {
            Advice::Look
        } else if watch.is_some() && is_far && self.span_hours >= BEFORE_LESS.num_hours() {
            Advice::Less
        } else {
            Advice::Keep
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measurement::Measured;

    fn queue(length: usize, of_hour: impl Fn(usize) -> f64) -> Vec<Point> {
        let begin: DateTime<Utc> = "2026-03-01T00:00:00Z".parse().unwrap();
        let point = |hour: usize| Point {
            at: begin + TimeDelta::hours(hour as i64),
            value: Measured::one(of_hour(hour)),
        };
        (0..length).map(point).collect()
    }

    fn advice(points: &[Point]) -> Advice {
        let limit = Limit { value: 10.0, side: Side::Above };
        let spec = SeriesSpec { watch: Some(5.0), ..SeriesSpec::default() };
        let now = points.last().unwrap().at;
        summary(points, &spec, Some(limit), now).unwrap().advice
    }

    /// The table of a queue: under 5 is good, 5 to 10 is worth a look, over 10 is too much.
    #[test]
    fn a_queue_is_judged_by_its_worst_hours() {
        let two_weeks = 14 * 24;
        assert_eq!(advice(&queue(two_weeks, |_| 1.0)), Advice::Less);
        assert_eq!(advice(&queue(40, |_| 20.0)), Advice::Unknown);
        assert_eq!(advice(&queue(4 * 24, |_| 1.0)), Advice::Keep, "for less, days are too few");
        assert_eq!(advice(&queue(two_weeks, |hour| if hour % 24 == 9 { 4.0 } else { 1.0 })), Advice::Keep);
        assert_eq!(advice(&queue(two_weeks, |hour| if hour % 12 == 9 { 7.0 } else { 1.0 })), Advice::Look);
        assert_eq!(advice(&queue(two_weeks, |hour| if hour == 99 { 12.0 } else { 1.0 })), Advice::Look);
        assert_eq!(advice(&queue(two_weeks, |hour| if hour % 12 == 9 { 12.0 } else { 1.0 })), Advice::More);
        assert_eq!(advice(&queue(two_weeks, |hour| 1.0 + hour as f64 / 100.0)), Advice::Plan);
    }

    #[test]
    fn where_small_numbers_are_trouble_the_smallest_count() {
        let floor = Limit { value: 14.0, side: Side::Below };
        let points = queue(72, |hour| if hour % 10 == 0 { 13.0 } else { 80.0 });
        let spec = SeriesSpec::default();
        let found = summary(&points, &spec, Some(floor), points.last().unwrap().at).unwrap();
        assert_eq!((found.worst, found.p95, found.advice), (13.0, 13.0, Advice::More));
        let without = summary(&points, &spec, None, points.last().unwrap().at).unwrap();
        assert_eq!((without.worst, without.advice), (80.0, Advice::NoLimit));
        assert_eq!(summary(&[], &spec, None, DateTime::UNIX_EPOCH), None);
    }
}
