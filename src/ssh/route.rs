//! How a host is reached, and what a connection and a command may take.

use crate::ssh::auth::Login;
use std::path::PathBuf;
use std::time::Duration;

/// How a host is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "there is one for each host, and most are remote")]
pub enum HostRoute {
    /// It is the machine that the agent runs on.
    Local,
    /// It is behind an SSH server.
    Ssh(Remote),
}

/// A host behind an SSH server. What is `None` is left to OpenSSH's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// A name, an IP address, or an alias of OpenSSH's configuration.
    pub address: String,
    /// 22, if nobody says something else.
    pub port: Option<u16>,
    /// The file that holds the host's key. A file that is missing holds none.
    pub known_hosts: Option<PathBuf>,
    /// The machine's own file of known hosts: keys that it marks as revoked are refused, whichever file is
    /// used. [`SYSTEM_KNOWN_HOSTS`] but in tests.
    pub system_known_hosts: PathBuf,
    /// Where what is `None` is looked up.
    pub ssh_config: SshConfig,
    /// Who looks.
    pub probe: Login,
    /// Who changes, over a connection of its own. `None`: who looks.
    pub change: Option<Login>,
}

/// Where OpenSSH keeps the keys that hold for all users of the machine.
pub const SYSTEM_KNOWN_HOSTS: &str = "/etc/ssh/ssh_known_hosts";

/// Which configuration of OpenSSH's client applies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SshConfig {
    /// None.
    Off,
    /// What `ssh` itself reads: `~/.ssh/config` and `/etc/ssh/ssh_config`. Where there is neither `ssh` nor a
    /// file at `config`, the known hosts are in `known_hosts`.
    Usual {
        /// The user's configuration, `~/.ssh/config`. It is not read here, only looked for.
        config: PathBuf,
        /// The user's known hosts, `~/.ssh/known_hosts`.
        known_hosts: PathBuf,
    },
    /// This file alone.
    File(PathBuf),
}

/// What a connection and a command may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionLimits {
    /// For reaching the server and for the handshake with it; also for a channel, and for the question for a gate. A
    /// `ConnectTimeout` of OpenSSH's configuration goes before it.
    pub connect: Duration,
    /// For the login: a server may look up names, or ask a directory.
    pub login: Duration,
    /// Commands at a time on one connection. OpenSSH allows 10 (`MaxSessions`); a server that allows fewer
    /// gets fewer.
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
            login: Duration::from_secs(30),
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
    /// To read only.
    Probe,
    /// To alter something.
    Change,
}
