//! `[hosts.*]`: the machines that Fieldmedic may reach.

use crate::core::ids::HostName;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;

/// A host: `local = true`, or an address.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HostEntry {
    /// Whether it is the machine that Fieldmedic runs on; `false` by default.
    #[serde(default)]
    pub local: bool,
    /// A name, an IP address, or an alias of OpenSSH's configuration. A local host has none.
    #[serde(default)]
    pub address: Option<String>,
    /// The SSH port; by default that of OpenSSH's configuration, or 22.
    #[serde(default)]
    pub port: Option<u16>,
    /// The login user; by default that of OpenSSH's configuration.
    #[serde(default)]
    pub user: Option<String>,
    /// The private key; without one, the keys of OpenSSH's configuration and of the SSH agent are used.
    #[serde(default)]
    pub key: Option<PathBuf>,
    /// A separate key for changes, so that the host can distinguish them from probes.
    #[serde(default)]
    pub change_key: Option<PathBuf>,
    /// The file with the host's key; by default those of OpenSSH's configuration, or `~/.ssh/known_hosts`.
    #[serde(default)]
    pub known_hosts: Option<PathBuf>,
    /// OpenSSH's configuration: `true` (the default) reads what `ssh` reads, a path reads that file alone, and
    /// `false` nothing.
    #[serde(default)]
    pub ssh_config: SshConfigEntry,
    /// `~/.ssh/known_hosts` and `~/.ssh/config`, with the home directory in place.
    #[serde(skip, default = "usual_files")]
    pub usual: [PathBuf; 2],
}

/// Which configuration of OpenSSH's client applies to a host.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "`ssh_config` is true, false, or the path of a file")]
pub enum SshConfigEntry {
    /// `true`: what `ssh` itself reads. `false`: none.
    Switch(bool),
    /// This file alone.
    File(PathBuf),
}

impl Default for SshConfigEntry {
    fn default() -> Self {
        Self::Switch(true)
    }
}

fn usual_files() -> [PathBuf; 2] {
    ["~/.ssh/known_hosts", "~/.ssh/config"].map(PathBuf::from)
}

impl HostEntry {
    /// Every path of the entry.
    pub(super) fn paths_mut(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let config = match &mut self.ssh_config {
            SshConfigEntry::File(file) => Some(file),
            SshConfigEntry::Switch(_) => None,
        };
        let named = [self.key.as_mut(), self.change_key.as_mut(), self.known_hosts.as_mut(), config];
        named.into_iter().flatten().chain(&mut self.usual)
    }

    pub(super) fn problem(&self, name: &HostName) -> Option<String> {
        match (self.local, &self.address) {
            (true, Some(_)) => Some(format!("[hosts.{name}] is local and has an address: keep one of them")),
            (false, None) => Some(format!("[hosts.{name}] needs an address, or local = true")),
            (false, Some(_)) if self.user.is_none() && self.ssh_config == SshConfigEntry::Switch(false) => {
                Some(format!("[hosts.{name}] needs a user to log in as, since it has ssh_config = false"))
            }
            _ => None,
        }
    }
}
