//! `[policy]`: what Fieldmedic may do.

use crate::config::value::{duration, optional_duration};
use crate::core::chatops::access::Person;
use crate::core::ids::PlaybookName;
use crate::core::policy::change_freeze::{ChangeFreeze, Window};
use crate::core::policy::confirmation::ConfirmationPolicy;
use crate::core::policy::limits::{Breaker, Limits};
use crate::core::policy::permit::{Mode, Policy, Risk};
use crate::library::schema::DurationText;
use chrono::{DateTime, Utc};
use croner::Cron;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// The section `[policy]`. A missing key has the default of [`Policy`].
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PolicyEntry {
    /// `observe` by default.
    pub mode: Option<Mode>,
    /// A riskier fix needs approval.
    pub max_risk: Option<Risk>,
    /// How long a fault must stay gone before it counts as fixed.
    #[serde(deserialize_with = "optional_duration")]
    #[schemars(with = "Option<DurationText>")]
    pub soak: Option<Duration>,
    /// For one ticket.
    pub max_remediations: Option<usize>,
    /// For one ticket.
    pub max_changes: Option<usize>,
    /// How long a plan waits for approval.
    #[serde(deserialize_with = "optional_duration")]
    #[schemars(with = "Option<DurationText>")]
    pub approval_timeout: Option<Duration>,
    /// Who ordered a change cannot approve it.
    pub four_eyes: Option<bool>,
    /// People who may approve and pause, in addition to `[roles]`.
    pub approvers: Vec<Person>,
    /// The mode of single playbooks; the strictest mode applies.
    pub playbooks: BTreeMap<PlaybookName, Mode>,
    /// The section `[policy.limits]`.
    pub limits: LimitsEntry,
    /// The sections `[[policy.change_freeze]]`; none by default.
    pub change_freeze: Vec<ChangeFreezeEntry>,
}

/// The section `[policy.limits]`, over all tickets. A missing key has the default of [`Limits`].
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsEntry {
    /// Between two runs of one playbook on one host.
    #[serde(deserialize_with = "optional_duration")]
    #[schemars(with = "Option<DurationText>")]
    pub cooldown: Option<Duration>,
    /// Stops a playbook after so many failures in a row.
    pub failure_breaker: Option<BreakerEntry>,
    /// Stops a playbook after so many fixes in a day that did not last.
    pub recurrence_breaker: Option<BreakerEntry>,
    /// On one host.
    pub max_remediations_per_hour: Option<usize>,
    /// On one host.
    pub max_changes_per_hour: Option<usize>,
    /// A fix that would have to wait longer is escalated.
    #[serde(deserialize_with = "optional_duration")]
    #[schemars(with = "Option<DurationText>")]
    pub max_wait: Option<Duration>,
}

/// A circuit breaker.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BreakerEntry {
    /// How many events open it.
    pub threshold: usize,
    /// How long it stays open.
    #[serde(deserialize_with = "duration")]
    #[schemars(with = "DurationText")]
    pub open_for: Duration,
}

/// A time without changes: `from` and `until`, or `starts` and `duration`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeFreezeEntry {
    /// What people read.
    pub reason: String,
    /// When a single freeze begins; it comes with `until`.
    #[serde(default)]
    pub from: Option<DateTime<Utc>>,
    /// When a single freeze ends, after `from`.
    #[serde(default)]
    pub until: Option<DateTime<Utc>>,
    /// When it starts each time: a cron expression.
    #[serde(default)]
    pub starts: Option<String>,
    /// How long a recurring freeze lasts each time; it comes with `starts`.
    #[serde(default, deserialize_with = "optional_duration")]
    #[schemars(with = "Option<DurationText>")]
    pub duration: Option<Duration>,
    /// Of the cron expression; UTC by default.
    #[serde(default)]
    pub timezone: Option<String>,
}

impl PolicyEntry {
    /// Every problem that the file alone shows.
    pub(super) fn problems(&self) -> Vec<String> {
        let problem = |freeze: &ChangeFreezeEntry| {
            let error = freeze.change_freeze().err()?;
            Some(format!("[[policy.change_freeze]] \"{}\": {error}", freeze.reason))
        };
        self.change_freeze.iter().filter_map(problem).collect()
    }

    pub(super) fn policy(&self) -> Policy {
        let default = Policy::default();
        Policy {
            mode: self.mode.unwrap_or(Mode::Observe),
            playbook_modes: self.playbooks.clone(),
            max_risk: self.max_risk.unwrap_or(default.max_risk),
            soak: self.soak.unwrap_or(default.soak),
            max_remediations: self.max_remediations.unwrap_or(default.max_remediations),
            max_changes: self.max_changes.unwrap_or(default.max_changes),
            approval_timeout: self.approval_timeout.unwrap_or(default.approval_timeout),
            four_eyes: self.four_eyes.unwrap_or(default.four_eyes),
            limits: self.limits.limits(),
            // The configuration was checked before, so none of them is dropped here.
            change_freezes: self
                .change_freeze
                .iter()
                .filter_map(|freeze| freeze.change_freeze().ok())
                .collect(),
            confirmation: ConfirmationPolicy::default(),
            publishes: true,
        }
    }
}

impl LimitsEntry {
    fn limits(&self) -> Limits {
        let default = Limits::default();
        let breaker = |entry: &Option<BreakerEntry>, default| {
            entry.as_ref().map_or(default, |BreakerEntry { threshold, open_for }| Breaker {
                threshold: *threshold,
                open_for: *open_for,
            })
        };
        Limits {
            cooldown: self.cooldown.unwrap_or(default.cooldown),
            failure_breaker: breaker(&self.failure_breaker, default.failure_breaker),
            recurrence_breaker: breaker(&self.recurrence_breaker, default.recurrence_breaker),
            max_remediations_per_hour: self
                .max_remediations_per_hour
                .unwrap_or(default.max_remediations_per_hour),
            max_changes_per_hour: self.max_changes_per_hour.unwrap_or(default.max_changes_per_hour),
            max_wait: self.max_wait.unwrap_or(default.max_wait),
        }
    }
}

impl ChangeFreezeEntry {
    fn change_freeze(&self) -> Result<ChangeFreeze, String> {
        let window = match (self.from, self.until, &self.starts, self.duration) {
            (Some(from), Some(until), None, None) if from < until => Window::Once { from, until },
            (Some(_), Some(_), None, None) => return Err("`until` is before `from`".into()),
            (None, None, Some(starts), Some(duration)) => {
                let begins: Cron =
                    starts.parse().map_err(|error| format!("`starts` is not a cron expression: {error}"))?;
                let zone = self.timezone.as_deref().unwrap_or("UTC");
                let zone = zone
                    .parse()
                    .map_err(|_| format!("there is no time zone `{zone}`; write one like Europe/Zurich"))?;
                Window::Recurring { begins: Box::new(begins), zone, lasts: duration }
            }
            _ => return Err("it needs either `from` and `until`, or `starts` and `duration`".into()),
        };
        Ok(ChangeFreeze { window, reason: self.reason.clone() })
    }
}
