//! Sweeps of many systems: they are probed at once, and one that does not answer holds up no other.

use crate::test_agent::TestAgent;
use async_trait::async_trait;
use chrono::TimeDelta;
use fieldmedic::core::diagnosis::evidence::RawObservation;
use fieldmedic::core::ids::{HostName, SystemName};
use fieldmedic::core::playbook::command::Command;
use fieldmedic::core::policy::permit::Permit;
use fieldmedic::engine::check_systems;
use fieldmedic::ports::{Lease, Shell, ShellError};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Barrier;
use tokio::time::timeout;

const DEAD: usize = 3;

/// A way to hosts of which some never answer. Each of these is given up when all of them are waited for.
struct SomeDead {
    inner: Arc<dyn Shell>,
    all_wait: Barrier,
    /// The dead hosts that were asked, once for each connection and each probe.
    asked: Mutex<Vec<String>>,
}

impl SomeDead {
    async fn ask(&self, host: &HostName) -> Result<(), ShellError> {
        if !host.as_str().starts_with("dead") {
            return Ok(());
        }
        self.asked.lock().expect("no test panics here").push(host.to_string());
        self.all_wait.wait().await;
        Err(ShellError::NotStarted { why: format!("{host} does not answer") })
    }
}

#[async_trait]
impl Shell for SomeDead {
    async fn connect(&self, host: &HostName) -> Result<Duration, ShellError> {
        self.ask(host).await?;
        self.inner.connect(host).await
    }

    async fn probe(&self, host: &HostName, command: &Command) -> Result<RawObservation, ShellError> {
        self.ask(host).await?;
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

#[tokio::test]
async fn hosts_that_do_not_answer_hold_up_no_other_and_are_asked_once_for_each_look() {
    let mut agent = TestAgent::on("worker-down").build().await;
    let inner = agent.context().shell.clone();
    let shell = Arc::new(SomeDead { inner, all_wait: Barrier::new(DEAD), asked: Mutex::default() });
    let context = agent.context_mut();
    context.shell = shell.clone();
    let mut inventory = (*context.inventory).clone();
    let alive = inventory.systems.values().next().expect("a system").clone();
    for number in 1..=DEAD {
        let mut dead = alive.clone();
        dead.name = SystemName::new(format!("a-dead-{number}")).expect("a name");
        let host = HostName::new(format!("dead-{number}")).expect("a name");
        dead.hosts.values_mut().for_each(|it| *it = host.clone());
        inventory.hosts.insert(host);
        inventory.systems.insert(dead.name.clone(), dead);
    }
    context.inventory = Arc::new(inventory);

    let swept = timeout(Duration::from_secs(60), check_systems(agent.context())).await;
    let swept = swept.expect("a dead host waits for another").expect("it is swept");

    let names: Vec<&str> = swept.iter().map(|swept| swept.system.as_str()).collect();
    assert_eq!(names, ["a-dead-1", "a-dead-2", "a-dead-3", alive.name.as_str()]);
    // Each has a case of its own, though all were found in one sweep.
    let unreported: Vec<_> = swept.iter().filter(|swept| swept.opened.is_none()).collect();
    assert!(unreported.is_empty(), "{unreported:?}");
    let mut asked = shell.asked.lock().expect("no test panics here").clone();
    asked.sort();
    assert_eq!(
        asked,
        ["dead-1", "dead-1", "dead-2", "dead-2", "dead-3", "dead-3"],
        "once for each of two looks"
    );
    // The one that a person has filed, and one for each system.
    assert_eq!(agent.tickets().len(), 1 + 1 + DEAD);
}

#[tokio::test]
async fn an_expensive_probe_waits_for_its_turn_and_the_faults_that_need_it_with_it() {
    let mut agent = TestAgent::on("disk-full-healthy").build().await;
    let mut library = (*agent.context().library).clone();
    let system = library.systems.get_mut("qfieldcloud").expect("a system type");
    let disk = system.probes.get_mut("disk").expect("a probe");
    disk.sweep_every = Some(Duration::from_secs(6 * 3600));
    agent.context_mut().library = Arc::new(library);
    let judged = async |agent: &TestAgent| {
        let swept = check_systems(agent.context()).await.expect("it is swept");
        let diagnosis = &swept.first().expect("a system").diagnosis;
        assert!(diagnosis.findings.is_empty() && diagnosis.unknown.is_empty(), "{diagnosis:?}");
        diagnosis.ruled_out.iter().any(|fault| fault.as_str() == "disk-full")
    };

    assert!(judged(&agent).await);
    let looks = agent.ran("df -P");
    agent.passes(TimeDelta::hours(5));
    assert!(!judged(&agent).await, "nobody knows how full the disk is");
    assert_eq!(agent.ran("df -P"), looks);
    agent.passes(TimeDelta::hours(2));
    assert!(judged(&agent).await);
}
