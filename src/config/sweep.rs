//! `[sweep]` and `[escalation]`: scheduled checks and reminders.

use crate::config::value::duration_or_never;
use crate::core::policy::schedule::{Schedule, ScheduleError};
use serde::Deserialize;
use std::time::Duration;

/// The section `[sweep]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SweepEntry {
    /// How often to look for missed tickets: an interval or a cron expression; `5m` by default.
    pub tickets: String,
    /// How often to probe every system: an interval or a cron expression; `15m` by default.
    pub systems: String,
    /// The time zone of cron expressions; `UTC` by default.
    pub timezone: String,
}

/// The section `[escalation]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EscalationEntry {
    /// When people are reminded of an escalated ticket that nobody has taken; 4 hours by default. `None`
    /// never reminds.
    #[serde(deserialize_with = "duration_or_never")]
    pub remind_after: Option<Duration>,
}

impl Default for SweepEntry {
    fn default() -> Self {
        Self { tickets: "5m".into(), systems: "15m".into(), timezone: "UTC".into() }
    }
}

impl SweepEntry {
    /// # Errors
    /// [`ScheduleError`] if the key cannot be parsed.
    pub fn tickets(&self) -> Result<Schedule, ScheduleError> {
        Schedule::parse(&self.tickets, &self.timezone)
    }

    /// # Errors
    /// [`ScheduleError`] if the key cannot be parsed.
    pub fn systems(&self) -> Result<Schedule, ScheduleError> {
        Schedule::parse(&self.systems, &self.timezone)
    }

    pub(super) fn problems(&self) -> Vec<String> {
        let keys = [("tickets", self.tickets()), ("systems", self.systems())];
        let problem = |(key, schedule): (&str, Result<Schedule, ScheduleError>)| {
            schedule.err().map(|error| format!("[sweep] {key}: {error}"))
        };
        keys.into_iter().filter_map(problem).collect()
    }
}

impl Default for EscalationEntry {
    fn default() -> Self {
        Self { remind_after: Some(Duration::from_secs(4 * 3600)) }
    }
}
