//! Quiet hours: a time of the day without notices, as clocks in a zone show it.

use chrono::{DateTime, LocalResult, NaiveTime, TimeDelta, TimeZone, Timelike, Utc};
use chrono_tz::Tz;
use std::fmt;

/// From one time of the day up to another, which may be on the next day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuietHours {
    from: NaiveTime,
    until: NaiveTime,
    zone: Tz,
}

/// Why a text names no quiet hours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuietError {
    /// The text.
    #[error("`{0}` is no time of quiet; write it like `22:00-07:00` or `22:00-07:00 Europe/Berlin`")]
    Form(String),
    /// The name, which the IANA time zone database does not have.
    #[error("there is no time zone `{0}`; write one like Europe/Berlin")]
    Zone(String),
    /// It begins when it ends.
    #[error("`{0}` would be the whole day; leave the channel out instead")]
    WholeDay(String),
}

/// A clock leaves out less than that when it is set, in steps of a quarter of an hour.
const LONGEST_GAP: i32 = 4 * 24;

impl QuietHours {
    /// Reads `22:00-07:00 Europe/Berlin`. Without a zone, `zone` holds.
    ///
    /// # Errors
    /// [`QuietError`].
    pub fn parse(text: &str, zone: &str) -> Result<Self, QuietError> {
        let form = || QuietError::Form(text.to_owned());
        let mut words = text.split_whitespace();
        let hours = words.next().ok_or_else(form)?;
        let zone = words.next().unwrap_or(zone);
        if words.next().is_some() {
            return Err(form());
        }
        let (from, until) = hours.split_once('-').ok_or_else(form)?;
        let time = |text: &str| NaiveTime::parse_from_str(text, "%H:%M").map_err(|_| form());
        let (from, until) = (time(from)?, time(until)?);
        if from == until {
            return Err(QuietError::WholeDay(text.to_owned()));
        }
        let zone = zone.parse().map_err(|_| QuietError::Zone(zone.to_owned()))?;
        Ok(Self { from, until, zone })
    }

    /// When the quiet ends that holds at a moment; `None` if none holds. It is later than `now`.
    pub fn end(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let local = now.with_timezone(&self.zone);
        let time = local.time();
        let is_over_midnight = self.from > self.until;
        let is_quiet = match is_over_midnight {
            true => time >= self.from || time < self.until,
            false => time >= self.from && time < self.until,
        };
        if !is_quiet {
            return None;
        }
        let is_tomorrow = is_over_midnight && time >= self.from;
        let day = if is_tomorrow { local.date_naive().succ_opt()? } else { local.date_naive() };
        // The clock may leave the time out, or show it twice.
        for quarter in 0..LONGEST_GAP {
            let wall = day.and_time(self.until) + TimeDelta::minutes(15) * quarter;
            let shown = self.zone.from_local_datetime(&wall);
            let ends = match shown {
                LocalResult::None => continue,
                LocalResult::Single(at) => [Some(at), None],
                LocalResult::Ambiguous(first, second) => [Some(first), Some(second)],
            };
            if let Some(end) = ends.into_iter().flatten().map(|at| at.to_utc()).find(|at| *at > now) {
                return Some(end);
            }
        }
        None
    }
}

impl fmt::Display for QuietHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, until) = (self.from, self.until);
        write!(
            f,
            "{:02}:{:02}-{:02}:{:02} {}",
            from.hour(),
            from.minute(),
            until.hour(),
            until.minute(),
            self.zone
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quiet_holds_over_midnight_and_when_clocks_are_set() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        for (quiet, now, end) in [
            // Winter: 22:00 in Berlin is 21:00 UTC.
            ("22:00-07:00 Europe/Berlin", "2026-01-09T20:59:59Z", None),
            ("22:00-07:00 Europe/Berlin", "2026-01-09T21:00:00Z", Some("2026-01-10T06:00:00Z")),
            ("22:00-07:00 Europe/Berlin", "2026-01-09T23:30:00Z", Some("2026-01-10T06:00:00Z")),
            ("22:00-07:00 Europe/Berlin", "2026-01-10T05:59:59Z", Some("2026-01-10T06:00:00Z")),
            ("22:00-07:00 Europe/Berlin", "2026-01-10T06:00:00Z", None),
            // Summer.
            ("22:00-07:00 Europe/Berlin", "2026-07-09T20:00:00Z", Some("2026-07-10T05:00:00Z")),
            // The night in which an hour is left out, and the one in which an hour comes twice.
            ("22:00-07:00 Europe/Berlin", "2026-03-28T22:00:00Z", Some("2026-03-29T05:00:00Z")),
            ("22:00-07:00 Europe/Berlin", "2026-10-24T21:00:00Z", Some("2026-10-25T06:00:00Z")),
            // It ends at a time that the clock leaves out: when the clock goes on.
            ("22:00-02:30 Europe/Berlin", "2026-03-28T23:00:00Z", Some("2026-03-29T01:00:00Z")),
            // It ends at a time that comes twice: at the first, and once more at the second.
            ("22:00-02:30 Europe/Berlin", "2026-10-24T22:00:00Z", Some("2026-10-25T00:30:00Z")),
            ("22:00-02:30 Europe/Berlin", "2026-10-25T00:45:00Z", None),
            ("22:00-02:30 Europe/Berlin", "2026-10-25T01:10:00Z", Some("2026-10-25T01:30:00Z")),
            // Within one day, in the zone of the section and in one far from it.
            ("12:00-13:00", "2026-01-09T12:30:00Z", Some("2026-01-09T13:00:00Z")),
            ("12:00-13:00", "2026-01-09T13:00:00Z", None),
            ("22:00-07:00 Pacific/Auckland", "2026-01-09T09:00:00Z", Some("2026-01-09T18:00:00Z")),
        ] {
            let hours = QuietHours::parse(quiet, "UTC").unwrap();
            assert_eq!(hours.end(at(now)), end.map(at), "{quiet}, {now}");
        }
    }

    #[test]
    fn what_is_no_quiet() {
        for (text, expect) in [
            ("", "no time of quiet"),
            ("22:00", "no time of quiet"),
            ("22-7", "no time of quiet"),
            ("24:30-07:00", "no time of quiet"),
            ("22:00-07:00 Europe/Berlin and more", "no time of quiet"),
            ("22:00-07:00 Berlin", "no time zone"),
            ("07:00-07:00", "whole day"),
        ] {
            let error = QuietHours::parse(text, "UTC").unwrap_err().to_string();
            assert!(error.contains(expect), "{text}: {error}");
        }
        let hours = QuietHours::parse("22:00-07:00", "Europe/Berlin").unwrap();
        assert_eq!(hours.to_string(), "22:00-07:00 Europe/Berlin");
    }
}
