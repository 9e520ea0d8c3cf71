//! Looking, without a ticket: everything can be read, over one connection, and in little more time than
//! the commands themselves take.

use crate::agent::Agent;
use crate::fixture::Fixture;
use crate::stack::finish;
use fieldmedic::config::Config;
use fieldmedic::core::diagnosis::evidence::Evidence;
use fieldmedic::core::diagnosis::plan::CommandValues;
use fieldmedic::library;
use fieldmedic::library::Files;
use serde::Deserialize;
use serde_json::Value;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// What OpenSSH allows on one connection.
const MAX_SESSIONS: usize = 10;

pub fn doctor_and_diagnose(fixture: &Fixture) {
    let before = fixture.stack.truth();
    let agent = fixture.agent();
    let doctor = agent.run(&["doctor"]);
    assert_eq!(doctor.code, 0, "the exit code of `doctor`");

    let logins = fixture.stack.logins();
    let seen = diagnose(&agent);
    for (probe, facts) in seen["evidence"]["facts"].as_object().expect("facts") {
        for (fact, known) in facts.as_object().expect("facts of a probe") {
            assert!(known.get("Err").is_none(), "{probe}.{fact} is unknown: {known}");
        }
    }
    assert_eq!(
        seen["diagnosis"]["findings"].as_array().map(Vec::len),
        Some(0),
        "a healthy server has no fault"
    );
    let now = fixture.stack.logins();
    assert_eq!(now.connections - logins.connections, 1, "one connection is enough");
    assert!(now.most_at_once <= MAX_SESSIONS, "{} sessions at once are too many", now.most_at_once);
    fixture.assert_untouched_since(&before);
    fixture.note(format!("{}; at most {} sessions at once", times(&seen), now.most_at_once));
}

/// Measures what a look costs beside its commands.
pub fn beside_plain_ssh(fixture: &Fixture) {
    let agent = fixture.agent();
    let seen = diagnose(&agent);
    let commands = commands(&agent, &seen);
    let (in_turn, at_once) = by_plain_ssh(fixture, &agent, &commands);
    fixture.note(format!(
        "{}; the same {} commands by plain ssh over one open connection: {} ms all at once, {} ms one after another",
        times(&seen),
        commands.len(),
        at_once.as_millis(),
        in_turn.as_millis(),
    ));
}

/// What a look at the system saw.
fn diagnose(agent: &Agent) -> Value {
    let run = agent.run(&["diagnose", "qfieldcloud", "--json"]);
    assert_eq!(run.code, 0, "the exit code of `diagnose`");
    serde_json::from_str(&run.stdout).expect("`diagnose --json` prints JSON")
}

/// How long a diagnosis took.
fn times(seen: &Value) -> String {
    let took = |name: &str| seen["evidence"][name].as_u64().unwrap_or_default();
    format!("diagnosis {} ms, of which connecting {} ms", took("took_ms"), took("connect_ms"))
}

/// The command lines of all probes, filled in with what was seen.
fn commands(agent: &Agent, seen: &Value) -> Vec<String> {
    let config = Config::read(&agent.config()).expect("the agent's configuration");
    let library = library::load(&Files::built_in()).expect("the built-in playbooks");
    let inventory = config.inventory(&library, &agent.config()).expect("the agent's systems");
    let site = inventory.systems.get("qfieldcloud").expect("the one system");
    let system = &library.systems[&site.system_type];
    let evidence = Evidence::deserialize(&seen["evidence"]).expect("evidence is kept as it is shown");
    let values = CommandValues::new(system, site, &evidence);
    let rendered = system.probes.values().map(|probe| probe.command.render(&values));
    rendered.map(|command| command.expect("everything is known").line()).collect()
}

/// How long OpenSSH's own client takes for the same commands: one after another, and all at once.
fn by_plain_ssh(fixture: &Fixture, agent: &Agent, commands: &[String]) -> (Duration, Duration) {
    let socket = agent.path().join("master");
    let ssh = || {
        let mut ssh = Command::new("ssh");
        ssh.args(["-F", "none", "-o", "BatchMode=yes", "-p", &fixture.stack.env("LIVE_SSH_PORT")]);
        ssh.arg("-o").arg(format!("UserKnownHostsFile={}", agent.known_hosts().display()));
        ssh.arg("-i").arg(agent.key()).arg("-S").arg(&socket);
        ssh.arg(format!("{}@{}", fixture.stack.env("LIVE_SSH_USER"), fixture.stack.env("LIVE_SSH_HOST")));
        ssh
    };
    let mut master = ssh();
    master.args(["-M", "-N"]).stdin(Stdio::null()).stderr(Stdio::null());
    let mut master = master.spawn().expect("ssh is installed with openssh-client");
    let end = Instant::now() + Duration::from_secs(10);
    while !socket.exists() {
        assert!(Instant::now() < end, "plain ssh does not connect");
        std::thread::sleep(Duration::from_millis(20));
    }
    let prepared = || {
        commands.iter().map(|line| {
            let mut command = ssh();
            command.arg(line);
            command
        })
    };
    let started = Instant::now();
    prepared().for_each(|mut command| drop(finish(&mut command)));
    let in_turn = started.elapsed();
    let started = Instant::now();
    let waiting = Mutex::new(prepared().collect::<Vec<_>>());
    let next = || waiting.lock().expect("no lane panics with it").pop();
    std::thread::scope(|scope| {
        for _ in 0..MAX_SESSIONS {
            scope.spawn(|| {
                while let Some(mut command) = next() {
                    finish(&mut command);
                }
            });
        }
    });
    let at_once = started.elapsed();
    let _ = master.kill();
    let _ = master.wait();
    (in_turn, at_once)
}
