//! Rhythms: when something that is done again and again is due.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use croner::Cron;
use std::fmt;
use std::time::Duration;

/// Nothing is repeated more often than this.
pub const SHORTEST: Duration = Duration::from_secs(1);

/// When something is due.
#[derive(Debug, Clone, PartialEq)]
pub enum Schedule {
    /// So long after the last time.
    Interval(Duration),
    /// At every moment of a cron expression, as clocks in a zone show it.
    Cron {
        /// The cron expression, such as `0 6 * * *`.
        cron: Box<Cron>,
        /// The time zone of the expression.
        zone: Tz,
    },
}

/// Why a text is no rhythm.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// The text, and what the cron parser says of it.
    #[error("`{0}` is neither a time, such as 15m, nor a cron expression, such as `0 6 * * *`: {1}")]
    Neither(String, String),
    /// The name, which the IANA time zone database does not have.
    #[error("there is no time zone `{0}`; write one like Europe/Zurich")]
    Zone(String),
    /// It is less than [`SHORTEST`].
    #[error("it is shorter than {SHORTEST:?}: that would do nothing else")]
    TooShort,
}

impl Schedule {
    /// Reads `15m`, or a cron expression, which goes by the clocks of a zone.
    ///
    /// # Errors
    /// [`ScheduleError`] if it is neither, too short, or the zone is unknown.
    pub fn parse(text: &str, zone: &str) -> Result<Self, ScheduleError> {
        if let Ok(every) = humantime::parse_duration(text) {
            return if every < SHORTEST {
                Err(ScheduleError::TooShort)
            } else {
                Ok(Schedule::Interval(every))
            };
        }
        let zone = zone.parse().map_err(|_| ScheduleError::Zone(zone.to_owned()))?;
        let cron: Cron =
            text.parse().map_err(|error| ScheduleError::Neither(text.to_owned(), format!("{error}")))?;
        Ok(Schedule::Cron { cron: Box::new(cron), zone })
    }

    /// When it is due, having been done last at a moment; a moment in the past was missed. What was never
    /// done is due at once, or at the first moment of its expression. `None`: never again.
    pub fn due(&self, last: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        // One that lies in the future was noted under a wrong clock.
        let last = last.filter(|last| *last <= now);
        match self {
            Schedule::Interval(every) => {
                let every = TimeDelta::from_std(*every).unwrap_or(TimeDelta::MAX);
                last.map_or(Some(now), |last| last.checked_add_signed(every))
            }
            Schedule::Cron { cron, zone } => {
                let after = last.unwrap_or(now).with_timezone(zone);
                let next = cron.find_next_occurrence(&after, last.is_none()).ok()?;
                Some(next.with_timezone(&Utc))
            }
        }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Schedule::Interval(every) => write!(f, "every {}", humantime::format_duration(*every)),
            Schedule::Cron { cron, zone } => write!(f, "`{}` ({zone})", cron.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn when_something_is_due() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        for (rhythm, last, now, due) in [
            ("15m", None, "2026-01-09T12:00:00Z", Some("2026-01-09T12:00:00Z")),
            ("15m", Some("2026-01-09T11:50:00Z"), "2026-01-09T12:00:00Z", Some("2026-01-09T12:05:00Z")),
            ("15m", Some("2026-01-08T11:50:00Z"), "2026-01-09T12:00:00Z", Some("2026-01-08T12:05:00Z")),
            // Noted under a wrong clock.
            ("15m", Some("2027-01-01T00:00:00Z"), "2026-01-09T12:00:00Z", Some("2026-01-09T12:00:00Z")),
            // Six in the morning in Zurich: in winter 05:00 UTC, in summer 04:00 UTC.
            ("0 6 * * *", None, "2026-01-09T04:59:00Z", Some("2026-01-09T05:00:00Z")),
            ("0 6 * * *", None, "2026-01-09T05:00:00Z", Some("2026-01-09T05:00:00Z")),
            ("0 6 * * *", Some("2026-01-09T05:00:00Z"), "2026-01-09T05:00:10Z", Some("2026-01-10T05:00:00Z")),
            ("0 6 * * *", Some("2026-07-09T04:00:00Z"), "2026-07-09T12:00:00Z", Some("2026-07-10T04:00:00Z")),
            // Missed: the first of those that were.
            ("0 6 * * *", Some("2026-01-06T05:00:00Z"), "2026-01-09T12:00:00Z", Some("2026-01-07T05:00:00Z")),
            // The hour that the clock leaves out, once a year.
            (
                "30 2 * * *",
                Some("2026-03-28T12:00:00Z"),
                "2026-03-29T00:30:00Z",
                Some("2026-03-29T01:00:00Z"),
            ),
        ] {
            let rhythm = Schedule::parse(rhythm, "Europe/Zurich").unwrap();
            assert_eq!(rhythm.due(last.map(at), at(now)), due.map(at), "{rhythm}, {last:?}, {now}");
        }
    }

    #[test]
    fn what_is_no_rhythm() {
        for (text, zone, expect) in [
            ("often", "UTC", "neither a time"),
            ("", "UTC", "neither a time"),
            ("61 * * * *", "UTC", "neither a time"),
            ("0s", "UTC", "shorter"),
            ("0 6 * * *", "Zurich", "no time zone"),
        ] {
            let error = Schedule::parse(text, zone).unwrap_err().to_string();
            assert!(error.contains(expect), "{text}: {error}");
        }
        assert_eq!(Schedule::parse("15m", "Zurich"), Ok(Schedule::Interval(Duration::from_secs(900))));
    }
}
