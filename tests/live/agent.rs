//! The agent: the real binary with a configuration of its own, and what it said.

use crate::stack::{Stack, drain, finish, wait};
use crate::tracker::{ON_CALL, SECRET, TOKEN, Tracker};
use fieldmedic::library::Files;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// No run of the agent takes longer than this.
const PATIENCE: Duration = Duration::from_secs(120);

/// One agent: configuration, journal, key; gone when it is dropped.
pub struct Agent {
    dir: TempDir,
    transcript: Arc<Mutex<String>>,
}

/// How a run ended.
pub struct Run {
    pub code: i32,
    pub stdout: String,
}

impl Agent {
    /// An agent for the stack as it is now. What it says goes to the transcript as well.
    pub fn new(stack: &Stack, tracker: &Tracker, transcript: &Arc<Mutex<String>>) -> Self {
        let dir = tempfile::tempdir_in(stack.dir().join("agents")).expect("a directory for the agent");
        write_private(&dir.path().join("key"), &stack.read("ssh/id_ed25519"));
        write_private(&dir.path().join("known_hosts"), &stack.read("ssh/known_hosts"));
        write_private(&dir.path().join("fieldmedic.toml"), &config(stack, tracker));
        Self { dir, transcript: transcript.clone() }
    }

    /// Puts another text in the place of the known hosts.
    pub fn trust(&self, known_hosts: &str) {
        write_private(&self.dir.path().join("known_hosts"), known_hosts);
    }

    pub fn config(&self) -> PathBuf {
        self.dir.path().join("fieldmedic.toml")
    }

    /// Puts another entry in the place of one in the configuration.
    pub fn configure(&self, from: &str, to: &str) {
        let path = self.config();
        let text = std::fs::read_to_string(&path).expect("the configuration");
        assert!(text.contains(from), "the configuration has no {from}");
        write_private(&path, &text.replace(from, to));
    }

    /// Takes the built-in playbooks, with other texts in the place of some of QFieldCloud's.
    pub fn edit_playbooks(&self, edits: &[(&str, &str, &str)]) {
        for (path, text) in Files::built_in().as_map() {
            let own = edits.iter().filter(|(file, ..)| *path == format!("qfieldcloud/{file}"));
            let text = own.fold(text.clone(), |text, (_, from, to)| {
                assert!(text.contains(from), "{path} has no {from}");
                text.replace(from, to)
            });
            let path = self.dir.path().join("playbooks").join(path);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder of playbooks");
            write_private(&path, &text);
        }
        let path = self.config();
        let config = std::fs::read_to_string(&path).expect("the configuration");
        write_private(&path, &format!("playbooks = \"playbooks\"\n{config}"));
    }

    /// Gives it a key of its own for changes, and puts the public halves beside both keys.
    pub fn part_keys(&self) {
        let change = self.dir.path().join("change");
        finish(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&change));
        let public = finish(Command::new("ssh-keygen").arg("-y").arg("-f").arg(self.key()));
        write_private(&self.dir.path().join("key.pub"), &public);
        self.configure("key = \"key\"", "key = \"key\"\nchange_key = \"change\"");
    }

    pub fn known_hosts(&self) -> PathBuf {
        self.dir.path().join("known_hosts")
    }

    pub fn key(&self) -> PathBuf {
        self.dir.path().join("key")
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Run {
        let mut child = self.spawn(arguments);
        let (out, err) = (drain(child.stdout.take()), drain(child.stderr.take()));
        let ended = wait(&mut child, PATIENCE);
        let (stdout, stderr) = (out.join().unwrap_or_default(), err.join().unwrap_or_default());
        self.note(&format!("$ fieldmedic {}\n{stderr}{stdout}", arguments.join(" ")));
        let Some(ended) = ended else {
            panic!("`fieldmedic {}` did not end within {PATIENCE:?}", arguments.join(" "))
        };
        Run { code: ended.code().unwrap_or(-1), stdout }
    }

    /// Runs a command that prints JSON.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let run = self.run(arguments);
        serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {}", run.stdout))
    }

    /// Starts a command and leaves it running.
    pub fn start(&self, arguments: &[&str]) -> Running {
        let mut child = self.spawn(arguments);
        self.note(&format!("$ fieldmedic {} &\n", arguments.join(" ")));
        let (tell, lines) = channel();
        let stderr = child.stderr.take();
        let transcript = self.transcript.clone();
        std::thread::spawn(move || {
            for line in
                stderr.into_iter().flat_map(|stderr| BufReader::new(stderr).lines()).map_while(Result::ok)
            {
                transcript.lock().expect("the transcript").push_str(&format!("{line}\n"));
                let _ = tell.send(line);
            }
        });
        drop(drain(child.stdout.take()));
        Running { child, lines }
    }

    /// The id of the case that was opened last.
    pub fn newest_case(&self) -> String {
        let cases = self.json(&["case", "list", "--json"]);
        cases[0]["case"].as_str().expect("a case was opened").to_owned()
    }

    fn spawn(&self, arguments: &[&str]) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fieldmedic"));
        command.arg("--config").arg(self.config()).args(arguments);
        command.env("FIELDMEDIC_GITHUB_TOKEN", TOKEN).env("FIELDMEDIC_WEBHOOK_SECRET", SECRET);
        command.env("FIELDMEDIC_PROGRESS", "1").env("NO_COLOR", "1").env_remove("SSH_AUTH_SOCK");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap_or_else(|error| panic!("the agent's binary cannot be started: {error}"))
    }

    fn note(&self, text: &str) {
        self.transcript.lock().expect("the transcript").push_str(text);
    }
}

/// A run that goes on; it is killed when it is dropped.
pub struct Running {
    child: Child,
    lines: Receiver<String>,
}

impl Running {
    /// Waits for a line of its progress that holds this text.
    pub fn wait_for(&self, text: &str, patience: Duration) -> String {
        let end = Instant::now() + patience;
        while let Ok(line) = self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
            if line.contains(text) {
                return line;
            }
        }
        panic!("the agent did not say {text:?} within {patience:?}");
    }

    /// Ends it at once, as a power failure would.
    pub fn kill(mut self) {
        self.child.kill().expect("a process of ours can be killed");
        self.child.wait().expect("a killed process ends");
    }

    /// Asks it to stop, and waits until it has.
    pub fn stop(mut self) {
        crate::stack::finish(Command::new("kill").args(["-TERM", &self.child.id().to_string()]));
        let ended = wait(&mut self.child, Duration::from_secs(30));
        assert!(ended.is_some_and(|ended| ended.success()), "the agent did not stop cleanly: {ended:?}");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn config(stack: &Stack, tracker: &Tracker) -> String {
    let env = |name| stack.env(name);
    format!(
        r#"
dashboard = {{ enabled = false }}
[github]
repos = ["{repo}"]
base_url = "{url}"
on_call = ["{ON_CALL}"]
poll_interval = "1h"

[webhook]
listen = "127.0.0.1:0"

[sweep]
tickets = "1h"
systems = "1h"

[policy]
mode = "act"
soak = "2s"

[hosts.main]
address = "{address}"
port = {port}
user = "{user}"
key = "key"
known_hosts = "known_hosts"

[systems.qfieldcloud]
hosts = {{ main = "main" }}
params = {{ project_path = "{project}", docker_root = "{docker_root}", backup_path = "{backups}", build_space_mb = 100, log_limit_mb = 20, hands_off_min = 0 }}
"#,
        repo = tracker.repo(),
        url = tracker.url(),
        address = env("LIVE_SSH_HOST"),
        port = env("LIVE_SSH_PORT"),
        user = env("LIVE_SSH_USER"),
        project = env("LIVE_PROJECT"),
        docker_root = stack.dir().join("smalldisk/docker").display(),
        backups = env("LIVE_BACKUPS"),
    )
}

/// SSH refuses a key that others may read.
fn write_private(path: &Path, text: &str) {
    use std::io::Write;
    let file = std::fs::OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(path);
    let written = file.and_then(|mut file| {
        file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
        file.write_all(text.as_bytes())
    });
    written.unwrap_or_else(|error| panic!("{} cannot be written: {error}", path.display()));
}
