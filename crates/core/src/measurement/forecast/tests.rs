//! Forecasts of made-up pasts: what is linear is found, and what is not says nothing.

use super::*;
use crate::measurement::Measured;
use crate::playbook::series::Side;
use proptest::prelude::*;

fn now() -> DateTime<Utc> {
    "2026-03-15T12:00:00Z".parse().unwrap()
}

const DISK: Limit = Limit { value: 90.0, side: Side::Above };

/// Hourly points, the last one now. `None` is a gap.
fn hourly(hours: usize, value: impl Fn(f64) -> Option<f64>) -> Vec<Point> {
    let point = |back: usize| {
        let ahead = -(back as f64) / 24.0;
        let at = now() - TimeDelta::hours(back as i64);
        value(ahead).map(|value| Point { at, value: Measured::one(value) })
    };
    (0..hours).rev().filter_map(point).collect()
}

/// Noise that is the same in each run, between -1 and 1, one number for each hour.
fn noise(seed: u64, ahead: f64) -> f64 {
    let hour = (ahead * 24.0).round().abs() as u64;
    let mut x = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ hour.wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x ^= x >> 31;
    x = x.wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^= x >> 29;
    (x >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
}

fn days_ahead(at: DateTime<Utc>) -> f64 {
    days(at - now())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A line with noise is found within a tolerance, and the truth lies within what is named as uncertain.
    #[test]
    fn a_line_is_found(ahead in 1.0..20.0_f64, per_day in 0.5..6.0_f64, hours in 72..336_usize, seed: u64) {
        let rise = per_day * hours as f64 / 24.0;
        let points = hourly(hours, |at| Some(90.0 - per_day * ahead + per_day * at + noise(seed, at) * rise / 40.0));
        let found = forecast(&points, DISK, now()).unwrap();
        let off = (days_ahead(found.reaches) - ahead).abs();
        prop_assert!(off < 0.1 * ahead + 0.1 * hours as f64 / 24.0, "{ahead} {found:?}");
        prop_assert!((found.per_day - per_day).abs() < 0.1 * per_day, "{found:?}");
        prop_assert!(found.earliest <= found.reaches && found.latest.is_none_or(|latest| found.reaches <= latest));
        prop_assert!(days_ahead(found.earliest) <= ahead + 0.05);
        prop_assert!(found.latest.is_none_or(|latest| ahead <= days_ahead(latest) + 0.05));
    }

    /// Noise around a level says nothing, whatever the level, the noise and the hours.
    #[test]
    fn noise_says_nothing(level in 10.0..80.0_f64, size in 0.1..9.0_f64, hours in 12..336_usize, seed: u64) {
        let points = hourly(hours, |at| Some(level + noise(seed, at) * size));
        prop_assert!(forecast(&points, DISK, now()).is_err());
    }

    /// What falls, or stands still, runs to no upper limit.
    #[test]
    fn what_falls_says_nothing(per_day in 0.0..6.0_f64, hours in 12..336_usize, seed: u64) {
        let points = hourly(hours, |at| Some(60.0 - per_day * at + noise(seed, at) * 0.1));
        prop_assert!(forecast(&points, DISK, now()).is_err());
    }

    /// No past makes it fail.
    #[test]
    fn no_past_breaks_it(values in proptest::collection::vec((-400_i64..400, -1e15..1e15_f64), 0..400), limit in -1e15..1e15_f64) {
        let mut points: Vec<Point> = values
            .iter()
            .map(|(hours, value)| Point { at: now() + TimeDelta::hours(*hours), value: Measured::one(*value) })
            .collect();
        points.sort_by_key(|point| point.at);
        for side in [Side::Above, Side::Below] {
            let _ = forecast(&points, Limit { value: limit, side }, now());
        }
    }
}

#[test]
fn a_few_wild_points_and_small_gaps_do_not_move_it() {
    let line = |at: f64| 84.0 + at;
    let points = hourly(200, |at| match (at * 24.0).round() as i64 {
        hour if hour % 17 == 0 => None,
        hour if hour % 23 == 0 => Some(5.0),
        _ => Some(line(at)),
    });
    let found = forecast(&points, DISK, now()).unwrap();
    assert!((days_ahead(found.reaches) - 6.0).abs() < 0.3, "{found:?}");
}

#[test]
fn whole_percents_are_a_line_too() {
    let points = hourly(300, |at| Some((84.0 + at).floor()));
    let found = forecast(&points, DISK, now()).unwrap();
    assert!((days_ahead(found.reaches) - 6.0).abs() < 1.0, "{found:?}");
}

#[test]
fn what_began_lately_is_seen_in_a_short_past() {
    let points = hourly(336, |at| Some(if at < -3.5 { 60.0 } else { 60.0 + (at + 3.5) * 5.0 }));
    let found = forecast(&points, DISK, now()).unwrap();
    assert!((found.per_day - 5.0).abs() < 0.5, "{found:?}");
    assert!(now() - found.since <= TimeDelta::days(3));
}

#[test]
fn where_small_numbers_are_trouble_it_runs_down() {
    let floor = Limit { value: 14.0, side: Side::Below };
    let points = hourly(300, |at| Some(20.0 - at));
    let found = forecast(&points, floor, now()).unwrap();
    assert!((days_ahead(found.reaches) - 6.0).abs() < 0.1 && (found.per_day + 1.0).abs() < 0.01, "{found:?}");
    assert!((found.level - 20.0).abs() < 0.1);
    let rising = hourly(300, |at| Some(20.0 + at));
    assert_eq!(forecast(&rising, floor, now()), Err(NoForecast::NoTrend));
}

#[test]
fn what_is_not_supported_is_not_said() {
    let line = |at: f64| Some(84.0 + at);
    assert_eq!(forecast(&[], DISK, now()), Err(NoForecast::TooFew));
    assert_eq!(forecast(&hourly(40, line), DISK, now()), Err(NoForecast::TooFew), "less than two days");
    let hole = hourly(300, |at| if (-9.0..-1.0).contains(&at) { None } else { line(at) });
    assert!(forecast(&hole, DISK, now()).is_err(), "more than a quarter is missing");
    let old = hourly(300, |at| if at > -1.0 { None } else { line(at) });
    assert_eq!(forecast(&old, DISK, now()), Err(NoForecast::Stale));
    assert_eq!(forecast(&hourly(300, |at| Some(95.0 + at)), DISK, now()), Err(NoForecast::Reached));
    assert_eq!(forecast(&hourly(300, |at| Some(30.0 + at / 10.0)), DISK, now()), Err(NoForecast::TooFar));
    // A log that is rotated each day, and a disk that was filled once and stays so.
    assert!(forecast(&hourly(300, |at| Some(70.0 + 10.0 * (at - at.floor()))), DISK, now()).is_err());
    assert!(forecast(&hourly(300, |at| Some(if at < -6.0 { 60.0 } else { 80.0 })), DISK, now()).is_err());
    // A rise that has ended, short of the limit.
    assert!(forecast(&hourly(300, |at| Some(60.0 + 5.0 * (at + 9.0).clamp(0.0, 5.0))), DISK, now()).is_err());
}
