//! The hosts of an inventory as a [`Shell`]: one connection for each host and login, shared by all cases.

use crate::core::diagnosis::evidence::{Exit, RawObservation};
use crate::core::gate;
use crate::core::ids::HostName;
use crate::core::playbook::command::Command;
use crate::core::policy::permit::Permit;
use crate::ports::{Clock, Lease, Shell, ShellError, check_lease};
use crate::ssh::error::SshError;
use crate::ssh::local;
use crate::ssh::pool::ConnectionPool;
use crate::ssh::route::{Access, HostRoute, Remote, SessionLimits};
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

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
