//! When a series reaches its limit, if its past supports a statement.
//!
//! The trend is the median of the slopes between all pairs of points, which a few wild points do not move (H. Theil
//! 1950; P. K. Sen, *Estimates of the regression coefficient based on Kendall's tau*, JASA 63, 1968). The interval of
//! the slope is Sen's, from the variance of Kendall's statistic. Measurements of an hour resemble those of the hour
//! before, so the interval alone would say too much. That is why a trend counts only if it is also large beside what
//! scatters around it, and if the newer half of the points shows it by itself.

use crate::measurement::Point;
use crate::playbook::series::Limit;
use chrono::{DateTime, TimeDelta, Utc};

/// The pasts that are tried, the longest first: what began lately does not show in a long one.
const WINDOWS: [TimeDelta; 3] = [TimeDelta::days(14), TimeDelta::days(7), TimeDelta::days(3)];

/// How much of the past a forecast looks at.
pub const LOOK_BACK: TimeDelta = TimeDelta::days(14);

/// Fewer points say nothing.
const FEWEST: usize = 12;

/// So many of the newest points tell whether the limit is reached.
const NEWEST: usize = 3;

/// Points are taken together until there are no more than this: their pairs are counted.
const MOST: usize = 120;

/// Points that cover less time say nothing.
const SHORTEST: TimeDelta = TimeDelta::hours(44);

/// Older measurements say nothing about today.
const STALE: TimeDelta = TimeDelta::hours(12);

/// What lies farther ahead is not said.
const FARTHEST: TimeDelta = TimeDelta::days(365);

/// The rise over the window must be so many times what scatters around the trend.
const RISE_OVER_SCATTER: f64 = 6.0;

/// The slope of the newer half must be between this share of the whole slope and its inverse.
const HALF_AGREES: f64 = 0.5;

/// The quantile of the normal distribution for an interval of 99 %.
const Z: f64 = 2.576;

/// The median absolute deviation of normal noise times this is its standard deviation.
const MAD_TO_SIGMA: f64 = 1.4826;

/// When a series reaches its limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Forecast {
    /// Where the trend is now, in the unit of the series.
    pub level: f64,
    /// The change in a day.
    pub per_day: f64,
    /// When the trend reaches the limit.
    pub reaches: DateTime<Utc>,
    /// The soonest, by the steepest slope that the points allow.
    pub earliest: DateTime<Utc>,
    /// The latest, by the flattest; `None` if that is farther than a year ahead.
    pub latest: Option<DateTime<Utc>>,
    /// The first moment of the past that it rests on.
    pub since: DateTime<Utc>,
    /// How many points it rests on.
    pub points: usize,
}

/// Why nothing is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoForecast {
    /// There are too few points, they cover too little time, or a large part of it is missing.
    TooFew,
    /// The newest is too old.
    Stale,
    /// The limit is reached already.
    Reached,
    /// There is no trend, it leads away from the limit, or it is small beside what scatters around it.
    NoTrend,
    /// It is too far ahead.
    TooFar,
}

/// When a series reaches its limit. The points are in order of time; each counts with its mean.
///
/// # Errors
/// Why that cannot be said.
pub fn forecast(points: &[Point], limit: Limit, now: DateTime<Utc>) -> Result<Forecast, NoForecast> {
    let turned: Vec<(f64, f64)> = points
        .iter()
        .filter(|point| point.at <= now && now - point.at <= LOOK_BACK)
        .map(|point| (days(point.at - now), limit.side.turned(point.value.mean)))
        .collect();
    let mut refusal = NoForecast::TooFew;
    for window in WINDOWS {
        let from = turned.partition_point(|(at, _)| *at < -days(window));
        let within = turned.get(from..).unwrap_or_default();
        match trend(within, limit.side.turned(limit.value)) {
            Ok(trend) => return trend.forecast(limit, now, within),
            // A shorter past has the same end.
            Err(why @ (NoForecast::Stale | NoForecast::Reached)) => return Err(why),
            Err(NoForecast::TooFew) => {}
            Err(why) => refusal = why,
        }
    }
    Err(refusal)
}

/// A trend towards a limit; larger is worse. Times are in days from now.
struct Trend {
    slope: f64,
    flattest: f64,
    steepest: f64,
    /// Where it is now.
    level: f64,
    scatter: f64,
}

fn trend(points: &[(f64, f64)], limit: f64) -> Result<Trend, NoForecast> {
    let (Some((first, _)), Some((last, _))) = (points.first(), points.last()) else {
        return Err(NoForecast::TooFew);
    };
    let span = last - first;
    let widest = points.iter().zip(points.iter().skip(1)).map(|(a, b)| b.0 - a.0).fold(0.0, f64::max);
    if points.len() < FEWEST || span < days(SHORTEST) || widest > span / 4.0 {
        return Err(NoForecast::TooFew);
    }
    if -last > days(STALE) {
        return Err(NoForecast::Stale);
    }
    let newest = points.get(points.len() - NEWEST..).unwrap_or_default();
    if median(&sorted(newest.iter().map(|(_, value)| *value).collect())) >= Some(limit) {
        return Err(NoForecast::Reached);
    }
    let points = &taken_together(points);
    let slopes = slopes(points);
    let slope = median(&slopes).ok_or(NoForecast::TooFew)?;
    let (flattest, steepest) = interval(&slopes, points.len()).ok_or(NoForecast::TooFew)?;
    let level = median(&sorted(points.iter().map(|(at, value)| value - slope * at).collect()));
    let level = level.ok_or(NoForecast::TooFew)?;
    let off = points.iter().map(|(at, value)| (value - slope * at - level).abs()).collect();
    let scatter = MAD_TO_SIGMA * median(&sorted(off)).ok_or(NoForecast::TooFew)?;
    let newer = points.get(points.len() / 2..).unwrap_or_default();
    let newer = median(&self::slopes(newer)).ok_or(NoForecast::TooFew)?;
    let agrees = newer >= slope * HALF_AGREES && newer <= slope / HALF_AGREES;
    // A trend that says that it is reached, when it is not, is none.
    if level >= limit || flattest <= 0.0 || slope * span < RISE_OVER_SCATTER * scatter || !agrees {
        return Err(NoForecast::NoTrend);
    }
    Ok(Trend { slope, flattest, steepest, level, scatter })
}

impl Trend {
    fn forecast(&self, limit: Limit, now: DateTime<Utc>, of: &[(f64, f64)]) -> Result<Forecast, NoForecast> {
        let goal = limit.side.turned(limit.value);
        let when = |level: f64, slope: f64| {
            let ahead = ((goal - level) / slope).max(0.0);
            (ahead <= days(FARTHEST)).then(|| now + TimeDelta::seconds((ahead * 86_400.0) as i64))
        };
        let earliest = when(self.level + self.scatter, self.steepest).ok_or(NoForecast::TooFar)?;
        let (first, _) = of.first().copied().unwrap_or_default();
        Ok(Forecast {
            level: limit.side.turned(self.level),
            per_day: limit.side.turned(self.slope),
            reaches: when(self.level, self.slope).ok_or(NoForecast::TooFar)?,
            earliest,
            latest: when(self.level - self.scatter, self.flattest),
            since: now + TimeDelta::seconds((first * 86_400.0) as i64),
            points: of.len(),
        })
    }
}

fn days(length: TimeDelta) -> f64 {
    length.num_seconds() as f64 / 86_400.0
}

/// Neighbours as their median, so that no more than [`MOST`] are left.
fn taken_together(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let size = points.len().div_ceil(MOST).max(1);
    let middle =
        |chunk: &[(f64, f64)], of: fn(&(f64, f64)) -> f64| median(&sorted(chunk.iter().map(of).collect()));
    points
        .chunks(size)
        .filter_map(|chunk| Some((middle(chunk, |point| point.0)?, middle(chunk, |point| point.1)?)))
        .collect()
}

/// The slopes of all pairs, sorted.
fn slopes(points: &[(f64, f64)]) -> Vec<f64> {
    let pairs = points.iter().enumerate().flat_map(|(index, a)| {
        points.iter().skip(index + 1).filter(|b| b.0 > a.0).map(move |b| (b.1 - a.1) / (b.0 - a.0))
    });
    sorted(pairs.collect())
}

/// Sen's interval of the slope.
fn interval(slopes: &[f64], points: usize) -> Option<(f64, f64)> {
    let n = points as f64;
    let half = Z * (n * (n - 1.0) * (2.0 * n + 5.0) / 18.0).sqrt();
    let low = ((slopes.len() as f64 - half) / 2.0).floor();
    let high = ((slopes.len() as f64 + half) / 2.0).ceil();
    (low >= 1.0).then_some(())?;
    Some((*slopes.get(low as usize - 1)?, *slopes.get((high as usize).min(slopes.len() - 1))?))
}

fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values
}

fn median(sorted: &[f64]) -> Option<f64> {
    let upper = *sorted.get(sorted.len() / 2)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    Some((sorted.get(sorted.len() / 2 - 1)? + upper) / 2.0)
}

#[cfg(test)]
mod tests;
