//! One series as a picture: lines in the coordinates of an SVG, and the same numbers as rows of a table.

use crate::core::measurement::forecast::Forecast;
use crate::core::measurement::{Measured, Point};
use crate::core::playbook::series::Limit;
use crate::core::text::format::number;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use std::fmt::Write as _;

/// The size of a picture, and what is left free around it for numbers.
const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 150.0;
const LEFT: f64 = 46.0;
const RIGHT: f64 = 8.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 24.0;

/// A picture has no more points than it has room for.
const MOST_POINTS: usize = 240;

/// A table has no more rows than somebody reads.
const MOST_ROWS: usize = 48;

/// Points that are so many times as far apart as most are have a gap between them.
const GAP: i32 = 3;

/// A limit is shown if it is no farther away than so many times what the numbers span.
const LIMIT_IN_REACH: f64 = 3.0;

/// A picture.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Plot {
    pub width: f64,
    pub height: f64,
    /// The line of the means, as the `d` of a path; it has a piece for each stretch without a gap.
    pub line: String,
    /// The area between the smallest and the largest numbers.
    pub band: String,
    /// The height of the limit, if it is in reach.
    pub limit: Option<f64>,
    /// The trend that a forecast rests on, until now: two points.
    pub trend: Option<[f64; 4]>,
    /// Heights with their numbers.
    pub ticks: Vec<(f64, String)>,
    /// Places with their moments, and where their text is anchored.
    pub moments: Vec<(f64, String, &'static str)>,
    /// Where the picture's numbers begin and end.
    pub left: f64,
    pub right: f64,
    pub bottom: f64,
}

/// A row of the table beside a picture.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct PlotRow {
    pub at: String,
    pub min: String,
    pub mean: String,
    pub max: String,
}

/// The picture of points in a period.
pub(super) fn plot(
    points: &[Point],
    limit: Option<Limit>,
    forecast: Option<&Forecast>,
    [from, until]: [DateTime<Utc>; 2],
    now: DateTime<Utc>,
) -> Plot {
    let points = taken_together(points, MOST_POINTS);
    let (low, high) = range(&points, limit);
    let span = (until - from).num_seconds().max(1) as f64;
    let x = |at: DateTime<Utc>| LEFT + (at - from).num_seconds() as f64 / span * (WIDTH - LEFT - RIGHT);
    let y = |value: f64| HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM);
    let (mut line, mut band) = (String::new(), String::new());
    for piece in pieces(&points).into_iter().filter(|piece| !piece.is_empty()) {
        draw(&mut line, piece.iter().map(|point| (x(point.at), y(point.value.mean))));
        if let [only] = piece {
            // A point by itself would not be seen.
            let _ = write!(line, "L{:.1} {:.1}", x(only.at) + 1.5, y(only.value.mean));
        }
        let above = piece.iter().map(|point| (x(point.at), y(point.value.max)));
        let below = piece.iter().rev().map(|point| (x(point.at), y(point.value.min)));
        draw(&mut band, above.chain(below));
        band.push('Z');
    }
    let is_shown = |limit: &Limit| (low..=high).contains(&limit.value);
    let trend = forecast.map(|forecast| {
        let days = (forecast.since.max(from) - now).num_seconds() as f64 / 86_400.0;
        let start = forecast.level + forecast.per_day * days;
        let clamped = |value: f64| y(value.clamp(low, high));
        [x(forecast.since.max(from)), clamped(start), x(now), clamped(forecast.level)]
    });
    let ticks = [low, (low + high) / 2.0, high].map(|value| (round(y(value)), number(value)));
    let middle = from + (until - from) / 2;
    let form = if until - from <= TimeDelta::days(2) { "%H:%M" } else { "%-d %b" };
    let text = |at: DateTime<Utc>| at.format(form).to_string();
    Plot {
        width: WIDTH,
        height: HEIGHT,
        line,
        band,
        limit: limit.filter(is_shown).map(|limit| round(y(limit.value))),
        trend: trend.map(|ends| ends.map(round)),
        ticks: ticks.to_vec(),
        moments: vec![
            (LEFT, text(from), "start"),
            (round(x(middle)), text(middle), "middle"),
            (WIDTH - RIGHT, text(until), "end"),
        ],
        left: LEFT,
        right: WIDTH - RIGHT,
        bottom: HEIGHT - BOTTOM,
    }
}

/// Adds a stroke through these places to a path.
fn draw(path: &mut String, places: impl Iterator<Item = (f64, f64)>) {
    for (index, (x, y)) in places.enumerate() {
        let _ = write!(path, "{}{x:.1} {y:.1}", if index == 0 { 'M' } else { 'L' });
    }
}

/// The same points as a table, the newest first.
pub(super) fn rows(points: &[Point]) -> Vec<PlotRow> {
    let row = |point: &Point| PlotRow {
        at: point.at.format("%Y-%m-%d %H:%M").to_string(),
        min: number(point.value.min),
        mean: number(point.value.mean),
        max: number(point.value.max),
    };
    taken_together(points, MOST_ROWS).iter().rev().map(row).collect()
}

/// The lowest and the highest number that a picture shows. They differ.
fn range(points: &[Point], limit: Option<Limit>) -> (f64, f64) {
    let low = points.iter().map(|point| point.value.min).fold(f64::INFINITY, f64::min);
    let high = points.iter().map(|point| point.value.max).fold(f64::NEG_INFINITY, f64::max);
    if low > high {
        return (0.0, 1.0);
    }
    // Near zero, zero is where it begins.
    let low = if low >= 0.0 && low < high / 2.0 { 0.0 } else { low };
    let reach = (high - low).max(high.abs() * 0.1) * LIMIT_IN_REACH;
    let (low, high) = match limit {
        Some(Limit { value, .. }) if value > high && value - high <= reach => (low, value),
        Some(Limit { value, .. }) if value < low && low - value <= reach => (value, high),
        _ => (low, high),
    };
    let room = ((high - low) * 0.06).max(high.abs() * 0.01).max(0.01);
    (if low == 0.0 { 0.0 } else { low - room }, high + room)
}

/// Stretches without a gap: an unknown value is none.
fn pieces(points: &[Point]) -> Vec<&[Point]> {
    let mut steps: Vec<TimeDelta> =
        points.iter().zip(points.iter().skip(1)).map(|(one, next)| next.at - one.at).collect();
    steps.sort();
    let Some(usual) = steps.get(steps.len() / 2).copied() else { return vec![points] };
    points.chunk_by(|one, next| next.at - one.at <= usual * GAP).collect()
}

/// Neighbours taken together until there are no more than so many.
fn taken_together(points: &[Point], most: usize) -> Vec<Point> {
    let size = points.len().div_ceil(most).max(1);
    let together = |chunk: &[Point]| {
        let first = chunk.first()?;
        let count: u64 = chunk.iter().map(|point| point.value.count).sum();
        let total: f64 = chunk.iter().map(|point| point.value.mean * point.value.count as f64).sum();
        Some(Point {
            at: first.at,
            value: Measured {
                count,
                min: chunk.iter().map(|point| point.value.min).fold(f64::INFINITY, f64::min),
                max: chunk.iter().map(|point| point.value.max).fold(f64::NEG_INFINITY, f64::max),
                mean: total / count.max(1) as f64,
            },
        })
    };
    points.chunks(size).filter_map(together).collect()
}

fn round(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::playbook::series::Side;

    fn at(hour: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::hours(hour)
    }

    fn points(hours: impl IntoIterator<Item = i64>, value: impl Fn(i64) -> f64) -> Vec<Point> {
        hours.into_iter().map(|hour| Point { at: at(hour), value: Measured::one(value(hour)) }).collect()
    }

    fn drawn(points: &[Point], limit: Option<Limit>) -> Plot {
        plot(points, limit, None, [at(0), at(100)], at(100))
    }

    #[test]
    fn an_unknown_value_is_a_gap_and_no_line() {
        let whole = drawn(&points(0..100, |_| 5.0), None);
        assert_eq!(whole.line.matches('M').count(), 1);
        let torn = drawn(&points((0..40).chain(60..100), |_| 5.0), None);
        assert_eq!(torn.line.matches('M').count(), 2);
        assert_eq!(drawn(&[], None).line, "");
        assert!(drawn(&points([50], |_| 5.0), None).line.contains('L'), "one point is seen");
    }

    #[test]
    fn everything_lies_within_the_picture() {
        let limit = Limit { value: 90.0, side: Side::Above };
        for value in [0.0, 1.0, 55.0, 89.0, 99.0, -40.0, 1e12] {
            let plot = drawn(&points(0..100, |hour| value + (hour % 7) as f64), Some(limit));
            let numbers = plot.line.split(['M', 'L', ' ']).filter_map(|text| text.parse::<f64>().ok());
            for number in numbers.chain(plot.limit) {
                assert!((0.0..=WIDTH).contains(&number), "{number} of {value}");
            }
        }
        assert!(drawn(&points(0..100, |_| 80.0), Some(limit)).limit.is_some());
        assert_eq!(drawn(&points(0..100, |_| 1.0), Some(limit)).limit, None, "too far away to be shown");
    }

    #[test]
    fn a_long_past_is_taken_together() {
        let long = points(0..2000, |hour| hour as f64);
        let few = taken_together(&long, 240);
        assert!(few.len() <= 240);
        assert_eq!(few[0].value, Measured { count: 9, min: 0.0, max: 8.0, mean: 4.0 });
        let table = rows(&long);
        assert!(table.len() <= 48 && table[0].max == "1999", "{:?}", table[0]);
    }
}
