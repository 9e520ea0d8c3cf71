//! The shell with a tap on it.

use super::{Broken, Deed, Tapped};
use async_trait::async_trait;
use fieldmedic::core::diagnosis::evidence::RawObservation;
use fieldmedic::core::ids::HostName;
use fieldmedic::core::playbook::command::Command;
use fieldmedic::core::policy::permit::Permit;
use fieldmedic::ports::{Lease, Shell, ShellError};
use std::time::Duration;

impl Tapped<dyn Shell> {
    /// Broken before, the host never heard of it; broken after, nobody knows.
    async fn call(
        &self,
        deed: Deed<'_>,
        call: impl Future<Output = Result<RawObservation, ShellError>> + Send,
    ) -> Result<RawObservation, ShellError> {
        let not_started = |Broken(why)| ShellError::NotStarted { why };
        let in_doubt = |Broken(why)| ShellError::InDoubt { why, may_still_run: false };
        self.tap.before(deed).await.map_err(not_started)?;
        let answer = call.await;
        self.tap.after(deed).await.map_err(in_doubt)?;
        self.tap.seen(deed, answer)
    }
}

#[async_trait]
impl Shell for Tapped<dyn Shell> {
    async fn connect(&self, host: &HostName) -> Result<Duration, ShellError> {
        self.inner.connect(host).await
    }

    async fn probe(&self, host: &HostName, command: &Command) -> Result<RawObservation, ShellError> {
        self.call(Deed::Probe(&command.line()), self.inner.probe(host, command)).await
    }

    async fn change(
        &self,
        host: &HostName,
        command: &Command,
        permit: &Permit,
        lease: &Lease,
    ) -> Result<RawObservation, ShellError> {
        self.call(
            Deed::Change(lease.case(), &command.line()),
            self.inner.change(host, command, permit, lease),
        )
        .await
    }
}
