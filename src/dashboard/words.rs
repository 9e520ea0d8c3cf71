//! Moments, durations and single words, as pages show them.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::Serialize;

/// A moment, in the forms that a page needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Moment {
    /// RFC 3339, for `<time datetime>`.
    pub iso: String,
    /// `14:03`, or `14:03, 24 Dec` if it is of another day, in UTC.
    pub clock: String,
    /// `2026-12-24 14:03:05 UTC`.
    pub full: String,
    /// How far it was or will be from the moment of the page: `3 min ago`, `in 2 h`.
    pub distance: String,
}

/// A moment as a page of `now` shows it.
pub(super) fn moment(at: DateTime<Utc>, now: DateTime<Utc>) -> Moment {
    let form = match at.date_naive() == now.date_naive() {
        true => "%H:%M",
        false if (at - now).abs() < TimeDelta::days(300) => "%H:%M, %-d %b",
        false => "%-d %b %Y",
    };
    Moment {
        iso: at.to_rfc3339_opts(SecondsFormat::Millis, true),
        clock: at.format(form).to_string(),
        full: at.format("%Y-%m-%d %H:%M:%S UTC").to_string(),
        distance: distance(at, now),
    }
}

/// A moment of a case that was opened at another one: to the second, since much happens within a minute.
pub(super) fn instant(at: DateTime<Utc>, opened: DateTime<Utc>, now: DateTime<Utc>) -> Moment {
    let form = if at.date_naive() == opened.date_naive() { "%H:%M:%S" } else { "%-d %b %H:%M" };
    Moment { clock: at.format(form).to_string(), ..moment(at, now) }
}

fn distance(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let length = rough((at - now).abs());
    match at > now {
        true => format!("in {length}"),
        false if length == "0 s" => "now".to_owned(),
        false => format!("{length} ago"),
    }
}

/// A length in its largest unit.
fn rough(length: TimeDelta) -> String {
    let seconds = length.num_seconds();
    match seconds {
        ..60 => format!("{seconds} s"),
        60..5400 => format!("{} min", seconds / 60),
        5400..129_600 => format!("{} h", (seconds + 1800) / 3600),
        _ => format!("{} days", (seconds + 43_200) / 86_400),
    }
}

/// A length, to a tenth of what people care about: `120 ms`, `4.2 s`, `3 min 12 s`, `2 h 5 min`, `3 d 4 h`.
pub(super) fn length(length: TimeDelta) -> String {
    let millis = length.num_milliseconds().max(0);
    let seconds = millis / 1000;
    let pair = |large: i64, unit: &str, small: i64, part: &str| match small {
        0 => format!("{large} {unit}"),
        _ => format!("{large} {unit} {small} {part}"),
    };
    match seconds {
        0 => format!("{millis} ms"),
        1..60 if millis % 1000 == 0 => format!("{seconds} s"),
        1..60 => format!("{}.{} s", seconds, millis % 1000 / 100),
        60..3600 => pair(seconds / 60, "min", seconds % 60, "s"),
        3600..86_400 => pair(seconds / 3600, "h", seconds % 3600 / 60, "min"),
        _ => pair(seconds / 86_400, "d", seconds % 86_400 / 3600, "h"),
    }
}

/// An address that a page may link to: that of a web page.
pub(super) fn web_address(url: &str) -> Option<String> {
    let leads_out = url.starts_with("https://") || url.starts_with("http://");
    leads_out.then(|| url.to_owned())
}

/// The look of an outcome: `good`, `calm`, `hand` or `off`.
pub(super) fn tone(outcome: &str) -> &'static str {
    match outcome {
        "resolved" | "confirmed" | "answered" => "good",
        "escalated" => "hand",
        "working" | "partial" => "calm",
        _ => "off",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_moments_are_short() {
        for (millis, expect) in [
            (0, "0 ms"),
            (999, "999 ms"),
            (4_250, "4.2 s"),
            (10_000, "10 s"),
            (59_999, "59.9 s"),
            (192_000, "3 min 12 s"),
            (180_000, "3 min"),
            (7_500_000, "2 h 5 min"),
            (273_600_000, "3 d 4 h"),
            (-5, "0 ms"),
        ] {
            assert_eq!(length(TimeDelta::milliseconds(millis)), expect);
        }
        let now: DateTime<Utc> = "2026-12-24T14:00:00Z".parse().unwrap();
        for (at, clock, distance) in [
            ("2026-12-24T14:00:00Z", "14:00", "now"),
            ("2026-12-24T13:57:00Z", "13:57", "3 min ago"),
            ("2026-12-24T16:00:00Z", "16:00", "in 2 h"),
            ("2026-12-22T16:00:00Z", "16:00, 22 Dec", "2 days ago"),
            ("2025-01-02T16:00:00Z", "2 Jan 2025", "721 days ago"),
        ] {
            let shown = moment(at.parse().unwrap(), now);
            assert_eq!((shown.clock.as_str(), shown.distance.as_str()), (clock, distance), "{at}");
        }
    }
}
