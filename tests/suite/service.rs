//! The daemon as a service of systemd: what it tells its supervisor, where its files are, and what the packages
//! take from the command line.

use crate::harness::{PATIENCE, TestBinary, ran, send, terminate};
use crate::scenarios::scene;
use crate::taps::{Broken, Deed, Tap, tapped};
use async_trait::async_trait;
use fieldmedic::engine::{Dispatcher, Shutdown};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::SocketAddr;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UnixDatagram;
use tokio::process::Command;
use tokio::sync::Notify;

/// What systemd would hear on its socket.
struct Heard(UnixDatagram);

impl Heard {
    async fn next(&self) -> String {
        let mut buffer = [0; 4096];
        let received = tokio::time::timeout(PATIENCE, self.0.recv(&mut buffer)).await;
        let length = received.expect("something is told").expect("the socket works");
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }

    /// The next message that begins so. Only signs of life may come before it.
    async fn expect(&self, start: &str) -> String {
        loop {
            let told = self.next().await;
            if told.starts_with(start) {
                return told;
            }
            assert!(told.starts_with("WATCHDOG=1\n"), "{told:?} came before {start}");
        }
    }
}

#[tokio::test]
async fn systemd_is_told_of_every_turn_in_the_life_of_the_daemon() {
    let binary = TestBinary::new("sync-failed-healthy").await;
    let path = binary.dir.path().join("notify");
    let heard = Heard(UnixDatagram::bind(&path).expect("a socket"));
    let mut command = binary.command(&["serve"]);
    command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "400000");
    let mut daemon = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");

    assert_eq!(heard.next().await, "READY=1\nSTATUS=1 system");
    for _ in 0..2 {
        let alive = heard.expect("WATCHDOG=1\n").await;
        assert!(
            alive.starts_with("WATCHDOG=1\nSTATUS=1 system, ") && alive.ends_with(" at work"),
            "{alive:?}"
        );
    }
    // A reload that succeeds and one that fails both end, and the daemon works on.
    let good = std::fs::read_to_string(binary.config()).expect("a configuration");
    for config in [good.as_str(), "[github\n", good.as_str()] {
        std::fs::write(binary.config(), config).expect("it is written");
        send(&daemon, "-HUP");
        let reloading = heard.expect("RELOADING=1\n").await;
        let since = reloading.lines().find_map(|line| line.strip_prefix("MONOTONIC_USEC="));
        assert!(since.is_some_and(|usec| usec.parse::<u64>().is_ok_and(|usec| usec > 0)), "{reloading:?}");
        assert_eq!(heard.next().await, "READY=1\nSTATUS=1 system");
        heard.expect("WATCHDOG=1\n").await;
    }
    terminate(&daemon);
    heard.expect("STOPPING=1\n").await;
    assert_eq!(daemon.wait().await.expect("it ends").code(), Some(0));
}

#[tokio::test]
async fn the_socket_of_the_supervisor_may_be_abstract() {
    let binary = TestBinary::new("sync-failed-healthy").await;
    let name = format!("fieldmedic-test-{}-{}", std::process::id(), binary.dir.path().display());
    let address = SocketAddr::from_abstract_name(&name).expect("an address");
    let socket = std::os::unix::net::UnixDatagram::bind_addr(&address).expect("a socket");
    socket.set_nonblocking(true).expect("it can be");
    let heard = Heard(UnixDatagram::from_std(socket).expect("a socket"));
    let mut command = binary.command(&["serve"]);
    // A watchdog for another process is none for this one.
    command.env("NOTIFY_SOCKET", format!("@{name}")).env("WATCHDOG_USEC", "1000").env("WATCHDOG_PID", "1");
    let mut daemon = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    heard.expect("READY=1\n").await;
    terminate(&daemon);
    let stopping = heard.next().await;
    assert!(stopping.starts_with("STOPPING=1\n"), "{stopping:?}");
    assert_eq!(daemon.wait().await.expect("it ends").code(), Some(0));
}

#[tokio::test]
async fn a_socket_that_is_not_there_does_not_stop_the_daemon() {
    let binary = TestBinary::new("worker-down").await;
    let ticket = binary.file("Sync never finishes", "Changes stay pending.");
    let mut command = binary.command(&["serve"]);
    command.env("NOTIFY_SOCKET", binary.dir.path().join("nowhere"));
    let mut daemon = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    crate::harness::until("the ticket is closed", || binary.is_closed(&ticket)).await;
    terminate(&daemon);
    assert_eq!(daemon.wait().await.expect("it ends").code(), Some(0));
}

/// The journal never answers which cases are due.
#[derive(Default)]
struct HangingJournal(Notify);

#[async_trait]
impl Tap for HangingJournal {
    async fn before(&self, deed: Deed<'_>) -> Result<(), Broken> {
        if matches!(deed, Deed::Read("due_cases")) {
            self.0.notify_one();
            std::future::pending::<()>().await;
        }
        Ok(())
    }
}

#[tokio::test]
async fn a_dispatcher_that_hangs_gives_no_sign_of_life() {
    let scene = scene("worker-down").await;
    let (stop, pull) = Shutdown::new();
    let dispatcher = Dispatcher::start(scene.agent.clone(), 1, stop.clone());
    let answer = tokio::time::timeout(PATIENCE, dispatcher.cases_at_work()).await;
    assert_eq!(answer, Ok(0), "a dispatcher that works answers");
    pull.send(true).expect("the dispatcher listens");
    dispatcher.finish().await;

    let (stop, _pull) = Shutdown::new();
    let hanging = Arc::new(HangingJournal::default());
    let dispatcher = Dispatcher::start(tapped(&scene.agent, hanging.clone()), 1, stop);
    hanging.0.notified().await;
    tokio::time::pause();
    // An hour of virtual time passes when nothing else is left to do.
    let answer = tokio::time::timeout(Duration::from_secs(3600), dispatcher.cases_at_work()).await;
    assert!(answer.is_err(), "{answer:?}");
}

fn fieldmedic(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fieldmedic"));
    command.args(arguments).env_clear().stdin(Stdio::null()).kill_on_drop(true);
    command
}

#[tokio::test]
async fn completions_and_man_pages_cover_every_command() {
    let help = ran(fieldmedic(&["--help"])).await.stdout;
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let listed = listed.take_while(|line| !line.is_empty());
    let commands: Vec<&str> = listed.filter_map(|line| line.split_whitespace().next()).collect();
    assert!(commands.contains(&"serve") && commands.contains(&"completions"), "{commands:?}");

    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let printed = ran(fieldmedic(&["completions", shell])).await;
        assert_eq!(printed.code, Some(0), "{printed:?}");
        for command in &commands {
            assert!(printed.stdout.contains(command), "{shell} does not know {command}");
        }
    }
    // The shell itself takes it, and offers what is there.
    let script = "eval \"$(\"$0\" completions bash)\"; COMP_WORDS=(fieldmedic resu); COMP_CWORD=1; \
                  _fieldmedic fieldmedic resu fieldmedic; printf '%s\\n' \"${COMPREPLY[@]}\"";
    let mut bash = Command::new("bash");
    bash.args(["--noprofile", "--norc", "-c", script, env!("CARGO_BIN_EXE_fieldmedic")]);
    let offered = ran(bash).await;
    assert_eq!(offered.stdout.trim(), "resume", "{offered:?}");

    let dir = tempfile::tempdir().expect("a folder");
    let into = dir.path().join("man1");
    let written = ran(fieldmedic(&["man", into.to_str().expect("text")])).await;
    assert_eq!(written.code, Some(0), "{written:?}");
    let page = |name: &str| std::fs::read_to_string(into.join(format!("{name}.1"))).unwrap_or_default();
    assert!(page("fieldmedic").contains("Exit codes:"), "{}", page("fieldmedic"));
    for command in commands.iter().filter(|command| **command != "help") {
        assert!(page(&format!("fieldmedic-{command}")).starts_with(".ie "), "{command} has no page");
    }
    assert!(
        page("fieldmedic-playbook-check").contains(".SH SYNOPSIS"),
        "commands of commands have pages too"
    );
}

#[tokio::test]
async fn files_are_found_where_the_documents_say() {
    let binary = TestBinary::new("sync-failed-healthy").await;
    let home = tempfile::tempdir().expect("a folder");
    let state = tempfile::tempdir().expect("a folder");
    let config = std::fs::read_to_string(binary.config()).expect("the configuration");
    let config = config.replace("path = \"journal.db\"\n", "");
    let config = config
        .replace("\"key\"", &format!("\"{}\"", binary.dir.path().join("key").display()))
        .replace("\"known_hosts\"", &format!("\"{}\"", binary.dir.path().join("known_hosts").display()));
    std::fs::create_dir_all(home.path().join("xdg/fieldmedic")).expect("a folder");
    let file = home.path().join("xdg/fieldmedic/fieldmedic.toml");
    std::fs::write(&file, config.replace("TEST_TOKEN", "MEDIC_TOKEN")).expect("written");
    // The token is a credential, as systemd hands it over.
    std::fs::write(home.path().join("MEDIC_TOKEN"), crate::harness::TOKEN).expect("written");
    let doctor = |also: Vec<(&'static str, std::path::PathBuf)>| {
        let mut command = fieldmedic(&["doctor"]);
        command.current_dir(home.path()).env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", home.path()).env("XDG_CONFIG_HOME", home.path().join("xdg"));
        command.env("CREDENTIALS_DIRECTORY", home.path()).envs(also);
        ran(command)
    };
    let beside = file.with_file_name("fieldmedic.db");
    let by_service = state.path().join("fieldmedic.db");
    let named = state.path().join("named.db");
    let state_directory = ("STATE_DIRECTORY", state.path().to_owned());
    for (also, journal) in [
        (vec![state_directory.clone()], &by_service),
        (vec![state_directory.clone(), ("FIELDMEDIC_JOURNAL", named.clone())], &named),
        (vec![], &beside),
        // It lies beside the configuration now, and is not left behind.
        (vec![state_directory], &beside),
    ] {
        let told = doctor(also).await;
        assert_eq!(told.code, Some(0), "{told:?}");
        assert!(told.stdout.contains(&format!("journal: {}", journal.display())), "{}", told.stdout);
        assert!(journal.exists(), "{}", journal.display());
    }
}
