//! `[policy]` and `[groups]`: what the agent may do, as the file says it.

use super::{duration, optional_duration};
use crate::core::budget::{Breaker, Budgets};
use crate::core::freeze::{Freeze, Span};
use crate::core::name::{HostName, PlaybookName};
use crate::core::policy::{Mode, Policy, Risk};
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
    pub max_remedies: Option<usize>,
    pub max_changes: Option<usize>,
    #[serde(deserialize_with = "optional_duration")]
    pub patience: Option<Duration>,
    /// Logins that may approve and pause, whatever `[roles]` says.
    pub approvers: Vec<String>,
    /// Playbook to mode.
    pub playbooks: BTreeMap<PlaybookName, Mode>,
    pub budgets: BudgetsEntry,
    pub freeze: Vec<FreezeEntry>,
}

/// What is missing has its default, [`Budgets::default`].
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BudgetsEntry {
    #[serde(deserialize_with = "optional_duration")]
    pub cooldown: Option<Duration>,
    pub failures: Option<BreakerEntry>,
    pub recurrences: Option<BreakerEntry>,
    pub runs_an_hour: Option<usize>,
    pub changes_an_hour: Option<usize>,
    #[serde(deserialize_with = "optional_duration")]
    pub longest_wait: Option<Duration>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BreakerEntry {
    pub count: usize,
    #[serde(deserialize_with = "duration")]
    pub pause: Duration,
}

/// A time in which nothing is changed: `from` and `until`, or `begins` and `lasts`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FreezeEntry {
    pub why: String,
    #[serde(default)]
    pub from: Option<DateTime<Utc>>,
    #[serde(default)]
    pub until: Option<DateTime<Utc>>,
    /// A cron expression.
    #[serde(default)]
    pub begins: Option<String>,
    #[serde(default, deserialize_with = "optional_duration")]
    pub lasts: Option<Duration>,
    /// Of the cron expression; UTC where it is missing.
    #[serde(default)]
    pub zone: Option<String>,
}

/// Hosts of which only a share is changed within a time.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupEntry {
    pub hosts: BTreeSet<HostName>,
    /// In percent; one host may always be changed.
    pub share: u8,
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
            max_remedies: self.max_remedies.unwrap_or(default.max_remedies),
            max_changes: self.max_changes.unwrap_or(default.max_changes),
            patience: self.patience.unwrap_or(default.patience),
            budgets: self.budgets.read(),
            // They were read before, when the configuration was checked.
            freezes: self.freeze.iter().filter_map(|freeze| freeze.read().ok()).collect(),
            speaks: true,
        }
    }
}

impl BudgetsEntry {
    fn read(&self) -> Budgets {
        let default = Budgets::default();
        let breaker = |entry: &Option<BreakerEntry>, default| {
            entry
                .as_ref()
                .map_or(default, |BreakerEntry { count, pause }| Breaker { count: *count, pause: *pause })
        };
        Budgets {
            cooldown: self.cooldown.unwrap_or(default.cooldown),
            failures: breaker(&self.failures, default.failures),
            recurrences: breaker(&self.recurrences, default.recurrences),
            runs_an_hour: self.runs_an_hour.unwrap_or(default.runs_an_hour),
            changes_an_hour: self.changes_an_hour.unwrap_or(default.changes_an_hour),
            longest_wait: self.longest_wait.unwrap_or(default.longest_wait),
        }
    }
}

impl FreezeEntry {
    pub(super) fn read(&self) -> Result<Freeze, String> {
        let when = match (self.from, self.until, &self.begins, self.lasts) {
            (Some(from), Some(until), None, None) if from < until => Span::Once { from, until },
            (Some(_), Some(_), None, None) => return Err("it ends before it begins".into()),
            (None, None, Some(begins), Some(lasts)) => {
                let begins: Cron =
                    begins.parse().map_err(|error| format!("begins is not a cron expression: {error}"))?;
                let zone = self.zone.as_deref().unwrap_or("UTC");
                let zone = zone
                    .parse()
                    .map_err(|_| format!("there is no time zone `{zone}`; write one like Europe/Zurich"))?;
                Span::Again { begins: Box::new(begins), zone, lasts }
            }
            _ => return Err("it needs either from and until, or begins and lasts".into()),
        };
        Ok(Freeze { when, why: self.why.clone() })
    }
}
