//! The real binary with a configuration of its own, on a simulated GitHub over HTTP and a simulated host over
//! SSH. Where time may be virtual, use `test_agent`.

use fieldmedic::clock::SystemClock;
use fieldmedic::core::ticket::{Repo, TicketId};
use fieldmedic::ports::Clock;
use fieldmedic::sandbox::github::{AccountKind, FakeGitHub, RepoRole};
use fieldmedic::sandbox::host::{AuthorizedKey, FakeHost, HostSpec, Server, SharedHost, write_key};
use fieldmedic::scenario;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::process::{Child, Command};

pub const TOKEN: &str = "binary-token-0123456789";
pub const MEDIC: &str = "fieldmedic-bot";

/// Everything that one run of the binary needs.
pub struct TestBinary {
    pub hub: FakeGitHub,
    pub host: SharedHost,
    pub server: Option<Server>,
    pub repo: Repo,
    pub dir: TempDir,
}

/// What a run printed, and how it ended.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl TestBinary {
    /// The host is the one of a scenario.
    pub async fn new(scenario_name: &str) -> TestBinary {
        let folder = crate::scenarios::fixtures().join("qfieldcloud").join(scenario_name);
        let text = scenario::host_text(&folder.join("host.yaml")).expect("the host file can be read");
        Self::with_host(&text).await
    }

    /// The host is described by this text.
    pub async fn with_host(host_yaml: &str) -> TestBinary {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let dir = tempfile::tempdir().expect("a folder");
        let repo: Repo = "example/tickets".parse().expect("a repository");
        let hub = FakeGitHub::start(clock.clone()).await.expect("a simulated GitHub");
        hub.register(MEDIC, AccountKind::Bot, TOKEN);
        hub.grant(&repo, MEDIC, RepoRole::Write);
        hub.grant(&repo, "ops-lead", RepoRole::Write);
        hub.grant(&repo, "field-agent", RepoRole::Read);
        let file = HostSpec::parse(host_yaml).expect("the host file is right");
        let host = FakeHost::new(&file, clock.now()).share();
        let public = write_key(&dir.path().join("key")).expect("a key");
        let server =
            Server::start(host.clone(), &AuthorizedKey::Key(public), clock).await.expect("a simulated host");
        std::fs::write(dir.path().join("known_hosts"), server.known_hosts().join("\n") + "\n")
            .expect("known_hosts");
        let binary = TestBinary { hub, host, server: Some(server), repo, dir };
        binary.configure("mode = \"act\"");
        binary
    }

    /// Writes the configuration, with this in `[policy]`.
    pub fn configure(&self, policy: &str) {
        let address = self.server.as_ref().expect("the host is up").address();
        let config = format!(
            "dashboard = {{ listen = \"127.0.0.1:0\" }}\n[github]\nrepos = [\"example/tickets\"]\non_call = [\"ops-lead\"]\nbase_url = \"{}\"\n\
             token_env = \"TEST_TOKEN\"\npoll_interval = \"1s\"\n[store]\npath = \"journal.db\"\n[policy]\n{policy}\nsoak = \"1s\"\n\
             [hosts.main]\naddress = \"{}\"\nport = {}\nuser = \"medic\"\nkey = \"key\"\nknown_hosts = \"known_hosts\"\nssh_config = false\n\
             [systems.qfieldcloud]\nhosts = {{ main = \"main\" }}\n",
            self.hub.url(),
            address.ip(),
            address.port(),
        );
        std::fs::write(self.config(), config).expect("the configuration is written");
    }

    pub fn config(&self) -> PathBuf {
        self.dir.path().join("fieldmedic.toml")
    }

    /// Files a ticket as a person.
    pub fn file(&self, title: &str, body: &str) -> TicketId {
        self.hub.file(&self.repo, "field-agent", title, body, &["support"]).expect("GitHub takes the ticket")
    }

    /// The binary with these arguments, ready to run.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fieldmedic"));
        command
            .arg("--config")
            .arg(self.config())
            .args(arguments)
            .env("TEST_TOKEN", TOKEN)
            .env_remove("SSH_AUTH_SOCK")
            .env_remove("FIELDMEDIC_LOG")
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// Runs in the background; the output is thrown away.
    pub fn spawn(&self, arguments: &[&str]) -> Child {
        let mut command = self.command(arguments);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the binary starts")
    }

    pub async fn run(&self, arguments: &[&str]) -> Ran {
        ran(self.command(arguments)).await
    }

    /// Bodies of the agent's comments of this kind: `status`, `report`, `call`.
    pub fn said(&self, id: &TicketId, kind: &str) -> Vec<String> {
        let comments = self.hub.comments(id);
        let of_kind = comments
            .into_iter()
            .filter(|c| c.body.starts_with("<!-- fieldmedic") && c.body.contains(&format!("kind={kind}")));
        of_kind.map(|comment| comment.body).collect()
    }

    pub fn labels(&self, id: &TicketId) -> Vec<String> {
        self.hub.issue(id).expect("the issue is there").labels.iter().map(|label| label.to_string()).collect()
    }

    pub fn is_closed(&self, id: &TicketId) -> bool {
        self.hub.issue(id).expect("the issue is there").is_closed()
    }

    /// The command lines that the host was given.
    pub fn commands(&self) -> Vec<String> {
        self.host.lock().log().iter().map(|logged| logged.line.clone()).collect()
    }
}

/// Runs a command to its end.
pub async fn ran(mut command: Command) -> Ran {
    let output = command.output().await.expect("the binary runs");
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Nothing takes so long, even on a small machine with all other tests at work.
pub const PATIENCE: Duration = Duration::from_secs(600);

/// Waits for something to become so.
pub async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "it did not happen: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Asks a daemon to stop.
pub fn terminate(daemon: &Child) {
    send(daemon, "-TERM");
}

/// Sends a signal to a process, such as `-HUP`.
pub fn send(process: &Child, signal: &str) {
    let pid = process.id().expect("it runs").to_string();
    let sent = std::process::Command::new("kill").args([signal, &pid]).status().expect("kill");
    assert!(sent.success());
}
