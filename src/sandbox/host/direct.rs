//! The shell port straight over models, without a network, on any clock: minutes pass in no time.
//!
//! It says what the SSH adapter would say of a real host that does the same.

use super::model::{Fault, Response, Shared};
use crate::core::command::Command;
use crate::core::evidence::RawObservation;
use crate::core::name::HostName;
use crate::core::policy::Permit;
use crate::ports::{Clock, Lease, Shell, ShellError};
use crate::ssh::{Ending, Limits, Trouble, capture};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Hosts in boxes, by name.
pub struct Direct {
    hosts: BTreeMap<HostName, Shared>,
    limits: Limits,
    clock: Arc<dyn Clock>,
}

impl Direct {
    pub fn new(hosts: BTreeMap<HostName, Shared>, clock: Arc<dyn Clock>) -> Self {
        Self { hosts, limits: Limits::default(), clock }
    }

    fn host(&self, name: &HostName) -> Result<&Shared, Trouble> {
        let host = self.hosts.get(name).ok_or_else(|| Trouble::UnknownHost { host: name.to_string() })?;
        if host.lock().is_unreachable(self.clock.now()) {
            let cause = "nothing listens on port 22 (connection refused)".to_owned();
            return Err(Trouble::Unreachable { at: name.to_string(), cause });
        }
        Ok(host)
    }

    async fn run(&self, name: &HostName, command: &Command) -> Result<RawObservation, Trouble> {
        let host = self.host(name)?;
        let begun = self.clock.now();
        let response = host.lock().respond(&command.line(), begun);
        let limit = command.timeout();
        let at = name.to_string();
        match response.fault {
            Some(Fault::Refuse) => return Err(Trouble::Forbidden { at }),
            Some(Fault::Flood) => {
                host.lock().end(response.run, self.clock.now());
                return Err(Trouble::Flooded { limit: self.limits.output, ending: Ending::Stopped });
            }
            Some(Fault::Stuck) => {
                self.wait(begun, limit + 2 * self.limits.grace).await;
                return Err(Trouble::Late { limit, ending: Ending::Unknown });
            }
            _ => {}
        }
        if response.fault == Some(Fault::Hang) || response.delay > limit {
            self.wait(begun, limit).await;
            host.lock().end(response.run, self.clock.now());
            return Err(Trouble::Late { limit, ending: Ending::Stopped });
        }
        self.wait(begun, response.delay).await;
        match response.fault {
            Some(Fault::Drop | Fault::Partial) => {
                Err(Trouble::Lost { at, cause: "the host closed it".into() })
            }
            _ => Ok(self.observe(response)),
        }
    }

    async fn wait(&self, from: DateTime<Utc>, length: Duration) {
        if !length.is_zero() {
            self.clock.sleep_until(from + length).await;
        }
    }

    fn observe(&self, response: Response) -> RawObservation {
        RawObservation {
            exit: response.exit,
            stdout: capture(&response.stdout, self.limits.kept),
            stderr: capture(&response.stderr, self.limits.kept),
            took_ms: u64::try_from(response.delay.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

#[async_trait]
impl Shell for Direct {
    async fn connect(&self, host: &HostName) -> Result<Duration, ShellError> {
        self.host(host)?;
        Ok(Duration::ZERO)
    }

    async fn probe(&self, host: &HostName, command: &Command) -> Result<RawObservation, ShellError> {
        Ok(self.run(host, command).await?)
    }

    async fn change(
        &self,
        host: &HostName,
        command: &Command,
        _permit: &Permit,
        lease: &Lease,
    ) -> Result<RawObservation, ShellError> {
        lease.check(host, self.clock.now())?;
        Ok(self.run(host, command).await?)
    }
}
