//! The adapter against a host in a box, over real connections on 127.0.0.1.

use crate::core::case::event::CaseId;
use crate::core::diagnosis::evidence::{Exit, RawObservation};
use crate::core::diagnosis::plan::Plan;
use crate::core::expr::value_type::ValueType;
use crate::core::ids::{HostName, PlaybookName};
use crate::core::playbook::command::{Command, Template, TemplateSource, Values};
use crate::core::policy::permit;
use crate::core::policy::permit::{Mode, Policy, Risk};
use crate::ports::{Clock, Leases, Shell, ShellError};
use crate::sandbox::host::{AuthorizedKey, FakeHost, HostSpec, Server, SharedHost, write_key};
use crate::ssh::*;
use crate::store::Sqlite;
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

mod openssh;

struct Real;

#[async_trait]
impl Clock for Real {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    async fn sleep_until(&self, at: DateTime<Utc>) {
        tokio::time::sleep((at - Utc::now()).to_std().unwrap_or_default()).await;
    }
}

struct Nothing;

impl Values for Nothing {
    fn value(&self, name: &str) -> Result<(Value, ValueType), String> {
        Err(format!("there is no {name}"))
    }
}

const HOST: &str = "
state: { down: false, done: 0 }
unreachable: down
commands:
  - { run: hello, stdout: out, stderr: err, exit: 3 }
  - { run: killed, signal: KILL }
  - { run: silent, exit: unknown }
  - { run: slow, duration: 200ms, stdout: slow }
  - { run: hang, fault: hang, stdout: begun }
  - { run: stuck, fault: stuck }
  - { run: flood, fault: flood }
  - { run: drop, times: 1, duration: 50ms, fault: drop, set: { done: done + 1 } }
  - { run: drop, stdout: again }
  - { run: partial, fault: partial, stdout: abcdef }
  - { run: refuse, fault: refuse }
  - { run: unknown, stderr: \"fieldmedic gate: not admitted, nothing was run\\n\", exit: 97 }
  - { run: other, stderr: \"nothing was run\\n\", exit: 97 }
  - { run: big, stdout: \"{{ 'x' * 3000000 }}\" }
";

/// A host in a box, and all that is needed to get in.
struct Stage {
    server: Server,
    model: SharedHost,
    home: TempDir,
    remote: Remote,
}

impl Stage {
    async fn new() -> Self {
        Self::with(HOST).await
    }

    async fn with(host: &str) -> Self {
        let home = TempDir::new().unwrap();
        let key = home.path().join("key");
        let public = write_key(&key).unwrap();
        let model = FakeHost::new(&HostSpec::parse(host).unwrap(), Utc::now()).share();
        let server = Server::start(model.clone(), &AuthorizedKey::Key(public), Arc::new(Real)).await.unwrap();
        let known_hosts = home.path().join("known_hosts");
        std::fs::write(&known_hosts, server.known_hosts().join("\n")).unwrap();
        let probe = Login { user: Some("medic".into()), keys: vec![key], agent: None };
        let remote = Remote {
            address: "127.0.0.1".into(),
            port: Some(server.address().port()),
            known_hosts: Some(known_hosts),
            system_known_hosts: home.path().join("system_known_hosts"),
            ssh_config: SshConfig::Off,
            probe,
            change: None,
        };
        Self { server, model, home, remote }
    }

    fn hosts(&self) -> SshHosts {
        let limits = SessionLimits { grace: Duration::from_millis(200), ..SessionLimits::default() };
        hosts(self.remote.clone(), limits)
    }
}

fn hosts(remote: Remote, limits: SessionLimits) -> SshHosts {
    SshHosts::new(BTreeMap::from([(name(), HostRoute::Ssh(remote))]), limits, Arc::new(Real))
}

fn hosts_of(route: HostRoute) -> SshHosts {
    SshHosts::new(BTreeMap::from([(name(), route)]), SessionLimits::default(), Arc::new(Real))
}

fn name() -> HostName {
    HostName::new("box").unwrap()
}

fn command(run: &str, timeout: Duration) -> Command {
    let source = TemplateSource { run: Some(run), timeout, ..TemplateSource::default() };
    Template::new(source).unwrap().render(&Nothing).unwrap()
}

async fn probe(hosts: &SshHosts, run: &str) -> Result<RawObservation, ShellError> {
    hosts.probe(&name(), &command(run, Duration::from_secs(20))).await
}

async fn seen(hosts: &SshHosts, run: &str) -> RawObservation {
    probe(hosts, run).await.unwrap_or_else(|error| panic!("{run}: {error}"))
}

async fn error(hosts: &SshHosts, run: &str) -> ShellError {
    probe(hosts, run).await.err().unwrap_or_else(|| panic!("{run} gave an observation"))
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let patience = Instant::now();
    while !holds() {
        assert!(patience.elapsed() < Duration::from_secs(20), "waited in vain: {what}");
        tokio::task::yield_now().await;
    }
}

fn not_started(error: &ShellError) -> &str {
    match error {
        ShellError::NotStarted { why } => why,
        ShellError::InDoubt { why, .. } => panic!("in doubt: {why}"),
    }
}

fn in_doubt(error: &ShellError) -> &str {
    match error {
        ShellError::InDoubt { why, .. } => why,
        ShellError::NotStarted { why } => panic!("not started: {why}"),
    }
}

#[tokio::test]
async fn a_command_is_seen_whole() {
    let stage = Stage::new().await;
    let hosts = stage.hosts();
    assert!(hosts.connect(&name()).await.unwrap() > Duration::ZERO);
    assert_eq!(hosts.connect(&name()).await.unwrap(), Duration::ZERO);
    let hello = seen(&hosts, "hello").await;
    assert_eq!(hello.exit, Exit::Code(3));
    assert_eq!((&hello.stdout.kept[..], &hello.stderr.kept[..]), (&b"out"[..], &b"err"[..]));
    assert_eq!(seen(&hosts, "killed").await.exit, Exit::Signal("KILL".into()));
    assert_eq!(seen(&hosts, "silent").await.exit, Exit::Unknown);
    let big = seen(&hosts, "big").await;
    assert_eq!((big.stdout.kept.len(), big.stdout.length), (1024 * 1024, 3_000_000));
    assert!(big.stdout == capture(&[b'x'; 3_000_000], 1024 * 1024));
    assert_eq!(seen(&hosts, "nobody-knows-it").await.exit, Exit::Code(127));
    assert_eq!(stage.server.connections(), 1);
}

#[tokio::test]
async fn a_command_that_does_not_end_is_ended() {
    let stage = Stage::new().await;
    let hosts = stage.hosts();
    let limit = Duration::from_millis(300);
    let error = hosts.probe(&name(), &command("hang", limit)).await.err().unwrap();
    assert_eq!(in_doubt(&error), "the command did not end within 300 ms; it was told to stop, and stopped");
    assert_eq!(seen(&hosts, "hello").await.exit, Exit::Code(3));
    assert_eq!(stage.server.connections(), 1, "a session that ended leaves the connection good");

    let error = hosts.probe(&name(), &command("stuck", limit)).await.err().unwrap();
    assert!(in_doubt(&error).ends_with("may still be running"), "{error}");
    assert_eq!(seen(&hosts, "hello").await.exit, Exit::Code(3));
    assert_eq!(stage.server.connections(), 2, "a session that may be left over is not counted on");
}

#[tokio::test]
async fn a_flood_is_stopped() {
    let stage = Stage::new().await;
    let limits = SessionLimits { output: 8 * 1024 * 1024, ..SessionLimits::default() };
    let hosts = hosts(stage.remote.clone(), limits);
    let error = error(&hosts, "flood").await;
    assert_eq!(in_doubt(&error), "the command wrote more than 8 MiB; it was told to stop, and stopped");
}

#[tokio::test]
async fn what_breaks_midway_is_in_doubt_and_the_next_command_connects_again() {
    let stage = Stage::new().await;
    let hosts = stage.hosts();
    assert!(in_doubt(&error(&hosts, "drop").await).contains("broke while the command ran"));
    assert_eq!(seen(&hosts, "drop").await.stdout.kept, b"again");
    assert_eq!(stage.server.connections(), 2);
    assert_eq!(stage.model.lock().state("done", Utc::now()), Some(1.into()));
    assert!(in_doubt(&error(&hosts, "partial").await).contains("broke while the command ran"));
    assert_eq!(stage.model.lock().log().len(), 3, "nothing was asked for twice");
}

#[tokio::test]
async fn what_the_host_refuses_was_not_started() {
    let stage = Stage::new().await;
    let hosts = stage.hosts();
    assert!(not_started(&error(&hosts, "refuse").await).contains("refused to run the command"));
    assert_eq!(seen(&hosts, "hello").await.exit, Exit::Code(3));
    assert_eq!(stage.server.connections(), 1);
}

#[tokio::test]
async fn what_the_gate_does_not_admit_was_not_started() {
    for version in [1, 2] {
        let gate =
            format!("  - {{ run: fieldmedic-gate-version, stdout: \"fieldmedic-gate {version} abc\\n\" }}\n");
        let stage = Stage::with(&(HOST.to_owned() + &gate)).await;
        let hosts = stage.hosts();
        let said = hosts.ask_gate(&name(), Access::Probe).await.unwrap();
        assert_eq!(said, Some(format!("fieldmedic-gate {version} abc")));
        assert!(not_started(&error(&hosts, "unknown").await).contains("`fieldmedic host-setup`"));
        // A command that ran and ends like it is an observation.
        assert_eq!(seen(&hosts, "other").await.exit, Exit::Code(97));
        assert_eq!(seen(&hosts, "hello").await.stdout.kept, b"out");
        let log = stage.model.lock().log().iter().map(|command| command.line.clone()).collect::<Vec<_>>();
        assert_eq!(
            log,
            ["fieldmedic-gate-version", "unknown", "other", "hello"],
            "a gate sees lines as they are"
        );
    }
}

#[tokio::test]
async fn only_a_gate_can_refuse() {
    let stage = Stage::new().await;
    let hosts = stage.hosts();
    assert_eq!(hosts.ask_gate(&name(), Access::Probe).await.unwrap(), None);
    // The host ran it, and speaks like a gate that did not.
    assert_eq!(seen(&hosts, "unknown").await.exit, Exit::Code(97));
    assert_eq!(seen(&hosts, "other").await.exit, Exit::Code(97));
}

#[tokio::test]
async fn many_share_one_connection_and_few_sessions() {
    let stage = Stage::new().await;
    let hosts = Arc::new(stage.hosts());
    let mut probes = tokio::task::JoinSet::new();
    for _ in 0..30 {
        let hosts = Arc::clone(&hosts);
        probes.spawn(async move { seen(&hosts, "slow").await.stdout.kept });
    }
    let outputs = probes.join_all().await;
    assert!(outputs.iter().all(|output| output == b"slow"));
    assert_eq!(stage.server.connections(), 1);
    assert!((2..=8).contains(&stage.server.peak_channels()), "{}", stage.server.peak_channels());
}

#[tokio::test]
async fn who_stops_waiting_closes_the_channel() {
    let stage = Stage::new().await;
    let hosts = Arc::new(stage.hosts());
    let waiting = tokio::spawn({
        let hosts = Arc::clone(&hosts);
        async move { probe(&hosts, "hang").await.is_ok() }
    });
    until("the command is asked for", || !stage.model.lock().log().is_empty()).await;
    waiting.abort();
    until("the channel is closed", || stage.server.channels() == 0).await;
    assert_eq!(seen(&hosts, "hello").await.exit, Exit::Code(3));
}

#[tokio::test]
async fn unknown_and_changed_host_keys_are_refused() {
    let stage = Stage::new().await;
    let ours = stage.server.known_hosts();
    let other = Stage::new().await.server.known_hosts();
    let file = stage.remote.known_hosts.as_ref().unwrap();

    std::fs::remove_file(file).unwrap();
    let unknown = error(&stage.hosts(), "hello").await;
    let why = not_started(&unknown);
    assert!(why.ends_with(&format!("{}:\n{}", file.display(), ours[0])), "{why}");
    assert!(why.contains("fingerprint SHA256:"), "{why}");

    // The line that was shown is the line that helps.
    std::fs::write(file, why.lines().last().unwrap()).unwrap();
    assert_eq!(seen(&stage.hosts(), "hello").await.exit, Exit::Code(3));

    // The host has an ed25519 key too, but this is the one that can be checked.
    std::fs::write(file, &ours[1]).unwrap();
    assert_eq!(seen(&stage.hosts(), "hello").await.exit, Exit::Code(3));

    let foreign = other[0].split_once(' ').unwrap().1;
    std::fs::write(file, format!("# pinned\n{} {foreign}\n", ours[0].split_once(' ').unwrap().0)).unwrap();
    let changed = error(&stage.hosts(), "hello").await;
    let why = not_started(&changed);
    assert!(why.contains("HAS CHANGED") && why.contains("in line 2") && why.ends_with(&ours[0]), "{why}");
    assert!(stage.model.lock().log().len() == 2, "nothing was asked of a host that is not trusted");
}

#[tokio::test]
async fn a_login_that_fails_says_why() {
    let mut stage = Stage::new().await;
    let wrong = stage.home.path().join("wrong");
    write_key(&wrong).unwrap();
    stage.remote.probe.keys = vec![wrong.clone()];
    let refused = error(&stage.hosts(), "hello").await;
    let why = not_started(&refused);
    assert!(why.contains("refused to let `medic` in") && why.contains(&wrong.display().to_string()), "{why}");
    assert!(why.contains("authorized_keys"), "{why}");

    stage.remote.probe.keys = vec![stage.home.path().join("missing")];
    let missing = error(&stage.hosts(), "hello").await;
    assert!(not_started(&missing).contains("missing cannot be read: No such file"), "{missing}");

    std::fs::write(&wrong, "no key at all").unwrap();
    stage.remote.probe.keys = vec![wrong];
    assert!(not_started(&error(&stage.hosts(), "hello").await).contains("it is no private key"));

    stage.remote.probe.keys.clear();
    assert!(not_started(&error(&stage.hosts(), "hello").await).contains("there is no key for "));
}

#[tokio::test]
async fn a_host_that_is_down_is_not_started_and_comes_back() {
    let stage = Stage::new().await;
    let hosts = stage.hosts();
    assert_eq!(seen(&hosts, "hello").await.exit, Exit::Code(3));
    stage.model.lock().set("down", true.into(), Utc::now()).unwrap();
    not_started(&error(&hosts, "hello").await);
    stage.model.lock().set("down", false.into(), Utc::now()).unwrap();
    assert_eq!(seen(&hosts, "hello").await.exit, Exit::Code(3));

    let mut nowhere = stage.remote.clone();
    // Port 1 of the loopback: nothing listens there.
    nowhere.port = Some(1);
    let error = error(&crate::ssh::tests::hosts(nowhere, SessionLimits::default()), "hello").await;
    assert!(not_started(&error).contains("connection refused"), "{error}");
}

#[tokio::test]
async fn a_host_that_says_nothing_is_given_up() {
    let mut stage = Stage::new().await;
    let mute = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    stage.remote.port = Some(mute.local_addr().unwrap().port());
    let hosts = hosts(
        stage.remote.clone(),
        SessionLimits { connect: Duration::from_millis(200), ..SessionLimits::default() },
    );
    let (one, two, three) =
        tokio::join!(probe(&hosts, "hello"), probe(&hosts, "hello"), probe(&hosts, "hello"));
    for answer in [one, two, three] {
        let error = answer.err().unwrap();
        assert!(not_started(&error).contains("did not answer within 200 ms"), "{error}");
    }
    // All who waited share the one answer.
    mute.accept().await.unwrap();
    let second = tokio::time::timeout(Duration::from_millis(50), mute.accept()).await;
    assert!(second.is_err(), "one of them tried again");
}

#[tokio::test]
async fn a_change_does_not_begin_after_its_lease() {
    let stage = Stage::new().await;
    let limits = SessionLimits { sessions: 1, ..SessionLimits::default() };
    let hosts = hosts(stage.remote.clone(), limits);
    let plan = Plan {
        playbook: PlaybookName::new("p").unwrap(),
        risk: Risk::Low,
        steps: Vec::new(),
        hash: "h".into(),
    };
    let permit =
        permit::authorize(&Policy { mode: Mode::Act, ..Policy::default() }, &plan, [None; 2], 0, None)
            .unwrap();
    let store = Sqlite::in_memory().await.unwrap();
    let case = CaseId::from_text("c0123456789ab").unwrap();
    hosts.connect(&name()).await.unwrap();
    let (slow, ()) = tokio::join!(probe(&hosts, "slow"), async {
        until("the only session is taken", || !stage.model.lock().log().is_empty()).await;
        let ttl = Duration::from_millis(100);
        let lease = store.acquire_lease(&name(), &case, Utc::now(), ttl).await.unwrap().unwrap();
        let hello = command("hello", Duration::from_secs(20));
        let error = hosts.change(&name(), &hello, &permit, &lease).await.err().unwrap();
        assert!(not_started(&error).contains("lease"), "{error}");
    });
    assert_eq!(slow.unwrap().exit, Exit::Code(0));
    assert_eq!(stage.model.lock().log().len(), 1, "the change was asked for");
}

#[tokio::test]
async fn a_change_needs_a_lease_that_holds() {
    let mut stage = Stage::new().await;
    stage.remote.change = Some(Login { user: Some("changer".into()), ..stage.remote.probe.clone() });
    let hosts = stage.hosts();
    let plan = Plan {
        playbook: PlaybookName::new("p").unwrap(),
        risk: Risk::Low,
        steps: Vec::new(),
        hash: "h".into(),
    };
    let permit =
        permit::authorize(&Policy { mode: Mode::Act, ..Policy::default() }, &plan, [None; 2], 0, None)
            .unwrap();
    let store = Sqlite::in_memory().await.unwrap();
    let lease = async |host: HostName, seconds: u64| {
        let case = CaseId::from_text("c0123456789ab").unwrap();
        let granted_at = Utc::now() - TimeDelta::seconds(60);
        let ttl = Duration::from_secs(60 + seconds) - Duration::from_secs(1);
        store.acquire_lease(&host, &case, granted_at, ttl).await.unwrap().unwrap()
    };
    let hello = command("hello", Duration::from_secs(20));
    for (lease, expect) in [
        (lease(HostName::new("other").unwrap(), 60).await, Some("is for other")),
        (lease(name(), 0).await, Some("ran out at")),
        (lease(name(), 60).await, None),
    ] {
        let answer = hosts.change(&name(), &hello, &permit, &lease).await;
        match (answer, expect) {
            (Ok(seen), None) => assert_eq!(seen.exit, Exit::Code(3)),
            (Err(error), Some(words)) => assert!(not_started(&error).contains(words), "{error}"),
            (answer, expect) => panic!("{:?} instead of {expect:?}", answer.map(|seen| seen.exit)),
        }
    }
    assert_eq!(stage.model.lock().log().len(), 1);
    seen(&hosts, "hello").await;
    assert_eq!(stage.server.connections(), 2, "each login has a connection of its own");
}
