//! [`Shell`]: the way to the hosts.

use crate::leases::Lease;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use fieldmedic_core::diagnosis::evidence::RawObservation;
use fieldmedic_core::ids::HostName;
use fieldmedic_core::playbook::command::Command;
use fieldmedic_core::policy::permit::Permit;
use std::time::Duration;

/// The way to the hosts.
///
/// # Errors
/// Every method: the [`ShellError`] that says whether the host may have run the command.
#[async_trait]
pub trait Shell: Send + Sync {
    /// Opens the connection to a host, or finds it open. Gives the time that opening took, zero if it
    /// was open.
    async fn connect(&self, host: &HostName) -> Result<Duration, ShellError>;

    /// Runs a command that only looks.
    async fn probe(&self, host: &HostName, command: &Command) -> Result<RawObservation, ShellError>;

    /// Runs a command that changes something. It takes policy's permit and the store's lease for this
    /// very host; an adapter refuses a lease for another host, or one that has run out.
    async fn change(
        &self,
        host: &HostName,
        command: &Command,
        permit: &Permit,
        lease: &Lease,
    ) -> Result<RawObservation, ShellError>;
}

/// Why a command gave no observation. The two lead to opposite actions.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShellError {
    /// The host was never asked to run it: it is safe to try again.
    #[error("{why}")]
    NotStarted {
        /// The reason, in one sentence.
        why: String,
    },
    /// The host was asked, and may have run it. `may_still_run`: it was told to stop and did not say that
    /// it has, so a second run could meet the first.
    #[error("{why}")]
    InDoubt {
        /// The reason, in one sentence.
        why: String,
        /// Whether the command may still run on the host.
        may_still_run: bool,
    },
}

/// Whether a lease allows a change of this host at this moment. Every [`Shell`] asks before it starts one.
///
/// # Errors
/// [`ShellError::NotStarted`] if the lease is for another host, or has expired.
pub fn check_lease(lease: &Lease, host: &HostName, now: DateTime<Utc>) -> Result<(), ShellError> {
    let why = if lease.host() != host {
        format!("the lease is for {}, and the change for {host}", lease.host())
    } else if lease.until() <= now {
        format!("the lease of {host} ran out at {}", lease.until().format("%H:%M:%S UTC"))
    } else {
        return Ok(());
    };
    Err(ShellError::NotStarted { why })
}
