//! The way to the hosts: [`Hosts`] runs commands over SSH, or on the agent's own machine.
//!
//! ```text
//! Hosts ─> Line (one per host and login) ─> Connection (opened once, shared) ─> session (one command)
//!      └─> local (sh in a process group of its own)
//! ```
//!
//! What can be relied on:
//! - The host is asked to run a command once. Only what failed before that is tried again, and only
//!   that is `NotStarted`; from the request on, what has no clear end is `InDoubt`.
//! - A host key that `known_hosts` does not hold is refused, always.
//! - However much a command writes, memory holds [`SessionLimits::kept`] of each stream.
//! - A command that outlives its deadline is told to stop, and the answer says whether it did. OpenSSH
//!   passes no signal on to what `root` runs, nor to what runs under `sudo`: that goes on. Nor to what runs
//!   behind a gate, but that keeps the deadline itself.
//! - What the host's gate refuses is `NotStarted`.
//! - A caller that stops waiting closes its channel and leaves the command to itself, as a broken
//!   connection would.
//!
//! Not supported: jump hosts, passwords, and certificates, of hosts and of users.

mod auth;
mod capture;
mod connection;
mod error;
mod exec;
mod known_hosts;
mod local;
mod pool;

pub use crate::ssh::auth::Login;
pub use crate::ssh::capture::capture;
pub use crate::ssh::error::{ShownKey, SshError, StopResult};
pub use crate::ssh::known_hosts::HostKeys;

use crate::core::diagnosis::evidence::{Exit, RawObservation};
use crate::core::gate;
use crate::core::ids::HostName;
use crate::core::playbook::command::Command;
use crate::core::policy::permit::Permit;
use crate::ports::{Clock, Lease, Shell, ShellError, check_lease};
use crate::ssh::pool::ConnectionPool;
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
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

/// The hosts of an inventory. Connections are opened when they are first needed, shared, and opened
/// again when they break; dropping this closes them.
pub struct SshHosts {
    routes: BTreeMap<HostName, Route>,
    limits: SessionLimits,
    clock: Arc<dyn Clock>,
}

enum Route {
    Local,
    Ssh { probe: Arc<ConnectionPool>, change: Arc<ConnectionPool> },
}

impl SshHosts {
    /// Nothing is contacted yet. The clock tells whether a lease still holds.
    pub fn new(reach: BTreeMap<HostName, HostRoute>, limits: SessionLimits, clock: Arc<dyn Clock>) -> Self {
        let routes = reach.into_iter().map(|(name, reach)| (name, Route::new(reach, &limits))).collect();
        Self { routes, limits, clock }
    }

    /// Opens the connection for a purpose, or finds it open. Gives the time that opening took.
    ///
    /// # Errors
    /// [`ShellError::NotStarted`], with what a person can do about it.
    pub async fn open(&self, host: &HostName, purpose: Access) -> Result<Duration, ShellError> {
        match self.route(host)? {
            Route::Local => Ok(Duration::ZERO),
            Route::Ssh { probe, change } => {
                let line = if purpose == Access::Probe { probe } else { change };
                let (_, took) = line.connection().await?;
                Ok(took)
            }
        }
    }

    fn route(&self, host: &HostName) -> Result<&Route, SshError> {
        self.routes.get(host).ok_or_else(|| SshError::UnknownHost { host: host.to_string() })
    }

    async fn run(
        &self,
        host: &HostName,
        command: &Command,
        purpose: Access,
    ) -> Result<RawObservation, ShellError> {
        let text = command.line();
        let observation = match self.route(host)? {
            Route::Local => local::run(&text, command.timeout(), &self.limits).await,
            Route::Ssh { probe, change } => {
                let line = if purpose == Access::Probe { probe } else { change };
                let observation = line.run(&text, command.timeout()).await;
                if observation.as_ref().is_ok_and(is_refusal) {
                    return Err(SshError::NotAdmitted { host: host.to_string() }.into());
                }
                observation
            }
        };
        Ok(observation?)
    }

    /// What the gate that a login meets says of its rules; `None` if there is no gate.
    ///
    /// # Errors
    /// The host cannot be asked.
    pub async fn ask_gate(&self, host: &HostName, purpose: Access) -> Result<Option<String>, ShellError> {
        let seen = self.run(host, &gate::allowed_command(), purpose).await?;
        let said = String::from_utf8_lossy(&seen.stdout.kept).trim().to_owned();
        Ok((seen.exit.is_success() && said.starts_with(gate::NAME)).then_some(said))
    }
}

/// A gate that has run nothing. All three signs together: what ran may end or speak like it, not both.
fn is_refusal(seen: &RawObservation) -> bool {
    seen.exit == Exit::Code(gate::REFUSED)
        && seen.stdout.length == 0
        && seen.stderr.kept.strip_suffix(b"\n") == Some(gate::DENIED.as_bytes())
}

impl Route {
    fn new(reach: HostRoute, limits: &SessionLimits) -> Self {
        match reach {
            HostRoute::Local => Route::Local,
            HostRoute::Ssh(mut remote) => {
                let change = remote.change.take();
                let probe = Arc::new(ConnectionPool::new(remote.clone(), limits.clone()));
                let change = match change {
                    Some(login) if login != remote.probe => {
                        Arc::new(ConnectionPool::new(Remote { probe: login, ..remote }, limits.clone()))
                    }
                    _ => Arc::clone(&probe),
                };
                Route::Ssh { probe, change }
            }
        }
    }
}

#[async_trait]
impl Shell for SshHosts {
    async fn connect(&self, host: &HostName) -> Result<Duration, ShellError> {
        self.open(host, Access::Probe).await
    }

    async fn probe(&self, host: &HostName, command: &Command) -> Result<RawObservation, ShellError> {
        self.run(host, command, Access::Probe).await
    }

    async fn change(
        &self,
        host: &HostName,
        command: &Command,
        _permit: &Permit,
        lease: &Lease,
    ) -> Result<RawObservation, ShellError> {
        check_lease(lease, host, self.clock.now())?;
        self.run(host, command, Access::Change).await
    }
}

#[cfg(test)]
mod tests;
