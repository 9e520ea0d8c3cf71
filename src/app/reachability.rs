//! Tells operators when a host cannot be reached, or the checks of a system cannot be read, and when they can
//! again: once for each change, however often it is tried. The state lives as long as the process.

use crate::core::diagnosis::diagnose::Unknown;
use crate::core::diagnosis::evidence::RawObservation;
use crate::core::ids::{HostName, SystemName};
use crate::core::notice::watch::{Standing, Subject};
use crate::core::playbook::command::Command;
use crate::core::playbook::inventory::Inventory;
use crate::core::policy::permit::Permit;
use crate::engine::SweepResult;
use crate::ports::{Lease, Shell, ShellError};
use crate::telemetry::announce::{announce, goes_to_log};
use crate::telemetry::spans::field;
use async_trait::async_trait;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What cannot be reached or read now.
pub struct Reachability {
    inventory: Arc<Inventory>,
    lost: Mutex<Lost>,
}

#[derive(Default)]
struct Lost {
    hosts: BTreeSet<HostName>,
    /// With the first check that cannot be read.
    systems: BTreeMap<SystemName, Unknown>,
    /// Of these it is known that they are not lost, or were not at some time.
    reached: BTreeSet<HostName>,
    read: BTreeSet<SystemName>,
}

impl Reachability {
    /// Everything counts as reachable until it is found not to be.
    pub fn new(inventory: Arc<Inventory>) -> Self {
        Self { inventory, lost: Mutex::default() }
    }

    /// Whether a system cannot be reached or read now; `None` if that was not found out yet.
    pub fn is_lost(&self, system: &SystemName) -> Option<bool> {
        let lost = self.lost();
        let hosts =
            || self.inventory.systems.get(system).into_iter().flat_map(|system| system.hosts.values());
        if lost.systems.contains_key(system) || hosts().any(|host| lost.hosts.contains(host)) {
            return Some(true);
        }
        let is_reached = hosts().next().is_some() && hosts().all(|host| lost.reached.contains(host));
        (is_reached || lost.read.contains(system)).then_some(false)
    }

    /// How each host and system stands of which that is known. A system with a lost host is left out: the host is told.
    pub fn standings(&self) -> BTreeMap<Subject, Standing> {
        let mut standings = BTreeMap::new();
        let (hosts, reached, systems, read) = {
            let lost = self.lost();
            (lost.hosts.clone(), lost.reached.clone(), lost.systems.clone(), lost.read.clone())
        };
        for host in reached.union(&hosts) {
            let of_host = self.inventory.systems.values();
            let of_host = of_host.filter(|system| system.hosts.values().any(|other| other == host));
            let systems = of_host.map(|system| system.name.clone()).collect();
            let standing = Standing { is_troubled: hosts.contains(host), systems, about: Value::Null };
            standings.insert(Subject::Host(host.clone()), standing);
        }
        for system in systems.keys().chain(&read).filter(|system| !self.has_lost_host(system)) {
            let unknown = systems.get(system);
            let standing = Standing {
                is_troubled: unknown.is_some(),
                systems: vec![system.clone()],
                about: unknown.map_or(
                    Value::Null,
                    |unknown| json!({ "playbook": unknown.playbook, "why": unknown.why }),
                ),
            };
            standings.insert(Subject::System(system.clone()), standing);
        }
        standings
    }

    /// Notes how a connection to a host turned out.
    fn note_connection(&self, host: &HostName, result: &Result<Duration, ShellError>) {
        match result {
            Ok(_) => {
                self.lost().reached.insert(host.clone());
                if self.lost().hosts.remove(host) {
                    let systems = self.systems_on(host);
                    match goes_to_log() {
                        true => tracing::info!({ field::HOST } = %host, systems, "host is reachable again"),
                        false => announce(&format!("host {host} is reachable again (systems: {systems})")),
                    }
                }
            }
            Err(error) => {
                if self.lost().hosts.insert(host.clone()) {
                    let systems = self.systems_on(host);
                    tracing::warn!(
                        { field::HOST } = %host,
                        systems,
                        %error,
                        "host cannot be reached; its systems cannot be checked until it is"
                    );
                }
            }
        }
    }

    /// Notes what a sweep could read of each system. A system with a lost host is left out: the host is told.
    pub fn note_sweep(&self, results: &[SweepResult]) {
        for SweepResult { system, diagnosis, .. } in results {
            if self.has_lost_host(system) {
                continue;
            }
            match diagnosis.unknown.first() {
                Some(first) => {
                    if self.lost().systems.insert(system.clone(), first.clone()).is_none() {
                        tracing::warn!(
                            { field::SYSTEM } = %system,
                            unknown = diagnosis.unknown.len(),
                            { field::PLAYBOOK } = %first.playbook,
                            why = %first.why,
                            "checks of this system cannot be read; run `fieldmedic diagnose {system}`"
                        );
                    }
                }
                None => {
                    self.lost().read.insert(system.clone());
                    if self.lost().systems.remove(system).is_some() {
                        match goes_to_log() {
                            true => {
                                tracing::info!({ field::SYSTEM } = %system, "all checks can be read again");
                            }
                            false => announce(&format!("all checks of system {system} can be read again")),
                        }
                    }
                }
            }
        }
    }

    fn has_lost_host(&self, system: &SystemName) -> bool {
        let lost = self.lost();
        let system = self.inventory.systems.get(system);
        system.is_some_and(|system| system.hosts.values().any(|host| lost.hosts.contains(host)))
    }

    fn systems_on(&self, host: &HostName) -> String {
        let systems = self.inventory.systems.values();
        let names = systems.filter(|system| system.hosts.values().any(|other| other == host));
        names.map(|system| system.name.as_str()).collect::<Vec<_>>().join(", ")
    }

    fn lost(&self) -> MutexGuard<'_, Lost> {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A shell that tells [`Reachability`] of its connections, and changes nothing else.
pub struct WatchedShell {
    inner: Arc<dyn Shell>,
    reachability: Arc<Reachability>,
}

impl WatchedShell {
    /// Watches this shell.
    pub fn new(inner: Arc<dyn Shell>, reachability: Arc<Reachability>) -> Self {
        Self { inner, reachability }
    }
}

#[async_trait]
impl Shell for WatchedShell {
    async fn connect(&self, host: &HostName) -> Result<Duration, ShellError> {
        let result = self.inner.connect(host).await;
        self.reachability.note_connection(host, &result);
        result
    }

    async fn probe(&self, host: &HostName, command: &Command) -> Result<RawObservation, ShellError> {
        self.inner.probe(host, command).await
    }

    async fn change(
        &self,
        host: &HostName,
        command: &Command,
        permit: &Permit,
        lease: &Lease,
    ) -> Result<RawObservation, ShellError> {
        self.inner.change(host, command, permit, lease).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::diagnosis::diagnose::{Diagnosis, Unknown};
    use crate::core::ids::PlaybookName;
    use std::io;
    use std::io::Write;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn swept(unknown: bool) -> SweepResult {
        let unknown = unknown.then(|| Unknown {
            playbook: PlaybookName::new("disk-full").unwrap(),
            why: "disk.used is unknown".into(),
        });
        SweepResult {
            system: SystemName::new("north").unwrap(),
            diagnosis: Diagnosis { unknown: unknown.into_iter().collect(), ..Diagnosis::default() },
            opened: None,
        }
    }

    #[test]
    fn checks_that_cannot_be_read_are_told_once() {
        let written = Written::default();
        let sink = written.clone();
        let log = tracing_subscriber::fmt().with_ansi(false).with_writer(move || sink.clone()).finish();
        tracing::subscriber::with_default(log, || {
            let reachability = Reachability::new(Arc::default());
            let system = SystemName::new("north").unwrap();
            assert_eq!(reachability.is_lost(&system), None, "nobody has looked yet");
            for unknown in [false, true, true, true, false, false, true] {
                reachability.note_sweep(&[swept(unknown)]);
                assert_eq!(reachability.is_lost(&system), Some(unknown));
            }
        });
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.matches("checks of this system cannot be read").count(), 2, "{text}");
        assert!(text.contains("system=north") && text.contains("why=disk.used is unknown"), "{text}");
    }
}
