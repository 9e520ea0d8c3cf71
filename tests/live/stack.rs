//! The server under care: brought up once, harmed and healed by the scripts in `stack/`, and taken away
//! whatever happens to the test.

use crate::logins::Logins;
use crate::process::PATIENCE;
pub use crate::process::{drain, finish, wait};
use crate::truth::Truth;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/live/stack");

pub struct Stack {
    dir: PathBuf,
    /// Whom the agent logs in as.
    pub user: String,
    harmed: Cell<bool>,
    /// Takes the stack down when its standard input ends: when this value is dropped, when the test
    /// panics, and when the test is killed.
    guard: Option<Child>,
}

impl Stack {
    /// The `number` tells the stacks of this process apart.
    pub fn up(number: usize) -> Self {
        let dir = std::env::temp_dir().join(format!("fieldmedic-live-{}-{number}", std::process::id()));
        let wait = r#"trap '' INT TERM HUP; cat >/dev/null; exec "$0" "$1""#;
        let mut guard = as_root("bash");
        guard.args(["-c", wait, &script("down"), text(&dir)]);
        // In a group of its own, so that Ctrl-C and a runner's time limit spare it.
        std::os::unix::process::CommandExt::process_group(&mut guard, 0);
        let guard = guard.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let guard = guard.unwrap_or_else(|error| panic!("bash cannot be started: {error}"));
        let mut stack = Self { dir, user: String::new(), harmed: Cell::new(false), guard: Some(guard) };
        stack.run("up", &[]);
        stack.user = stack.env("LIVE_SSH_USER");
        stack
    }

    /// Does harm, and gives what the script said.
    pub fn fault(&self, name: &str, arguments: &[&str]) -> String {
        self.harmed.set(true);
        self.run("fault", &[&[name], arguments].concat())
    }

    /// Back to the first day, unless it is still that.
    pub fn heal(&self) {
        if self.harmed.get() {
            self.run("fault", &["heal"]);
            self.harmed.set(false);
        }
    }

    /// Runs a shell script on the server as its administrator would; what it did is harm to be healed.
    pub fn administer(&self, script: &str) -> String {
        self.harmed.set(true);
        // A file: one argument holds 128 KB at most, and the set-up of a gate is longer.
        let mut file = tempfile::NamedTempFile::new().expect("a file for the script");
        file.write_all(script.as_bytes()).expect("the script is written");
        finish(as_root("sh").arg("-eu").arg(file.path()))
    }

    /// The truth, by other means than the agent's.
    pub fn truth(&self) -> Truth {
        let text = self.run("state", &[]);
        serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("`state` is not as expected: {error}\n{text}"))
    }

    /// Asks for the truth until it is as `so` says; the last one is given back either way.
    pub fn wait_until(&self, patience: Duration, so: impl Fn(&Truth) -> bool) -> Truth {
        let end = Instant::now() + patience;
        loop {
            let truth = self.truth();
            if so(&truth) || Instant::now() > end {
                return truth;
            }
            // To ask costs the server's cores, which it needs to get there.
            std::thread::sleep(Duration::from_millis(500));
        }
    }

    /// An entry of `live.env`.
    pub fn env(&self, name: &str) -> String {
        let text = self.read("live.env");
        let entries: BTreeMap<&str, &str> = text.lines().filter_map(|line| line.split_once('=')).collect();
        entries.get(name).unwrap_or_else(|| panic!("live.env has no {name}:\n{text}")).to_string()
    }

    /// A file below the stack's directory; some of them are root's.
    pub fn read(&self, path: &str) -> String {
        finish(as_root("cat").arg(self.dir.join(path)))
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What the SSH server has seen so far.
    pub fn logins(&self) -> Logins {
        Logins::read(&self.read("ssh/sshd.log"))
    }

    /// Waits until somebody has logged in since `before`, and no session is open any more.
    pub fn wait_for_quiet_since(&self, before: &Logins, patience: Duration) {
        let end = Instant::now() + patience;
        while Instant::now() < end {
            let now = self.logins();
            if now.sessions > before.sessions && now.open == 0 {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("the SSH server does not come to rest");
    }

    /// The commands that run for the login user now.
    pub fn remote_commands(&self) -> String {
        let listed = Command::new("ps").args(["-o", "args=", "-u", &self.user]).output();
        listed.map(|listed| String::from_utf8_lossy(&listed.stdout).into_owned()).unwrap_or_default()
    }

    fn run(&self, name: &str, arguments: &[&str]) -> String {
        finish(as_root(&script(name)).arg(&self.dir).args(arguments))
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        if let Some(mut guard) = self.guard.take() {
            drop(guard.stdin.take());
            let ended = wait(&mut guard, PATIENCE);
            if !ended.is_some_and(|ended| ended.success()) {
                crate::say(&format!(
                    "{} could not be taken down; run {}",
                    self.dir.display(),
                    script("down")
                ));
            }
        }
    }
}

fn script(name: &str) -> String {
    format!("{SCRIPTS}/{name}")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path below the directory for temporary files is text")
}

/// The stack's scripts need root; an ordinary user needs `sudo` without a password.
fn as_root(program: &str) -> Command {
    let mut id = Command::new("id");
    if finish(id.arg("-u")).trim() == "0" {
        return Command::new(program);
    }
    let mut command = Command::new("sudo");
    command.args(["-n", "--preserve-env=FIELDMEDIC_LIVE_CACHE,FIELDMEDIC_LIVE_DISK_MB", "--", program]);
    command
}
