//! How a host is reached, and what a connection and a command may take.

use crate::ssh::auth::Login;
use std::path::PathBuf;
use std::time::Duration;

/// How a host is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostRoute {
    /// It is the machine that the agent runs on.
    Local,
    Ssh(Remote),
}

/// A host behind an SSH server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// A name or an IP address.
    pub address: String,
    pub port: u16,
    /// The file that holds the host's key. A file that is missing holds none.
    pub known_hosts: PathBuf,
    /// Who looks.
    pub probe: Login,
    /// Who changes, over a connection of its own. `None`: who looks.
    pub change: Option<Login>,
}

/// What a connection and a command may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionLimits {
    /// For opening a connection, the login included; and for opening a channel on it.
    pub connect: Duration,
    /// Commands at a time on one connection. OpenSSH allows 10 (`MaxSessions`); two are left for people
    /// who share it.
    pub sessions: usize,
    /// What is kept of each stream of a command, in bytes. The rest is counted and hashed.
    pub kept: usize,
    /// What a command may write in all, in bytes. One that writes more is stopped, and in doubt.
    pub output: u64,
    /// How long a command is waited for after it was told to stop; and, after it has ended, how long
    /// for the rest of its output.
    pub grace: Duration,
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            sessions: 8,
            kept: 1024 * 1024,
            output: 64 * 1024 * 1024,
            grace: Duration::from_secs(2),
        }
    }
}

/// What a command is for; a host may have a login for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    Probe,
    Change,
}
