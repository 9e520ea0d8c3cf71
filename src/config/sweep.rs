//! `[sweep]`, `[escalation]` and `[confirmation]`: scheduled checks, and how people are asked and reminded.

use crate::config::value::{duration, duration_or_never};
use crate::core::policy::confirmation::{ConfirmationPolicy, OnSilence};
use crate::core::policy::schedule::{Schedule, ScheduleError};
use crate::library::schema::{DurationOrNever, DurationText};
use schemars::JsonSchema;
use serde::Deserialize;
use std::time::Duration;

/// The section `[sweep]`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EscalationEntry {
    /// When people are reminded of an escalated ticket that nobody has taken; 4 hours by default. `never`
    /// reminds nobody.
    #[serde(deserialize_with = "duration_or_never")]
    #[schemars(with = "DurationOrNever")]
    pub remind_after: Option<Duration>,
    /// Whether the reporter is asked for details before a person is called to a system that looks healthy; true by
    /// default. Whoever writes that it is urgent, or that nobody can work, is not asked.
    pub ask_first: bool,
    /// How long those details are waited for; 2 hours by default.
    #[serde(deserialize_with = "duration")]
    #[schemars(with = "DurationText")]
    pub ask_wait: Duration,
}

/// The section `[confirmation]`: what follows if the words of a ticket do not clearly ask for what was fixed.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ConfirmationEntry {
    /// When the reporter is reminded, once; a day by default.
    #[serde(deserialize_with = "duration")]
    #[schemars(with = "DurationText")]
    pub remind_after: Duration,
    /// How long an answer is waited for; three days by default.
    #[serde(deserialize_with = "duration")]
    #[schemars(with = "DurationText")]
    pub wait: Duration,
    /// What follows without an answer: `close` by default.
    pub silence: OnSilence,
}

impl Default for ConfirmationEntry {
    fn default() -> Self {
        let ConfirmationPolicy { remind_after, wait, on_silence, .. } = ConfirmationPolicy::default();
        Self { remind_after, wait, silence: on_silence }
    }
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
        let ConfirmationPolicy { ask_first, details_wait, .. } = ConfirmationPolicy::default();
        Self { remind_after: Some(Duration::from_secs(4 * 3600)), ask_first, ask_wait: details_wait }
    }
}
