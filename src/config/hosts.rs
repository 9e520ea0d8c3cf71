//! `[hosts.*]`: the machines that Fieldmedic may reach.

use crate::core::ids::HostName;
use serde::Deserialize;
use std::path::PathBuf;

/// A host: `local = true`, or an address.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostEntry {
    /// Whether it is the machine that Fieldmedic runs on; `false` by default.
    #[serde(default)]
    pub local: bool,
    #[serde(default)]
    pub address: Option<String>,
    /// The SSH port; 22 by default.
    #[serde(default = "default_port")]
    pub port: u16,
    /// The login user.
    #[serde(default)]
    pub user: Option<String>,
    /// The private key; without one, the SSH agent is used.
    #[serde(default)]
    pub key: Option<PathBuf>,
    /// A separate key for changes, so that the host can distinguish them from probes.
    #[serde(default)]
    pub change_key: Option<PathBuf>,
    /// The file with the host's key; `~/.ssh/known_hosts` by default.
    #[serde(default = "default_known_hosts")]
    pub known_hosts: PathBuf,
}

fn default_port() -> u16 {
    22
}
fn default_known_hosts() -> PathBuf {
    "~/.ssh/known_hosts".into()
}

impl HostEntry {
    pub(super) fn problem(&self, name: &HostName) -> Option<String> {
        match (self.local, &self.address) {
            (true, Some(_)) => Some(format!("[hosts.{name}] is local and has an address: keep one of them")),
            (false, None) => Some(format!("[hosts.{name}] needs an address, or local = true")),
            (false, Some(_)) if self.user.is_none() => {
                Some(format!("[hosts.{name}] needs a user to log in as"))
            }
            _ => None,
        }
    }
}
