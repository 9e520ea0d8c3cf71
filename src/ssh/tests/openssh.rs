//! The adapter against real OpenSSH servers on 127.0.0.1, and real login shells behind them. `scripts/test`
//! installs them; a test fails if one is missing.

use super::{command, in_doubt, name, not_started, probe, seen, until};
use crate::core::diagnosis::evidence::{Exit, RawObservation};
use crate::core::gate::{Rule, Rules, script};
use crate::core::playbook::command::{Command, PatternPart, Template, TemplateSource};
use crate::ports::{Shell, ShellError};
use crate::sandbox::host::write_key;
use crate::ssh::*;
use std::collections::BTreeMap;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The login shells that the wrapper is tried in. Each is the name of a program, and its arguments.
const SHELLS: [&str; 13] = [
    "sh",
    "dash",
    "bash",
    "bash --posix",
    "rbash",
    "busybox ash",
    "zsh",
    "ksh93",
    "mksh",
    "yash",
    "fish",
    "tcsh",
    "bsd-csh",
];

/// Everything that some shell treats in a way of its own.
const ODD: &str = "it's \"quoted\" $HOME `id` $(id) !1 !! \\ \\n \\' {a,b} ~ * ? [x] ^a^b %1 é€ 日本\n\n\t#; a && b | c > /x";

/// What an unfriendly login prints, in the files that its shells read.
const NOISE: [(&str, &str); 6] = [
    (".bashrc", "echo 'Welcome to fieldmedic-output-'; printf 'no end of line'; echo oops >&2\n"),
    (".zshenv", "echo Welcome; echo oops >&2\n"),
    (".tcshrc", "echo Welcome\nset backslash_quote\n"),
    (".cshrc", "echo Welcome\n"),
    (".config/fish/config.fish", "echo Welcome; echo oops >&2\n"),
    (".profile", "echo Welcome\n"),
];

struct Sshd {
    dir: TempDir,
    port: u16,
    child: Child,
}

impl Sshd {
    /// Starts a server with further lines of configuration.
    fn start(more: &str) -> Self {
        Self::prepared(more, |_| {})
    }

    fn prepared(more: &str, prepare: impl Fn(&Path)) -> Self {
        let dir = TempDir::new().unwrap();
        prepare(dir.path());
        let at = |name: &str| dir.path().join(name);
        let host = write_key(&at("host_key")).unwrap();
        std::fs::write(at("host_key.pub"), host).unwrap();
        let public = write_key(&at("key")).unwrap();
        std::fs::write(at("authorized_keys"), format!("{public}\n")).unwrap();
        for (file, text) in NOISE {
            let file = at("home").join(file);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        }
        // sshd insists on this directory for its privilege separation, if it runs as root.
        if rustix::process::geteuid().is_root() {
            std::fs::create_dir_all("/run/sshd").unwrap();
        }
        for _ in 0..20 {
            let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
            let host_key = if more.contains("HostKey ") {
                String::new()
            } else {
                format!("HostKey {}\n", at("host_key").display())
            };
            let text = format!(
                "ListenAddress 127.0.0.1\nPort {port}\nPidFile none\n{host_key}AuthorizedKeysFile {}\nStrictModes no\n\
                 PasswordAuthentication no\nKbdInteractiveAuthentication no\nUsePAM no\nLogLevel VERBOSE\n\
                 SetEnv HOME={} LANG=de_DE.UTF-8 LC_MESSAGES=de_DE.UTF-8\n{}\n",
                at("authorized_keys").display(),
                at("home").display(),
                more.replace("DIR", &dir.path().display().to_string()),
            );
            std::fs::write(at("sshd_config"), text).unwrap();
            let log = std::fs::File::create(at("log")).unwrap();
            let mut child = std::process::Command::new("/usr/sbin/sshd")
                .args(["-D", "-e", "-f"])
                .arg(at("sshd_config"))
                .stdin(Stdio::null())
                .stderr(log)
                .spawn()
                .expect("sshd is installed with openssh-server; scripts/test installs it");
            let patience = Instant::now();
            loop {
                if std::fs::read_to_string(at("log")).unwrap().contains("Server listening") {
                    return Self { dir, port, child };
                }
                if child.try_wait().unwrap().is_some() {
                    break;
                }
                assert!(patience.elapsed() < Duration::from_secs(20), "sshd does not start");
                std::thread::sleep(Duration::from_millis(10));
            }
            assert!(
                self::text(&at("log")).contains("in use"),
                "sshd does not start: {}",
                self::text(&at("log"))
            );
        }
        panic!("there is no free port");
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Lets one more key in, with options of its own.
    fn admit(&self, key: &str, options: &str) -> PathBuf {
        let file = self.at(key);
        let public = write_key(&file).unwrap();
        let mut all = text(&self.at("authorized_keys"));
        all.push_str(&format!("{options} {public}\n"));
        std::fs::write(self.at("authorized_keys"), all).unwrap();
        file
    }

    /// The line that pins it.
    fn pinned(&self, file: &str) -> String {
        format!("[127.0.0.1]:{} {}\n", self.port, text(&self.at(file)).trim())
    }

    fn remote(&self) -> Remote {
        std::fs::write(self.at("known_hosts"), self.pinned("host_key.pub")).unwrap();
        Remote {
            address: "127.0.0.1".into(),
            port: Some(self.port),
            known_hosts: Some(self.at("known_hosts")),
            system_known_hosts: self.at("system_known_hosts"),
            ssh_config: SshConfig::Off,
            probe: Login { user: Some(me()), keys: vec![self.at("key")], agent: None },
            change: None,
        }
    }

    fn hosts(&self) -> SshHosts {
        hosts(self.remote())
    }

    fn logged(&self, what: &str) -> usize {
        text(&self.at("log")).matches(what).count()
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn text(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap()
}

fn me() -> String {
    let said = std::process::Command::new("id").arg("-un").output().unwrap().stdout;
    String::from_utf8(said).unwrap().trim().to_owned()
}

fn hosts(remote: Remote) -> SshHosts {
    super::hosts(remote, SessionLimits::default())
}

fn keygen(arguments: &[&str], file: &Path) {
    let mut command = std::process::Command::new("ssh-keygen");
    command.args(["-q", "-N", ""]).args(arguments).arg("-f").arg(file);
    assert!(command.status().expect("ssh-keygen is installed with openssh-client").success());
}

fn scripted(script: &str, value: &str) -> Command {
    let source = TemplateSource {
        script: Some(script),
        name: "odd",
        env: BTreeMap::from([("ODD", value)]),
        timeout: Duration::from_secs(30),
        ..TemplateSource::default()
    };
    Template::new(source).unwrap().render(&super::Nothing).unwrap()
}

async fn run(hosts: &SshHosts, command: &Command) -> Result<RawObservation, ShellError> {
    hosts.probe(&name(), command).await
}

#[tokio::test]
async fn every_login_shell_carries_a_script_whole() {
    let sshd = Sshd::start("");
    for shell in SHELLS {
        let program = shell.split(' ').next().unwrap();
        let found =
            std::process::Command::new("sh").args(["-c", "command -v \"$1\"", "sh", program]).output();
        assert!(found.unwrap().status.success(), "{program} is missing; scripts/test installs it");
        let options = format!("command=\"exec {shell} -c \\\"$SSH_ORIGINAL_COMMAND\\\"\"");
        let key = sshd.admit(&shell.replace(' ', "-"), &options);
        let mut remote = sshd.remote();
        remote.probe.keys = vec![key];
        let hosts = hosts(remote);

        let script = "if true; then\n  printf '%s|%s' \"$ODD\" \"$LC_ALL\"\nfi\necho 'ä!' >&2\nexit 7";
        let seen =
            run(&hosts, &scripted(script, ODD)).await.unwrap_or_else(|error| panic!("{shell}: {error}"));
        assert_eq!(String::from_utf8_lossy(&seen.stdout.kept), format!("{ODD}|C"), "{shell}");
        assert_eq!(String::from_utf8_lossy(&seen.stderr.kept), "ä!\n", "{shell}");
        assert_eq!(seen.exit, Exit::Code(7), "{shell}");

        // The original csh refuses long words, and Linux long arguments.
        let long = format!("{}{}", ODD.repeat(300), "x".repeat(30_000));
        let seen = run(&hosts, &scripted("printf %s \"$ODD\"", &long)).await;
        let seen = seen.unwrap_or_else(|error| panic!("{shell}: {error}"));
        assert_eq!(seen.stdout.kept, long.as_bytes(), "{shell}");
        assert_eq!((seen.exit, seen.stderr.length), (Exit::Code(0), 0), "{shell}");

        let killed = run(&hosts, &command("sh -c 'kill -KILL $$'", Duration::from_secs(20))).await.unwrap();
        assert!(
            [Exit::Signal("KILL".into()), Exit::Code(137)].contains(&killed.exit),
            "{shell}: {:?}",
            killed.exit
        );
        let none = run(&hosts, &command("no-such-program", Duration::from_secs(20))).await.unwrap();
        assert_eq!(none.exit, Exit::Code(127), "{shell}");
    }
}

#[tokio::test]
async fn a_login_that_runs_nothing_is_not_started_and_says_why() {
    let sshd = Sshd::start("");
    let mut remote = sshd.remote();
    remote.probe.keys = vec![sshd.admit("nologin", "command=\"echo This account is not available; exit 1\"")];
    let error = probe(&hosts(remote), "true").await.err().unwrap();
    let why = not_started(&error);
    assert!(why.contains("did not run the command: it ended with exit 1") && why.contains("oops"), "{why}");
    assert!(why.contains("login shell"), "{why}");
}

#[tokio::test]
async fn a_gate_is_understood_behind_a_noisy_login() {
    let sshd = Sshd::start("");
    let parts = |line: &str| vec![PatternPart::Text(line.to_owned())];
    let of = String::new();
    let lines = ["printenv LC_ALL", "sh -c 'kill -TERM $$'"];
    let rules = lines.map(|line| Rule { of: of.clone(), parts: parts(line), limit_s: 20 });
    let gate = sshd.at("gate");
    let rules = Rules { rules: rules.into() };
    std::fs::write(&gate, script::script(&rules)).unwrap();
    std::fs::set_permissions(&gate, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut remote = sshd.remote();
    remote.probe.keys = vec![sshd.admit("gated", &format!("restrict,command=\"{}\"", gate.display()))];
    let hosts = hosts(remote);
    assert_eq!(hosts.ask_gate(&name(), Access::Probe).await.unwrap(), Some(rules.version()));
    let allowed = seen(&hosts, lines[0]).await;
    assert_eq!(
        (allowed.exit, &allowed.stdout.kept[..], allowed.stderr.length),
        (Exit::Code(0), &b"C\n"[..], 0)
    );
    let refused = probe(&hosts, "printenv LC_ALL x").await.err().unwrap();
    assert!(not_started(&refused).contains("does not allow this command"), "{refused}");
    assert_eq!(sshd.logged("Accepted publickey"), 1);
}

#[tokio::test]
async fn a_low_session_limit_makes_it_slower_and_nothing_else() {
    for limit in [1, 2, 4] {
        let sshd = Sshd::start(&format!("MaxSessions {limit}"));
        let hosts = Arc::new(sshd.hosts());
        for round in 0..3 {
            let mut probes = tokio::task::JoinSet::new();
            for number in 0..12 {
                let hosts = Arc::clone(&hosts);
                let run = format!("sh -c 'sleep 0.05; echo {round}-{number}'");
                probes.spawn(async move { (probe(&hosts, &run).await, format!("{round}-{number}\n")) });
            }
            for (answer, expect) in probes.join_all().await {
                let seen = answer.unwrap_or_else(|error| panic!("MaxSessions {limit}: {error}"));
                assert_eq!(seen.stdout.kept, expect.as_bytes());
            }
        }
        assert_eq!(sshd.logged("Accepted publickey"), 1, "MaxSessions {limit}");
    }
    let none = Sshd::start("MaxSessions 0");
    let error = probe(&none.hosts(), "true").await.err().unwrap();
    let why = not_started(&error);
    assert!(why.contains("MaxSessions") && !why.contains("configured"), "{why}");
}

#[tokio::test]
async fn a_server_with_too_many_logins_under_way_is_asked_again() {
    let sshd = Sshd::start("MaxStartups 1");
    let guest = TcpStream::connect(("127.0.0.1", sshd.port)).unwrap();
    let hosts = sshd.hosts();
    let (answer, ()) = tokio::join!(probe(&hosts, "true"), async {
        until("a connection is dropped", || sshd.logged("MaxStartups") > 0 || sshd.logged("past Max") > 0)
            .await;
        drop(guest);
    });
    assert_eq!(answer.unwrap().exit, Exit::Code(0));
}

#[tokio::test]
async fn signatures_with_sha1_are_refused_both_ways() {
    let rsa = |dir: &Path| keygen(&["-t", "rsa", "-b", "2048"], &dir.join("rsa"));
    let old = Sshd::prepared("HostKey DIR/rsa\nHostKeyAlgorithms ssh-rsa", rsa);
    let mut remote = old.remote();
    std::fs::write(old.at("known_hosts"), old.pinned("rsa.pub")).unwrap();
    let error = probe(&hosts(remote), "true").await.err().unwrap();
    let why = not_started(&error);
    assert!(why.contains("it offers only ssh-rsa") && why.contains("SHA-1"), "{why}");
    assert_eq!(old.logged("Accepted publickey"), 0);

    // The same key with a signature of today is as good as any.
    let new = Sshd::prepared("HostKey DIR/rsa\nPubkeyAcceptedAlgorithms ssh-rsa,ssh-ed25519", rsa);
    remote = new.remote();
    std::fs::write(new.at("known_hosts"), new.pinned("rsa.pub")).unwrap();
    assert_eq!(seen(&hosts(remote.clone()), "true").await.exit, Exit::Code(0));

    let public = text(&new.at("rsa.pub"));
    std::fs::write(new.at("authorized_keys"), public).unwrap();
    remote.probe.keys = vec![new.at("rsa")];
    let error = probe(&hosts(remote), "true").await.err().unwrap();
    let why = not_started(&error);
    assert!(why.contains("refused to let"), "{why}");
    assert_eq!(new.logged("Accepted publickey"), 1, "an RSA key signs with SHA-2 or not at all");

    let good = Sshd::prepared("", rsa);
    std::fs::write(good.at("authorized_keys"), text(&good.at("rsa.pub"))).unwrap();
    let mut remote = good.remote();
    remote.probe.keys = vec![good.at("rsa")];
    assert_eq!(seen(&hosts(remote), "true").await.exit, Exit::Code(0), "RSA itself is not refused");
}

#[tokio::test]
async fn a_key_that_others_can_read_is_refused() {
    let sshd = Sshd::start("");
    for mode in [0o644, 0o640, 0o660, 0o604] {
        std::fs::set_permissions(sshd.at("key"), std::fs::Permissions::from_mode(mode)).unwrap();
        let error = probe(&sshd.hosts(), "true").await.err().unwrap();
        let why = not_started(&error);
        let expect = format!("permissions {mode:04o} of the private key {}", sshd.at("key").display());
        assert!(why.contains(&expect) && why.contains("chmod 600"), "{why}");
    }
    std::fs::set_permissions(sshd.at("key"), std::fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(seen(&sshd.hosts(), "true").await.exit, Exit::Code(0));
}

#[tokio::test]
async fn a_key_that_the_machine_revokes_is_refused() {
    let sshd = Sshd::start("");
    let remote = sshd.remote();
    let key = text(&sshd.at("host_key.pub"));
    std::fs::write(sshd.at("system_known_hosts"), format!("@revoked * {key}")).unwrap();
    let error = probe(&hosts(remote), "true").await.err().unwrap();
    let why = not_started(&error);
    assert!(why.contains("revoked in") && why.contains("system_known_hosts, line 1"), "{why}");
}

/// A host that only an alias of OpenSSH's configuration names, behind two jump hosts.
struct Chain {
    servers: [Sshd; 3],
    dir: TempDir,
}

impl Chain {
    fn new() -> Self {
        let servers = ["", "", ""].map(Sshd::start);
        let dir = TempDir::new().unwrap();
        let chain = Self { servers, dir };
        let known: String = chain.servers.iter().map(|server| server.pinned("host_key.pub")).collect();
        // The target is known by its alias.
        let known = known.replace(&format!("[127.0.0.1]:{}", chain.servers[2].port), "the-target");
        std::fs::write(chain.at("known"), known).unwrap();
        let host = |name: &str, server: &Sshd, more: &str| {
            let (port, key) = (server.port, server.at("key"));
            format!(
                "Host {name}\n  HostName 127.0.0.1\n  Port {port}\n  IdentityFile {}\n{more}\n",
                key.display()
            )
        };
        let [one, two, three] = &chain.servers;
        std::fs::write(chain.at("more"), host("one", one, "")).unwrap();
        let config = format!(
            "Include {}\nHost gis-* !gis-other\n  ProxyJump one,{}@two\nHost gis-other\n  ProxyCommand false\n{}{}\
             Match host 127.0.0.1\n  ConnectTimeout 20\n\
             Host *\n  IdentitiesOnly yes\n  StrictHostKeyChecking no\n  UserKnownHostsFile {}\n  GlobalKnownHostsFile none\n  User {}\n",
            chain.at("more").display(),
            me(),
            host("two", two, ""),
            host("gis-1", three, "  HostKeyAlias The-Target"),
            chain.at("known").display(),
            me(),
        );
        std::fs::write(chain.at("config"), config).unwrap();
        chain
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn remote(&self, address: &str) -> Remote {
        Remote {
            address: address.into(),
            port: None,
            known_hosts: None,
            system_known_hosts: self.at("system_known_hosts"),
            ssh_config: SshConfig::File(self.at("config")),
            probe: Login { user: None, keys: Vec::new(), agent: None },
            change: None,
        }
    }

    fn logins(&self) -> [usize; 3] {
        self.servers.each_ref().map(|server| server.logged("Accepted publickey"))
    }

    async fn why(&self, remote: Remote) -> String {
        not_started(&probe(&hosts(remote), "true").await.err().unwrap()).to_owned()
    }
}

#[tokio::test]
async fn the_configuration_of_openssh_is_honoured_with_jump_hosts() {
    let chain = Chain::new();
    let hosts_of = |remote| hosts(remote);
    let far = hosts_of(chain.remote("gis-1"));
    for text in ["one", "two"] {
        assert_eq!(seen(&far, &format!("echo {text}")).await.stdout.kept, format!("{text}\n").as_bytes());
    }
    assert_eq!(chain.logins(), [1, 1, 1]);

    // What Fieldmedic's configuration says goes before it.
    let mut remote = chain.remote("two");
    remote.port = Some(chain.servers[0].port);
    remote.probe.keys = vec![chain.servers[0].at("key")];
    assert_eq!(seen(&hosts_of(remote), "true").await.exit, Exit::Code(0));
    assert_eq!(chain.logins(), [2, 1, 1]);

    let why = chain.why(chain.remote("gis-other")).await;
    assert!(why.contains("closed the connection before the login"), "{why}");

    // Every hop is checked, whatever `StrictHostKeyChecking` says.
    let known = text(&chain.at("known"));
    for (number, what) in [(0, chain.servers[0].port.to_string()), (2, "the-target".to_owned())] {
        let lines: Vec<&str> = known.lines().filter(|line| !line.contains(&what)).collect();
        std::fs::write(chain.at("known"), lines.join("\n")).unwrap();
        let why = chain.why(chain.remote("gis-1")).await;
        assert!(why.contains("is not known") && why.contains(&what), "server {number}: {why}");
    }
    assert_eq!(chain.servers[2].logged("Accepted publickey"), 1);
}

#[tokio::test]
async fn a_proxy_command_is_run() {
    let sshd = Sshd::start("");
    let remote = sshd.remote();
    let config = sshd.at("config");
    let command = "bash -c 'exec 3<>/dev/tcp/%h/%p; cat <&3 & cat >&3; kill $!'";
    std::fs::write(&config, format!("Host x\n  HostName 127.0.0.1\n  ProxyCommand {command}\n")).unwrap();
    let remote = Remote { address: "x".into(), ssh_config: SshConfig::File(config.clone()), ..remote };
    assert_eq!(seen(&hosts(remote.clone()), "true").await.exit, Exit::Code(0));
    for (line, expect) in [
        ("ProxyJump x", "jumphost loop"),
        ("ProxyJump y\nHost y\n  ProxyJump x", "longer than 8"),
        ("RevokedHostKeys /etc/hosts", "RevokedHostKeys"),
        ("ProxyCommand echo %C", "`%C`"),
        ("NoSuchOption x", "`ssh -G` says"),
    ] {
        std::fs::write(&config, format!("Host x\n  {line}\n")).unwrap();
        let error = probe(&hosts(remote.clone()), "true").await.err().unwrap();
        assert!(not_started(&error).contains(expect), "{line}: {error}");
    }
}

#[tokio::test]
async fn a_lost_session_is_in_doubt_although_nothing_was_marked() {
    let sshd = Sshd::start("");
    let hosts = sshd.hosts();
    assert_eq!(seen(&hosts, "true").await.exit, Exit::Code(0));
    // The parent of the session's shell is the process that serves the connection.
    let error = probe(&hosts, "sh -c 'kill -KILL $(ps -o ppid= -p $PPID) $PPID'").await.err();
    if let Some(error) = error {
        in_doubt(&error);
    }
}

/// Started by the test below, in a process that may open few files.
#[tokio::test]
#[ignore = "started by a_shortage_of_files_is_waited_for"]
async fn with_few_files() {
    tracing_subscriber::fmt().with_ansi(false).init();
    let stage = super::Stage::new().await;
    let hosts = stage.hosts();
    // The key and the known hosts are read when the connection is opened.
    let mut taken = Vec::new();
    let full = loop {
        match std::fs::File::open("/dev/null") {
            Ok(file) => taken.push(file),
            Err(error) => break error,
        }
    };
    assert_eq!(full.raw_os_error(), Some(rustix::io::Errno::MFILE.raw_os_error()));
    let local = super::hosts_of(HostRoute::Local);
    let (far, near, ()) = tokio::join!(probe(&hosts, "hello"), probe(&local, "true"), async {
        tokio::time::sleep(Duration::from_millis(700)).await;
        taken.clear();
    });
    assert_eq!(far.unwrap().exit, Exit::Code(3));
    assert_eq!(near.unwrap().exit, Exit::Code(0));
}

#[test]
fn a_shortage_of_files_is_waited_for() {
    let me = std::env::current_exe().unwrap();
    let output = std::process::Command::new("sh")
        .args(["-c", "ulimit -n 40 && exec \"$0\" --ignored --exact --nocapture --test-threads=1 \"$1\""])
        .arg(me)
        .arg("ssh::tests::openssh::with_few_files")
        .output()
        .unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
    assert!(said.contains("this machine has no free file descriptor; raise LimitNOFILE"), "{said}");
}
