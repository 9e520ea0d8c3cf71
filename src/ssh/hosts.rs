//! The hosts of an inventory as a [`Shell`]: one connection for each host and login, shared by all cases.

use crate::core::diagnosis::evidence::RawObservation;
use crate::core::ids::HostName;
use crate::core::playbook::command::Command;
use crate::core::policy::permit::Permit;
use crate::ports::{Clock, Lease, Shell, ShellError, check_lease};
use crate::ssh::error::SshError;
use crate::ssh::exec::Order;
use crate::ssh::local;
use crate::ssh::pool::ConnectionPool;
use crate::ssh::route::{Access, HostRoute, Remote, SessionLimits};
use crate::ssh::shortage::Patience;
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// sudo may ask a directory service for its rules.
const SUDO_TIMEOUT: Duration = Duration::from_secs(20);

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
        Ok(self.log_in(host, purpose).await?)
    }

    /// The same, for a caller that mends what it can.
    ///
    /// # Errors
    /// [`SshError`], such as the key of a host that is not known.
    pub async fn log_in(&self, host: &HostName, purpose: Access) -> Result<Duration, SshError> {
        let Some(pool) = self.pool(host, purpose)? else { return Ok(Duration::ZERO) };
        let mut patience = Patience::new();
        loop {
            match pool.connection().await {
                Err(SshError::Shortage { what }) => patience.wait(host.as_str(), &what).await,
                opened => return opened.map(|(_, took)| took),
            }
        }
    }

    /// The way to a host; `None` if it is the machine itself.
    fn pool(&self, host: &HostName, purpose: Access) -> Result<Option<&Arc<ConnectionPool>>, SshError> {
        Ok(match (self.route(host)?, purpose) {
            (Route::Local, _) => None,
            (Route::Ssh { probe, .. }, Access::Probe) => Some(probe),
            (Route::Ssh { change, .. }, Access::Change) => Some(change),
        })
    }

    fn route(&self, host: &HostName) -> Result<&Route, SshError> {
        self.routes.get(host).ok_or_else(|| SshError::UnknownHost { host: host.to_string() })
    }

    /// Runs a command. What is short on this machine is waited for; a change needs a lease that holds
    /// afterwards too.
    async fn run(
        &self,
        host: &HostName,
        command: &Command,
        purpose: Access,
        lease: Option<&Lease>,
    ) -> Result<RawObservation, ShellError> {
        let pool = self.pool(host, purpose)?;
        let mut patience = Patience::new();
        loop {
            let begin_by = match lease {
                Some(lease) => Some(Instant::now() + self.remaining(lease, host)?),
                None => None,
            };
            let order = Order { line: command.line(), timeout: command.timeout(), begin_by };
            let result = match pool {
                None => local::run(&order.line, order.timeout, &self.limits).await,
                Some(pool) => pool.run(&order).await,
            };
            match result {
                Err(SshError::Shortage { what }) => patience.wait(host.as_str(), &what).await,
                Err(SshError::NotAdmitted { .. }) => {
                    return Err(SshError::NotAdmitted { host: host.to_string() }.into());
                }
                result => return Ok(result?),
            }
        }
    }

    /// How long a lease still holds.
    fn remaining(&self, lease: &Lease, host: &HostName) -> Result<Duration, ShellError> {
        let now = self.clock.now();
        check_lease(lease, host, now)?;
        Ok((lease.until() - now).to_std().unwrap_or_default())
    }

    /// What sudo lets the login for changes do without a password, as `sudo -n -l` lists it; empty if nothing.
    /// `None` behind a gate: `host-setup` writes its rules and those of sudo together.
    ///
    /// # Errors
    /// The host cannot be asked.
    pub async fn sudo_rules(&self, host: &HostName) -> Result<Option<String>, ShellError> {
        if self.ask_gate(host, Access::Change).await?.is_some() {
            return Ok(None);
        }
        let line = "sudo -n -l".to_owned();
        let listed = match self.pool(host, Access::Change)? {
            None => local::run(&line, SUDO_TIMEOUT, &self.limits).await?,
            Some(pool) => pool.run(&Order { line, timeout: SUDO_TIMEOUT, begin_by: None }).await?,
        };
        let text = String::from_utf8_lossy(&listed.stdout.kept).into_owned();
        Ok(Some(if listed.exit.is_success() { text } else { String::new() }))
    }

    /// What the gate that a login meets says of its rules; `None` if there is no gate.
    ///
    /// # Errors
    /// The host cannot be asked.
    pub async fn ask_gate(&self, host: &HostName, purpose: Access) -> Result<Option<String>, ShellError> {
        self.open(host, purpose).await?;
        let Some(pool) = self.pool(host, purpose)? else { return Ok(None) };
        Ok(pool.connection().await?.0.gate().map(str::to_owned))
    }
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
        self.run(host, command, Access::Probe, None).await
    }

    async fn change(
        &self,
        host: &HostName,
        command: &Command,
        _permit: &Permit,
        lease: &Lease,
    ) -> Result<RawObservation, ShellError> {
        self.run(host, command, Access::Change, Some(lease)).await
    }
}
