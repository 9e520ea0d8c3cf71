//! A machine of its own for each trial: a real systemd in namespaces, made by the scripts in `machine/`, and
//! taken away whatever happens to the bench.

use crate::process::{PATIENCE, drain, finish, wait};
use std::collections::BTreeMap;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bench_faults");

/// What runs on a machine, and since when: units and containers, by name.
pub type Starts = BTreeMap<String, String>;

pub struct Machine {
    dir: PathBuf,
    /// Where its SSH server is reached on this machine's loopback.
    pub port: u16,
    /// Takes the machine down when its standard input ends: also if the bench is killed.
    guard: Option<Child>,
}

/// How a script in the machine ended.
pub struct Ran {
    pub code: i32,
    pub output: String,
}

impl Machine {
    pub fn boot() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("fmb-{}-{number}", std::process::id()));
        let wait = r#"trap '' INT TERM HUP; cat >/dev/null; exec "$0" "$1""#;
        let mut guard = Command::new("bash");
        guard.args(["-c", wait, &script("down")]).arg(&dir);
        // In a group of its own, so that Ctrl-C and a runner's time limit spare it.
        std::os::unix::process::CommandExt::process_group(&mut guard, 0);
        let guard = guard.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let guard = Some(guard.expect("bash can be started"));
        let mut machine = Self { dir, port: 0, guard };
        finish(Command::new(script("boot")).arg(&machine.dir).arg(layer()));
        machine.port = machine.forward();
        machine
    }

    /// Runs a shell script in the machine, as root.
    pub fn run(&self, text: &str, patience: Duration) -> Ran {
        let mut command = Command::new(script("enter"));
        command.arg(&self.dir).args(["sh", "-eu", "-s"]);
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = child.expect("the machine can be entered");
        let (out, err) = (drain(child.stdout.take()), drain(child.stderr.take()));
        // A script that ends early does not read the rest of its text.
        let _ = child.stdin.take().expect("its input is a pipe").write_all(text.as_bytes());
        let ended = wait(&mut child, patience);
        let code = ended.and_then(|ended| ended.code()).unwrap_or(-1);
        if ended.is_none() {
            return Ran { code, output: "it did not end in time".to_owned() };
        }
        let output = out.join().unwrap_or_default() + &err.join().unwrap_or_default();
        Ran { code, output }
    }

    /// Runs a shell script that must succeed.
    pub fn must(&self, what: &str, text: &str) -> String {
        let ran = self.run(text, PATIENCE);
        assert!(ran.code == 0, "{what} ended with {}: {}", ran.code, ran.output);
        ran.output
    }

    /// Runs a script again and again until it succeeds.
    pub fn becomes(&self, text: &str, patience: Duration) -> bool {
        self.ends_with(text, patience, |code| code == 0)
    }

    /// Runs a script again and again until it fails.
    pub fn stops(&self, text: &str, patience: Duration) -> bool {
        self.ends_with(text, patience, |code| code != 0)
    }

    fn ends_with(&self, text: &str, patience: Duration, so: impl Fn(i32) -> bool) -> bool {
        let end = Instant::now() + patience;
        while !so(self.run(text, Duration::from_secs(30)).code) {
            if Instant::now() > end {
                return false;
            }
            std::thread::sleep(Duration::from_secs(1));
        }
        true
    }

    /// What runs now, and since when.
    pub fn starts(&self) -> Starts {
        let text =
            self.must("the look at what runs", &std::fs::read_to_string(file("starts")).expect("a script"));
        let entries = text.lines().filter_map(|line| line.split_once(' '));
        entries.map(|(name, since)| (name.to_owned(), since.to_owned())).collect()
    }

    /// What SSH has to trust.
    pub fn known_hosts(&self) -> String {
        let keys = self.must("the look at the host's keys", "cat /etc/ssh/ssh_host_*_key.pub");
        keys.lines().map(|key| format!("[127.0.0.1]:{} {key}\n", self.port)).collect()
    }

    /// Listens on loopback, and takes each connection to the machine's SSH server.
    fn forward(&self) -> u16 {
        let pid = std::fs::read_to_string(self.dir.join("pid")).expect("the machine's first process");
        let network = format!("--net=/proc/{}/ns/net", pid.trim());
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port on 127.0.0.1");
        let port = listener.local_addr().expect("it has an address").port();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let Ok(back) = stream.try_clone() else { continue };
                let ends = |stream: TcpStream| Stdio::from(OwnedFd::from(stream));
                let mut way = Command::new("nsenter");
                way.args([&network, "socat", "-", "TCP:127.0.0.1:22"]);
                if let Ok(mut way) = way.stdin(ends(stream)).stdout(ends(back)).stderr(Stdio::null()).spawn()
                {
                    std::thread::spawn(move || way.wait());
                }
            }
        });
        port
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if std::env::var_os("FIELDMEDIC_BENCH_KEEP").is_some() {
            eprintln!(
                "kept: {} {}, take it away with {}",
                script("enter"),
                self.dir.display(),
                script("down")
            );
            std::thread::sleep(Duration::from_secs(86_400));
        }
        if let Some(mut guard) = self.guard.take() {
            drop(guard.stdin.take());
            if !wait(&mut guard, PATIENCE).is_some_and(|ended| ended.success()) {
                eprintln!("{} could not be taken down; run {}", self.dir.display(), script("down"));
            }
        }
    }
}

/// Makes the layer of files that all machines share, if it is not there as the scripts want it.
pub fn prepare() {
    finish(Command::new(script("prepare")).arg(layer()));
}

fn layer() -> PathBuf {
    let cache = std::env::var("FIELDMEDIC_BENCH_CACHE").unwrap_or("/var/cache/fieldmedic-bench".into());
    Path::new(&cache).join("layer")
}

/// A file of the bench.
pub fn file(name: &str) -> PathBuf {
    Path::new(FOLDER).join(name)
}

fn script(name: &str) -> String {
    format!("{FOLDER}/machine/{name}")
}
