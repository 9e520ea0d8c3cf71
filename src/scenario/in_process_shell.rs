//! The shell port over fake hosts, without a network, on any clock: minutes of virtual time pass at once.
//!
//! It returns what the SSH adapter returns for a real host that does the same.

use crate::core::diagnosis::evidence::RawObservation;
use crate::core::ids::HostName;
use crate::core::playbook::command::Command;
use crate::core::policy::permit::Permit;
use crate::ports::{Clock, Lease, Shell, ShellError, check_lease};
use crate::sandbox::host::{HostFault, HostResponse, SharedHost};
use crate::ssh::{SessionLimits, SshError, StopResult, capture};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Fake hosts by name.
pub struct InProcessShell {
    hosts: BTreeMap<HostName, SharedHost>,
    limits: SessionLimits,
    clock: Arc<dyn Clock>,
}

impl InProcessShell {
    /// A shell over these hosts, with the session limits of the SSH adapter's defaults. Commands take their
    /// time on `clock`.
    pub fn new(hosts: BTreeMap<HostName, SharedHost>, clock: Arc<dyn Clock>) -> Self {
        Self { hosts, limits: SessionLimits::default(), clock }
    }

    fn host(&self, name: &HostName) -> Result<&SharedHost, SshError> {
        let host = self.hosts.get(name).ok_or_else(|| SshError::UnknownHost { host: name.to_string() })?;
        if host.lock().is_unreachable(self.clock.now()) {
            let cause = "nothing listens on port 22 (connection refused)".to_owned();
            return Err(SshError::Unreachable { at: name.to_string(), cause });
        }
        Ok(host)
    }

    async fn run(&self, name: &HostName, command: &Command) -> Result<RawObservation, SshError> {
        let host = self.host(name)?;
        let begun = self.clock.now();
        let response = host.lock().respond(&command.line(), begun);
        let limit = command.timeout();
        let at = name.to_string();
        match response.fault {
            Some(HostFault::Refuse) => return Err(SshError::ExecRefused { at }),
            Some(HostFault::Flood) => {
                host.lock().end(response.run, self.clock.now());
                return Err(SshError::OutputLimit { limit: self.limits.output, ending: StopResult::Stopped });
            }
            Some(HostFault::Stuck) => {
                self.wait(begun, limit + 2 * self.limits.grace).await;
                return Err(SshError::TimedOut { limit, ending: StopResult::Unknown });
            }
            _ => {}
        }
        if response.fault == Some(HostFault::Hang) || response.delay > limit {
            self.wait(begun, limit).await;
            host.lock().end(response.run, self.clock.now());
            return Err(SshError::TimedOut { limit, ending: StopResult::Stopped });
        }
        self.wait(begun, response.delay).await;
        match response.fault {
            Some(HostFault::Drop | HostFault::Partial) => {
                Err(SshError::Lost { at, cause: "the host closed it".into() })
            }
            _ => Ok(self.observe(response)),
        }
    }

    async fn wait(&self, from: DateTime<Utc>, length: Duration) {
        if !length.is_zero() {
            self.clock.sleep_until(from + length).await;
        }
    }

    fn observe(&self, response: HostResponse) -> RawObservation {
        RawObservation {
            exit: response.exit,
            stdout: capture(&response.stdout, self.limits.kept),
            stderr: capture(&response.stderr, self.limits.kept),
            took_ms: u64::try_from(response.delay.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

#[async_trait]
impl Shell for InProcessShell {
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
        check_lease(lease, host, self.clock.now())?;
        Ok(self.run(host, command).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::diagnosis::evidence::Exit;
    use crate::core::expr::value_type::ValueType;
    use crate::core::playbook::command::{Template, TemplateSource, Values};
    use crate::sandbox::host::{FakeHost, HostSpec};
    use serde_json::Value;
    use std::sync::Mutex;

    /// Sleeping is what makes its time pass.
    struct Jumping(Mutex<DateTime<Utc>>);

    #[async_trait]
    impl Clock for Jumping {
        fn now(&self) -> DateTime<Utc> {
            *self.0.lock().unwrap()
        }

        async fn sleep_until(&self, at: DateTime<Utc>) {
            let mut now = self.0.lock().unwrap();
            *now = at.max(*now);
        }
    }

    struct Nothing;

    impl Values for Nothing {
        fn value(&self, name: &str) -> Result<(Value, ValueType), String> {
            Err(format!("there is no {name}"))
        }
    }

    #[tokio::test]
    async fn faults_are_told_as_ssh_tells_them() {
        let text = "
state: { down: false, done: 0 }
unreachable: down
commands:
  - { run: fine, stdout: hello, duration: 5s, set: { done: done + 1 } }
  - { run: hang, fault: hang, set: { done: 9 } }
  - { run: slow, duration: 1m, set: { done: 99 } }
  - { run: drop, fault: drop }
  - { run: refuse, fault: refuse }
  - { run: flood, fault: flood }
  - { run: stuck, fault: stuck }
  - { run: killed, signal: SIGKILL }
  - { run: silent, exit: unknown }
";
        let start = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let clock = Arc::new(Jumping(Mutex::new(start)));
        let model = FakeHost::new(&HostSpec::parse(text).unwrap(), start).share();
        let name = HostName::new("box").unwrap();
        let shell = InProcessShell::new(BTreeMap::from([(name.clone(), model.clone())]), clock.clone());
        let ask = async |run: &str| {
            let timeout = Duration::from_secs(30);
            let source = TemplateSource { run: Some(run), timeout, ..TemplateSource::default() };
            let command = Template::new(source).unwrap().render(&Nothing).unwrap();
            shell.probe(&name, &command).await.map(|seen| seen.exit)
        };
        let doubt = |why: &str| Err(ShellError::InDoubt { why: why.into(), may_still_run: false });

        assert_eq!(ask("fine").await, Ok(Exit::Code(0)));
        assert_eq!(clock.now() - start, chrono::TimeDelta::seconds(5));
        let late = "the command did not end within 30 s; it was told to stop, and";
        assert_eq!(ask("hang").await, doubt(&format!("{late} stopped")));
        assert_eq!(ask("slow").await, doubt(&format!("{late} stopped")));
        let why = format!("{late} may still be running");
        assert_eq!(ask("stuck").await, Err(ShellError::InDoubt { why, may_still_run: true }));
        assert_eq!(
            ask("drop").await,
            doubt("the connection to box broke while the command ran: the host closed it")
        );
        assert_eq!(
            ask("flood").await,
            doubt("the command wrote more than 64 MiB; it was told to stop, and stopped")
        );
        assert!(matches!(ask("refuse").await, Err(ShellError::NotStarted { .. })));
        assert_eq!(ask("killed").await, Ok(Exit::Signal("KILL".into())));
        assert_eq!(ask("silent").await, Ok(Exit::Unknown));
        assert_eq!(model.lock().state("done", clock.now()), Some(9.into()), "a slow command was stopped");

        model.lock().set("down", true.into(), clock.now()).unwrap();
        assert!(matches!(ask("fine").await, Err(ShellError::NotStarted { .. })));
        assert!(shell.connect(&name).await.is_err());
    }
}
