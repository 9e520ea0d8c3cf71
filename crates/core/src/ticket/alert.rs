//! Alerts: what a monitor says about something that it watches. Their text selects, like that of a ticket, and proves
//! nothing.

use crate::ids::{AlertSourceName, SystemName};
use crate::playbook::Library;
use crate::playbook::inventory::{Inventory, System};
use crate::text::redact::Redacted;
use crate::text::worded::worded_enum;
use crate::ticket::match_system::named_in;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;

/// The product whose deliveries a source of alerts sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AlertFormat {
    /// Prometheus' Alertmanager, and Grafana's unified alerting, which sends the same with more fields.
    Alertmanager,
    /// Uptime Kuma.
    UptimeKuma,
    /// Healthchecks, with the body that `docs/OPERATIONS.md` shows, or with `$JSON`.
    Healthchecks,
    /// Gatus' custom provider, with the body that `docs/OPERATIONS.md` shows.
    Gatus,
    /// Sentry's integration platform.
    Sentry,
    /// Anything that can send the fields of an alert by their own names.
    Generic,
}

worded_enum! {
    /// Whether an alert fires.
    pub enum AlertState {
        /// Something is wrong, says the monitor.
        Firing = "firing",
        /// It is over, says the monitor.
        Resolved = "resolved",
    }
}

impl AlertState {
    /// The other one.
    pub fn other(self) -> Self {
        match self {
            AlertState::Firing => AlertState::Resolved,
            AlertState::Resolved => AlertState::Firing,
        }
    }
}

/// What all messages about one alert of a source have in common: a hash, so that it is short and holds nothing that
/// anybody wrote.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// Hex digits of a fingerprint.
    const DIGITS: usize = 32;

    /// The fingerprint of what the monitor itself calls the alert.
    pub fn of(identity: &str) -> Self {
        let mut hash = hex::encode(Sha256::digest(identity.as_bytes()));
        hash.truncate(Self::DIGITS);
        Self(hash)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One message about one alert. Its texts are redacted and bounded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// The source in the configuration.
    pub source: AlertSourceName,
    /// Which alert of this source it is.
    pub fingerprint: Fingerprint,
    /// What the monitor says.
    pub state: AlertState,
    /// The alert in one line.
    pub title: Redacted,
    /// What else the monitor says; often empty.
    pub text: Redacted,
    /// Names and values, in the monitor's order.
    pub labels: Vec<AlertLabel>,
    /// The system that the configuration names for this source.
    pub system: Option<SystemName>,
    /// When it was received.
    pub received_at: DateTime<Utc>,
}

/// One label of an alert.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlertLabel {
    /// Its name, such as `instance`.
    pub name: Redacted,
    /// Its value.
    pub value: Redacted,
}

impl Alert {
    /// The system that the alert is about: the one that the configuration names, or else the one that its labels
    /// name, or else its title.
    pub fn system<'a>(&self, library: &Library, inventory: &'a Inventory) -> Option<&'a System> {
        if let Some(name) = &self.system {
            return inventory.systems.get(name);
        }
        let values = self.labels.iter().map(|label| label.value.as_str());
        named_in(values, library, inventory).or_else(|| named_in([self.title.as_str()], library, inventory))
    }
}
