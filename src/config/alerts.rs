//! `[alerts.*]`: monitors that send alerts.

use crate::core::ids::{AlertSourceName, SystemName};
use crate::core::ticket::alert::AlertFormat;
use schemars::JsonSchema;
use serde::Deserialize;

/// One source of alerts. It sends to `/alerts/<source>` on the address of `[webhook]`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AlertEntry {
    /// What it sends.
    pub format: AlertFormat,
    /// The environment variable with the secret.
    pub secret_env: String,
    /// The environment variable with the previous secret, until the monitor uses the new one.
    #[serde(default)]
    pub previous_secret_env: Option<String>,
    /// The system that all of its alerts are about; by default their labels say so.
    #[serde(default)]
    pub system: Option<SystemName>,
}

impl AlertEntry {
    /// Every problem of the entry; `systems` are those of the configuration.
    pub(super) fn problems<'a>(
        &self,
        name: &AlertSourceName,
        mut systems: impl Iterator<Item = &'a SystemName>,
    ) -> Vec<String> {
        let mut problems = Vec::new();
        if self.secret_env.trim().is_empty() {
            problems.push(format!(
                "[alerts.{name}] secret_env is empty: name the variable that holds the secret"
            ));
        }
        if let Some(system) = &self.system
            && !systems.any(|known| known == system)
        {
            problems.push(format!("[alerts.{name}] system: there is no [systems.{system}]"));
        }
        problems
    }

    /// The variables that hold its secrets.
    pub fn variables(&self) -> impl Iterator<Item = &String> {
        [Some(&self.secret_env), self.previous_secret_env.as_ref()].into_iter().flatten()
    }
}
