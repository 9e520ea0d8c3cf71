//! Freezes: times in which nothing is changed, such as nights before a deadline.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use croner::Cron;
use croner::errors::CronError;
use std::time::Duration;

/// A time in which nothing is changed.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangeFreeze {
    /// When it is in force.
    pub window: Window,
    /// What people are told.
    pub reason: String,
}

/// When a freeze is in force.
#[derive(Debug, Clone, PartialEq)]
pub enum Window {
    /// Once, from and up to a moment.
    Once {
        /// Its first moment.
        from: DateTime<Utc>,
        /// The first moment after it.
        until: DateTime<Utc>,
    },
    /// Again and again: at every moment of a cron expression, as clocks in a zone show it, for so long.
    Recurring {
        /// When each freeze begins.
        begins: Box<Cron>,
        /// The time zone of `begins`.
        zone: Tz,
        /// How long each freeze lasts.
        lasts: Duration,
    },
}

/// Whether, and until when, something is frozen. What cannot be told is frozen.
const FAIL_CLOSED: chrono::TimeDelta = chrono::TimeDelta::hours(1);

impl ChangeFreeze {
    /// The end of the freeze that is in force; `None` if none is.
    pub fn until(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let until = match &self.window {
            Window::Once { from, until } => (*from <= now).then_some(*until)?,
            Window::Recurring { begins, zone, lasts } => {
                match begins.find_previous_occurrence(&now.with_timezone(zone), true) {
                    Ok(began) => began.with_timezone(&Utc) + *lasts,
                    // It has not begun yet, not once.
                    Err(CronError::TimeSearchLimitExceeded) => return None,
                    Err(_) => now + FAIL_CLOSED,
                }
            }
        };
        (until > now).then_some(until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_freeze_holds_from_its_beginning_to_its_end() {
        let night = Window::Recurring {
            begins: Box::new("0 22 * * FRI".parse().unwrap()),
            zone: "Europe/Zurich".parse().unwrap(),
            lasts: Duration::from_secs(10 * 3600),
        };
        let once = Window::Once {
            from: "2026-12-24T00:00:00Z".parse().unwrap(),
            until: "2027-01-02T00:00:00Z".parse().unwrap(),
        };
        for (span, now, until) in [
            // Winter: 22:00 in Zurich is 21:00 UTC.
            (&night, "2026-01-09T20:59:59Z", None),
            (&night, "2026-01-09T21:00:00Z", Some("2026-01-10T07:00:00Z")),
            (&night, "2026-01-10T06:59:59Z", Some("2026-01-10T07:00:00Z")),
            (&night, "2026-01-10T07:00:00Z", None),
            // Summer: 20:00 UTC.
            (&night, "2026-07-10T20:00:00Z", Some("2026-07-11T06:00:00Z")),
            (&once, "2026-12-23T23:59:59Z", None),
            (&once, "2026-12-24T00:00:00Z", Some("2027-01-02T00:00:00Z")),
            (&once, "2027-01-02T00:00:00Z", None),
        ] {
            let freeze = ChangeFreeze { window: span.clone(), reason: String::new() };
            let expect = until.map(|at| at.parse::<DateTime<Utc>>().unwrap());
            assert_eq!(freeze.until(now.parse().unwrap()), expect, "{now}");
        }
    }
}
