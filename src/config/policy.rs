//! `[policy]` and `[groups]`: what the agent may do, as the file says it.

use crate::config::{duration, optional_duration};
use crate::core::ids::{HostName, PlaybookName};
use crate::core::policy::change_freeze::{ChangeFreeze, Window};
use crate::core::policy::limits::{Breaker, Limits};
use crate::core::policy::permit::{Mode, Policy, Risk};
use chrono::{DateTime, Utc};
use croner::Cron;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PolicyEntry {
    pub mode: Option<Mode>,
    pub max_risk: Option<Risk>,
    #[serde(deserialize_with = "optional_duration")]
    pub soak: Option<Duration>,
    pub max_remediations: Option<usize>,
    pub max_changes: Option<usize>,
    #[serde(deserialize_with = "optional_duration")]
    pub approval_timeout: Option<Duration>,
    /// Logins that may approve and pause, whatever `[roles]` says.
    pub approvers: Vec<String>,
    /// Playbook to mode.
    pub playbooks: BTreeMap<PlaybookName, Mode>,
    pub limits: LimitsEntry,
    pub change_freeze: Vec<ChangeFreezeEntry>,
}

/// What is missing has its default, [`Budgets::default`].
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsEntry {
    #[serde(deserialize_with = "optional_duration")]
    pub cooldown: Option<Duration>,
    pub failure_breaker: Option<BreakerEntry>,
    pub recurrence_breaker: Option<BreakerEntry>,
    pub max_remediations_per_hour: Option<usize>,
    pub max_changes_per_hour: Option<usize>,
    #[serde(deserialize_with = "optional_duration")]
    pub max_wait: Option<Duration>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BreakerEntry {
    pub threshold: usize,
    #[serde(deserialize_with = "duration")]
    pub open_for: Duration,
}

/// A time in which nothing is changed: `from` and `until`, or `begins` and `lasts`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeFreezeEntry {
    pub reason: String,
    #[serde(default)]
    pub from: Option<DateTime<Utc>>,
    #[serde(default)]
    pub until: Option<DateTime<Utc>>,
    /// A cron expression.
    #[serde(default)]
    pub starts: Option<String>,
    #[serde(default, deserialize_with = "optional_duration")]
    pub duration: Option<Duration>,
    /// Of the cron expression; UTC where it is missing.
    #[serde(default)]
    pub timezone: Option<String>,
}

/// Hosts of which only a share is changed within a time.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupEntry {
    pub hosts: BTreeSet<HostName>,
    /// In percent; one host may always be changed.
    pub max_percent: u8,
    #[serde(deserialize_with = "duration")]
    pub window: Duration,
}

impl PolicyEntry {
    pub(super) fn read(&self) -> Policy {
        let default = Policy::default();
        Policy {
            mode: self.mode.unwrap_or(Mode::Observe),
            playbook_modes: self.playbooks.clone(),
            max_risk: self.max_risk.unwrap_or(default.max_risk),
            soak: self.soak.unwrap_or(default.soak),
            max_remediations: self.max_remediations.unwrap_or(default.max_remediations),
            max_changes: self.max_changes.unwrap_or(default.max_changes),
            approval_timeout: self.approval_timeout.unwrap_or(default.approval_timeout),
            limits: self.limits.read(),
            // They were read before, when the configuration was checked.
            change_freezes: self.change_freeze.iter().filter_map(|freeze| freeze.read().ok()).collect(),
            publishes: true,
        }
    }
}

impl LimitsEntry {
    fn read(&self) -> Limits {
        let default = Limits::default();
        let breaker = |entry: &Option<BreakerEntry>, default| {
            entry.as_ref().map_or(default, |BreakerEntry { threshold: count, open_for: pause }| Breaker {
                threshold: *count,
                open_for: *pause,
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
    pub(super) fn read(&self) -> Result<ChangeFreeze, String> {
        let when = match (self.from, self.until, &self.starts, self.duration) {
            (Some(from), Some(until), None, None) if from < until => Window::Once { from, until },
            (Some(_), Some(_), None, None) => return Err("it ends before it begins".into()),
            (None, None, Some(begins), Some(lasts)) => {
                let begins: Cron =
                    begins.parse().map_err(|error| format!("begins is not a cron expression: {error}"))?;
                let zone = self.timezone.as_deref().unwrap_or("UTC");
                let zone = zone
                    .parse()
                    .map_err(|_| format!("there is no time zone `{zone}`; write one like Europe/Zurich"))?;
                Window::Recurring { begins: Box::new(begins), zone, lasts }
            }
            _ => return Err("it needs either from and until, or begins and lasts".into()),
        };
        Ok(ChangeFreeze { window: when, reason: self.reason.clone() })
    }
}
