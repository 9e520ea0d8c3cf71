//! A GitHub, a host and a configuration, all on this machine, and the program that runs with them.

use chrono::{DateTime, Utc};
use fieldmedic::clock::SystemClock;
use fieldmedic::core::ticket::{Repo, TicketId};
use fieldmedic::ports::Clock;
use fieldmedic::sandbox::github::{AccountKind, FakeGitHub, Hooks, RepoRole};
use fieldmedic::sandbox::host::{AuthorizedKey, FakeHost, HostSpec, Server, SharedHost, write_key};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

const TOKEN: &str = "ghs_measuredmeasuredmeasuredmeasured0000";
pub const SECRET: &str = "a-webhook-secret";

const SYSTEM: &str = "format: 1
system_type: unit
summary: A unit of a host
params:
  unit: { type: name, help: its name }
probes:
  show:
    run: unitctl show {{ unit }}
    parse: keyvalue
    facts:
      active: values.active | number
";

const PLAYBOOK: &str = "playbook: unit-down
title: The unit is down
symptoms: { patterns: ['down'] }
when: show.active == 0
summary: the unit is down
risk: low
mode: ask
remediation:
  - { name: start it, run: 'unitctl start {{ unit }}', if_interrupted: rerun, timeout: 5s }
verify:
  - { that: show.active == 1, timeout: 60s }
escalate: { advice: look at the unit }
";

pub struct Setup {
    pub github: FakeGitHub,
    pub repo: Repo,
    pub host: SharedHost,
    pub dir: TempDir,
    pub webhook: u16,
    _server: Server,
}

impl Setup {
    /// One host with one unit that is down, and one that is well.
    pub async fn new() -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let dir = tempfile::tempdir().expect("a folder");
        let repo: Repo = "example/tickets".parse().expect("a repository");
        let github = FakeGitHub::start(clock.clone()).await.expect("a GitHub");
        github.register("fieldmedic-bot", AccountKind::Bot, TOKEN);
        github.grant(&repo, "fieldmedic-bot", RepoRole::Write);
        github.grant(&repo, "field-agent", RepoRole::Read);
        let spec = "state: { down: { active: 0 }, well: { active: 1 } }
commands:
  - { run: unitctl show down, stdout: 'active={{ down.active }}' }
  - { run: unitctl show well, stdout: 'active={{ well.active }}' }
  - { run: unitctl start down, set: { down.active: 1 } }
";
        let host = FakeHost::new(&HostSpec::parse(spec).expect("a host"), clock.now()).share();
        let key = write_key(&dir.path().join("key")).expect("a key");
        let server = Server::start(host.clone(), &AuthorizedKey::Key(key), clock).await.expect("a host");
        write(dir.path(), "playbooks/unit/system.yaml", SYSTEM);
        write(dir.path(), "playbooks/unit/unit-down.yaml", PLAYBOOK);
        write(dir.path(), "known_hosts", &(server.known_hosts().join("\n") + "\n"));
        let webhook =
            TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("a port").port();
        let config = format!(
            "playbooks = \"playbooks\"\ndashboard = {{ enabled = false }}\n\
             [github]\nrepos = [\"example/tickets\"]\nbase_url = \"{}\"\ntoken_env = \"MEASURE_TOKEN\"\n\
             poll_interval = \"1h\"\nwrite_interval = \"0s\"\n\
             [webhook]\nlisten = \"127.0.0.1:{webhook}\"\nsecret_env = \"MEASURE_SECRET\"\n\
             [sweep]\nsystems = \"0 0 1 1 *\"\ntickets = \"0 0 1 1 *\"\n\
             [store]\npath = \"journal.db\"\n\
             [policy]\nmode = \"act\"\n\
             [hosts.main]\naddress = \"{}\"\nport = {}\nuser = \"medic\"\nkey = \"key\"\n\
             known_hosts = \"known_hosts\"\nssh_config = false\n\
             [systems.down]\ntype = \"unit\"\nhosts = {{ main = \"main\" }}\nparams = {{ unit = \"down\" }}\n\
             [systems.well]\ntype = \"unit\"\nhosts = {{ main = \"main\" }}\nparams = {{ unit = \"well\" }}\n",
            github.url(),
            server.address().ip(),
            server.address().port(),
        );
        write(dir.path(), "fieldmedic.toml", &config);
        github.hook(Hooks { url: format!("http://127.0.0.1:{webhook}/webhook"), secret: SECRET.to_owned() });
        Self { github, repo, host, dir, webhook, _server: server }
    }

    pub fn journal(&self) -> PathBuf {
        self.dir.path().join("journal.db")
    }

    /// Files a ticket about the unit that is down.
    pub fn file(&self) -> TicketId {
        let filed =
            self.github.file(&self.repo, "field-agent", "down is down", "Nothing works.", &["support"]);
        filed.expect("it is filed")
    }

    /// Starts the daemon and waits until it answers.
    pub async fn serve(&self, program: &Path) -> Daemon {
        let begun = Instant::now();
        let mut command = Command::new(program);
        command.arg("--config").arg(self.dir.path().join("fieldmedic.toml")).arg("serve");
        command.env("MEASURE_TOKEN", TOKEN).env("MEASURE_SECRET", SECRET).env_remove("SSH_AUTH_SOCK");
        let log = fs::File::create(self.dir.path().join("log")).expect("a log");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).kill_on_drop(true);
        let child = command.spawn().expect("the program starts");
        let daemon = Daemon { pid: child.id().expect("it runs"), _child: child };
        until(async || tokio::net::TcpStream::connect(("127.0.0.1", self.webhook)).await.is_ok()).await;
        eprintln!("serve answers after {:?}", begun.elapsed());
        daemon
    }
}

fn write(dir: &Path, file: &str, text: &str) {
    let path = dir.join(file);
    fs::create_dir_all(path.parent().expect("a folder")).expect("the folder is made");
    fs::write(path, text).expect("the file is written");
}

/// Waits until it holds, for two minutes at most. Gives how long that took.
pub async fn until(mut holds: impl AsyncFnMut() -> bool) -> Duration {
    let begun = Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < Duration::from_secs(120), "it did not come about");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    begun.elapsed()
}

/// The daemon; it ends with this value.
pub struct Daemon {
    pid: u32,
    _child: Child,
}

/// What a process has taken so far.
#[derive(Debug, Clone, Copy)]
pub struct Usage {
    pub cpu: Duration,
    pub written: u64,
}

impl Daemon {
    /// From `/proc`: ticks are hundredths of a second.
    pub fn usage(&self) -> Usage {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid)).expect("it runs");
        let fields: Vec<&str> = stat.rsplit_once(')').expect("its name").1.split_whitespace().collect();
        let ticks: u64 = [11, 12].iter().map(|at| fields[*at].parse::<u64>().expect("a number")).sum();
        let io = fs::read_to_string(format!("/proc/{}/io", self.pid)).expect("it runs");
        let written = io.lines().find_map(|line| line.strip_prefix("write_bytes: ")).expect("what it wrote");
        Usage { cpu: Duration::from_millis(ticks * 10), written: written.parse().expect("a number") }
    }

    /// Resident memory in MB.
    pub fn memory(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid)).expect("it runs");
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("its memory");
        line.split_whitespace().nth(1).expect("a number").parse::<f64>().expect("a number") / 1024.0
    }
}

/// A time before now.
pub fn ago(duration: chrono::TimeDelta) -> DateTime<Utc> {
    SystemClock.now() - duration
}
