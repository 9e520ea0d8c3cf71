//! From nothing to a first diagnosis: `fieldmedic init` and `fieldmedic host add` against a simulated GitHub, a simulated
//! host and a real OpenSSH server on 127.0.0.1, by a file of answers, by lines of input and in a terminal.

use crate::harness::{PATIENCE, Ran, TOKEN, TestBinary, ran};
use fieldmedic::clock::SystemClock;
use fieldmedic::config::Config;
use fieldmedic::core::policy::permit::Mode;
use fieldmedic::ports::Clock;
use fieldmedic::sandbox::host::{AuthorizedKey, FakeHost, HostSpec, Server, write_key};
use fieldmedic::scenario;
use fieldmedic::ssh::make_key;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, Command};

/// A new configuration in a folder of its own, with a home that nothing is in.
struct Desk {
    dir: TempDir,
}

impl Desk {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(dir.path().join("home")).expect("a folder");
        Self { dir }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> String {
        std::fs::write(self.at(name), text).expect("written");
        self.at(name).display().to_string()
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.at(name)).expect("it is there")
    }

    fn arguments(&self, arguments: &[&str]) -> Vec<String> {
        let own = ["--config".to_owned(), self.at("fieldmedic.toml").display().to_string()];
        own.into_iter().chain(arguments.iter().map(|word| (*word).to_owned())).collect()
    }

    fn prepare(&self, command: &mut Command) {
        command
            .env("FIELDMEDIC_GITHUB_TOKEN", TOKEN)
            .env("HOME", self.at("home"))
            .env_remove("SSH_AUTH_SOCK")
            .env_remove("FIELDMEDIC_LOG")
            .env_remove("CLICOLOR_FORCE")
            .stdin(Stdio::null())
            .kill_on_drop(true);
    }

    async fn run(&self, arguments: &[&str]) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fieldmedic"));
        command.args(self.arguments(arguments));
        self.prepare(&mut command);
        let ran = ran(command).await;
        // Errors are wrapped, in a frame.
        let words: Vec<&str> = ran.stderr.split_whitespace().filter(|word| *word != "│").collect();
        Ran { stderr: words.join(" "), ..ran }
    }
}

/// A real OpenSSH server.
struct Sshd {
    dir: TempDir,
    port: u16,
    child: std::process::Child,
}

impl Sshd {
    fn start() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let at = |name: &str| dir.path().join(name);
        let public = write_key(&at("host_key")).expect("a key");
        std::fs::write(at("host_key.pub"), public).expect("written");
        std::fs::write(at("authorized_keys"), "").expect("written");
        // sshd insists on this directory for its privilege separation, if it runs as root.
        if rustix::process::geteuid().is_root() {
            std::fs::create_dir_all("/run/sshd").expect("a folder");
        }
        for _ in 0..20 {
            let port =
                TcpListener::bind(("127.0.0.1", 0)).expect("a port").local_addr().expect("an address").port();
            let text = format!(
                "ListenAddress 127.0.0.1\nPort {port}\nPidFile none\nHostKey {}\nAuthorizedKeysFile {}\nStrictModes no\n\
                 PasswordAuthentication no\nKbdInteractiveAuthentication no\nUsePAM no\n",
                at("host_key").display(),
                at("authorized_keys").display(),
            );
            std::fs::write(at("sshd_config"), text).expect("written");
            let log = std::fs::File::create(at("log")).expect("a log");
            let mut server = std::process::Command::new("/usr/sbin/sshd");
            server.args(["-D", "-e", "-f"]).arg(at("sshd_config")).stdin(Stdio::null()).stderr(log);
            let mut child =
                server.spawn().expect("sshd is installed with openssh-server; scripts/test installs it");
            let patience = Instant::now();
            loop {
                if std::fs::read_to_string(at("log")).expect("the log").contains("Server listening") {
                    return Self { dir, port, child };
                }
                if child.try_wait().expect("its state").is_some() {
                    break;
                }
                assert!(patience.elapsed() < PATIENCE, "sshd does not start");
                std::thread::sleep(Duration::from_millis(10));
            }
            let log = std::fs::read_to_string(at("log")).expect("the log");
            assert!(log.contains("in use"), "sshd does not start: {log}");
        }
        panic!("there is no free port");
    }

    fn fingerprint(&self) -> String {
        let mut keygen = std::process::Command::new("ssh-keygen");
        let said = keygen.arg("-lf").arg(self.dir.path().join("host_key.pub")).output().expect("ssh-keygen");
        let said = String::from_utf8(said.stdout).expect("text");
        said.split_whitespace().nth(1).expect("a fingerprint").to_owned()
    }

    fn admit(&self, public: &str) {
        std::fs::write(self.dir.path().join("authorized_keys"), format!("{public}\n")).expect("written");
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn me() -> String {
    let said = std::process::Command::new("id").arg("-un").output().expect("id").stdout;
    String::from_utf8(said).expect("text").trim().to_owned()
}

/// What makes a look at a busy test machine short.
const CALM: &str = "watch_s = 10\nload_limit = 100000\ncpu_limit = 100\npressure_limit = 100\niowait_limit = 100\nsteal_limit = 100\n";

fn keeps_a_secret(file: &Path) -> bool {
    std::fs::metadata(file).expect("it is there").permissions().mode() & 0o777 == 0o600
}

#[tokio::test]
async fn a_file_of_answers_leads_from_nothing_to_a_diagnosis() {
    let binary = TestBinary::new("worker-down").await;
    let (desk, sshd) = (Desk::new(), Sshd::start());
    let answers = |host_key: &str, more: &str| {
        let (port, user) = (sshd.port, me());
        desk.write(
            "answers.toml",
            &format!(
                "repos = [\"example/tickets\"]\non_call = [\"ops-lead\"]\n[host]\naddress = \"127.0.0.1\"\nport = {port}\nuser = \"{user}\"\n\
                 {host_key}systems = [\"main\"]\n{more}[host.params.main]\n{CALM}"
            ),
        )
    };
    let file = answers("", "");
    let init = ["init", "--answers", &file, "--base-url", binary.hub.url()];
    let unknown = desk.run(&init).await;
    let fingerprint = sshd.fingerprint();
    assert!(unknown.code == Some(1) && unknown.stderr.contains(&fingerprint), "{unknown:?}");
    assert!(!desk.text("fieldmedic.toml").contains("[hosts."), "what does not work is not written");

    answers(&format!("host_key = \"SHA256:{}\"\n", "A".repeat(43)), "");
    let other = desk.run(&init).await;
    assert!(other.code == Some(1) && other.stderr.contains("it may be another server"), "{other:?}");

    answers(&format!("host_key = \"{fingerprint}\"\n"), "");
    let refused = desk.run(&init).await;
    let public = desk.text("fieldmedic_ed25519.pub");
    assert!(refused.code == Some(1) && refused.stdout.contains("useradd"), "{refused:?}");
    // It is whole, so that it can be copied.
    assert!(refused.stdout.contains(public.split(' ').nth(1).expect("a key")), "{refused:?}");
    assert!(keeps_a_secret(&desk.at("fieldmedic_ed25519")));

    sshd.admit(&public);
    let before = desk.text("fieldmedic_ed25519");
    let done = desk.run(&init).await;
    assert_eq!(done.code, Some(0), "{done:?}");
    assert_eq!(desk.text("fieldmedic_ed25519"), before, "a key is never replaced");
    let config = Config::read(&desk.at("fieldmedic.toml")).expect("it can be read");
    assert_eq!((config.hosts.len(), config.systems.len()), (1, 1), "{}", desk.text("fieldmedic.toml"));
    assert_eq!(config.policy().mode, Mode::Observe);
    for line in [
        "logged in to main",
        "written: [hosts.main]",
        "written: [systems.main]",
        "✓ host main",
        "main: ",
        "fieldmedic serve",
    ] {
        assert!(done.stdout.contains(line), "`{line}` is not in {}", done.stdout);
    }
    assert!(
        !done.stdout.contains('\u{1B}') && !done.stderr.contains('\u{1B}'),
        "no colour in a pipe: {done:?}"
    );
    assert!(desk.text("fieldmedic.toml").contains("# where people file tickets"), "comments stay");

    let again = desk.run(&["host", "add", "--answers", &file]).await;
    assert_eq!(again.code, Some(0), "the same answers may be given again: {again:?}");
    assert!(again.stderr.contains("Already in the configuration: main"), "{again:?}");
}

#[tokio::test]
async fn wrong_answers_are_told_at_once_and_nothing_is_written() {
    let desk = Desk::new();
    let file =
        desk.write("answers.toml", "repo = [\"example/tickets\"]\n[host]\nport = 99999\nuser = \"a;b\"\n");
    let refused = desk.run(&["init", "--answers", &file]).await;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    for expect in [
        "`repos` is missing",
        "did you mean `repos`?",
        "`host.address` is missing",
        "`host.port`",
        "`host.user`",
    ] {
        assert!(refused.stderr.contains(expect), "`{expect}` is not in {}", refused.stderr);
    }
    let asked = desk.run(&["init"]).await;
    assert!(asked.code == Some(1) && asked.stderr.contains("--answers"), "{asked:?}");
    let early = desk.run(&["host", "add"]).await;
    assert!(early.code == Some(1) && early.stderr.contains("fieldmedic init"), "{early:?}");
    assert!(!desk.at("fieldmedic.toml").exists());
}

/// A simulated host with QFieldCloud, whose other types cannot look.
#[tokio::test]
async fn what_is_found_is_diagnosed_and_what_cannot_look_is_unknown() {
    let binary = TestBinary::new("worker-down").await;
    let desk = Desk::new();
    let folder = crate::scenarios::fixtures().join("qfieldcloud").join("worker-down");
    let text = scenario::host_text(&folder.join("host.yaml")).expect("the host file can be read");
    let mut spec: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let found = "covers\tcompose:/opt/qfieldcloud\nfound\tq\tfield\tQFieldCloud \u{1b}[31mred\u{1b}[0m\tproject_path=/opt/qfieldcloud\n\
                 found\tq2\tevil\tx\tproject_path=/opt/$(reboot)\n";
    let compose = "found\tcompose:/opt/qfieldcloud\tfield\ta project\tproject_path=/opt/qfieldcloud\n";
    let commands = spec["commands"].as_array_mut().expect("commands");
    for (script, stdout) in [("discover-qfieldcloud", found), ("discover-compose-app", compose)] {
        commands.insert(0, serde_json::json!({ "script": script, "stdout": stdout }));
    }
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let host = FakeHost::new(&HostSpec::parse(&spec.to_string()).expect("a host"), clock.now()).share();
    let public = make_key(&desk.at("fieldmedic_ed25519")).expect("a key");
    let server = Server::start(host, &AuthorizedKey::Key(public), clock).await.expect("a simulated host");
    std::fs::write(desk.at("known_hosts"), server.known_hosts().join("\n") + "\n").expect("written");
    let config =
        format!("[github]\nrepos = [\"example/tickets\"]\nbase_url = \"{}\"\n# ours\n", binary.hub.url());
    desk.write("fieldmedic.toml", &config);
    let (ip, port) = (server.address().ip(), server.address().port());
    let host = format!("[host]\nname = \"north\"\naddress = \"{ip}\"\nport = {port}\n");
    let file = desk.write(
        "answers.toml",
        &format!("{host}systems = [\"feild\"]\n[host.params.evil]\nproject_pth = \"x\"\n"),
    );
    let refused = desk.run(&["host", "add", "--answers", &file]).await;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    for expect in ["did you mean `field`?", "`feild`"] {
        assert!(refused.stderr.contains(expect), "`{expect}` is not in {}", refused.stderr);
    }
    assert!(desk.text("fieldmedic.toml").contains("[hosts.north]"), "the login works, and is kept");

    desk.write("answers.toml", &format!("{host}systems = [\"field\"]\n"));
    let done = desk.run(&["host", "add", "--answers", &file]).await;
    assert_eq!(done.code, Some(0), "{done:?}");
    let written = desk.text("fieldmedic.toml");
    assert!(written.starts_with(&config), "{written}");
    assert!(
        written.ends_with("[systems.field]\ntype = \"qfieldcloud\"\nhosts = { main = \"north\" }\nparams = { project_path = \"/opt/qfieldcloud\" }\n"),
        "{written}"
    );
    assert!(done.stdout.contains("FOUND    "), "{}", done.stdout);
    assert!(
        done.stderr.contains("Unknown, so it may be there") && done.stderr.contains("postgresql"),
        "{}",
        done.stderr
    );
    assert!(done.stderr.contains("its project_path cannot be used"), "{}", done.stderr);
    assert!(!done.stderr.contains('\u{1B}'), "{}", done.stderr);
    assert_eq!(
        done.stderr.matches("project_path = /opt/qfieldcloud").count(),
        1,
        "covered once: {}",
        done.stderr
    );
}

/// A talk with the binary: what it says on both streams, in order.
struct Talk {
    child: Child,
    input: ChildStdin,
    heard: Arc<Mutex<Vec<u8>>>,
    position: usize,
    in_terminal: bool,
    has_ended: Arc<AtomicBool>,
}

impl Talk {
    /// Through a pipe, or in a terminal that `script` makes.
    fn start(desk: &Desk, in_terminal: bool, arguments: &[&str]) -> Self {
        let words: Vec<String> = std::iter::once(env!("CARGO_BIN_EXE_fieldmedic").to_owned())
            .chain(desk.arguments(arguments))
            .collect();
        let line: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
        let line = line.join(" ");
        let mut command = match in_terminal {
            true => Command::new("script"),
            false => Command::new("sh"),
        };
        match in_terminal {
            true => command.args(["-qefc", &line, "/dev/null"]).env("TERM", "xterm"),
            false => command.args(["-c", &format!("exec {line} 2>&1")]),
        };
        desk.prepare(&mut command);
        command.env_remove("NO_COLOR").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("it starts; `script` is in util-linux");
        let (input, mut output) = (child.stdin.take().expect("a pipe"), child.stdout.take().expect("a pipe"));
        let heard = Arc::new(Mutex::new(Vec::new()));
        let has_ended = Arc::new(AtomicBool::new(false));
        let (sink, ended) = (heard.clone(), has_ended.clone());
        tokio::spawn(async move {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut buffer).await {
                sink.lock().expect("it is whole").extend_from_slice(&buffer[..count]);
            }
            ended.store(true, Ordering::SeqCst);
        });
        Self { has_ended, child, input, heard, position: 0, in_terminal }
    }

    fn all(&self) -> String {
        String::from_utf8_lossy(&self.heard.lock().expect("it is whole")).into_owned()
    }

    /// Waits for one of these texts after what was heard before; gives the first that comes, and passes over it.
    async fn hear(&mut self, texts: &[&str]) -> usize {
        let end = Instant::now() + PATIENCE;
        loop {
            // Asked first, so that all that it said is there.
            let has_ended = self.has_ended.load(Ordering::SeqCst);
            let all = self.all();
            let rest = all.get(self.position..).unwrap_or_default();
            let first =
                texts.iter().enumerate().filter_map(|(index, text)| Some((rest.find(text)?, index))).min();
            if let Some((at, index)) = first {
                self.position += at + texts[index].len();
                return index;
            }
            assert!(!has_ended && Instant::now() < end, "none of {texts:?} is said after {rest}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn say(&mut self, answer: &str) {
        self.input.write_all(format!("{answer}\n").as_bytes()).await.expect("it listens");
        self.input.flush().await.expect("it listens");
        if self.in_terminal {
            // The question is painted again, with the answer after this.
            self.hear(&["·"]).await;
        }
    }

    async fn answer(&mut self, question: &str, answer: &str) {
        self.hear(&[question]).await;
        self.say(answer).await;
    }
}

async fn a_person_is_led(in_terminal: bool) {
    let binary = TestBinary::new("worker-down").await;
    let (desk, sshd) = (Desk::new(), Sshd::start());
    let mut talk = Talk::start(&desk, in_terminal, &["init", "--base-url", binary.hub.url()]);
    talk.answer("The repository where people file tickets", "nonsense").await;
    talk.hear(&["`nonsense` is not a repository"]).await;
    talk.answer("The repository where people file tickets", "example/tickets").await;
    talk.answer("Work with a token, or as a GitHub App", "").await;
    talk.answer("Who is assigned when a person is needed", "ops-lead").await;
    talk.hear(&["written: "]).await;
    talk.answer("The address of the first server", "ada@203.0.113.10").await;
    talk.hear(&["is not an address"]).await;
    talk.answer("The address of the first server", "127.0.0.1").await;
    talk.answer("Its name in the configuration", "").await;
    let nobody =
        TcpListener::bind(("127.0.0.1", 0)).expect("a port").local_addr().expect("an address").port();
    talk.answer("The port of its SSH server", &nobody.to_string()).await;
    talk.answer("The user that Fieldmedic logs in as", &me()).await;
    // Nothing listens there, so it is asked again, with the reason.
    talk.hear(&["nothing listens on port"]).await;
    talk.answer("The address of the server", "").await;
    talk.answer("The port of its SSH server", &sshd.port.to_string()).await;
    talk.answer("The user that Fieldmedic logs in as", &me()).await;
    talk.hear(&[&sshd.fingerprint()]).await;
    talk.answer("Is it the same", "y").await;
    talk.answer("May it use Docker", "n").await;
    talk.hear(&["Run this on the server, as root"]).await;
    sshd.admit(&desk.text("fieldmedic_ed25519.pub"));
    talk.answer("Enter when that is done", "").await;
    talk.hear(&["logged in to main", "✓"]).await;
    loop {
        match talk.hear(&["Add main (linux-host)?", "Another type of system", "? y: yes"]).await {
            0 => talk.say("e").await,
            1 => break,
            _ => {
                talk.say("n").await;
                continue;
            }
        }
        talk.answer("its name in tickets", "").await;
        for setting in CALM.lines() {
            talk.answer("another parameter", &setting.replace(" = ", "=")).await;
        }
        talk.answer("another parameter", "watch_s=1").await;
        talk.hear(&["is less than"]).await;
        talk.answer("another parameter", "").await;
    }
    talk.say("").await;
    talk.hear(&["written: [systems.main]"]).await;
    talk.hear(&["fieldmedic serve"]).await;
    drop(talk.input);
    let status = talk.child.wait().await.expect("it ends");
    let all = String::from_utf8_lossy(&talk.heard.lock().expect("it is whole")).into_owned();
    assert!(status.success(), "{all}");
    assert_eq!(all.contains("\u{1B}[32m"), in_terminal, "colour in a terminal, and there alone: {all}");
    let config = Config::read(&desk.at("fieldmedic.toml")).expect("it can be read");
    assert!(config.systems.contains_key("main"), "{}", desk.text("fieldmedic.toml"));
}

#[tokio::test]
async fn lines_of_input_lead_from_nothing_to_a_diagnosis() {
    a_person_is_led(false).await;
}

#[tokio::test]
async fn a_terminal_leads_from_nothing_to_a_diagnosis() {
    a_person_is_led(true).await;
}
