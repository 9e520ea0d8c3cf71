//! Hostile hosts: whatever a command prints, only the changes of the playbooks are made, and the output is
//! shown without effect on the reader.

use super::corpus::{Entry, corpus, for_each, sample, texts};
use super::judge::{LONGEST, judge};
use super::tickets::{MEDIC, Terminal, steering};
use crate::scenarios::{built_in, fixtures};
use async_trait::async_trait;
use fieldmedic::cli::progress::Screen;
use fieldmedic::core::diagnosis::evidence::{Exit, RawObservation};
use fieldmedic::core::ids::HostName;
use fieldmedic::core::playbook::command::Command;
use fieldmedic::core::policy::permit::Permit;
use fieldmedic::engine::{Shutdown, run_case_waiting};
use fieldmedic::ports::{Lease, Shell, ShellError};
use fieldmedic::sandbox::host::HostSpec;
use fieldmedic::scenario::{LoadedPlaybooks, Scenario, ScenarioResult, ScenarioRun, host_text};
use fieldmedic::ssh::capture;
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A host that answers every probe with the same bytes, with success or failure, and records changes.
struct Parrot {
    bytes: Vec<u8>,
    probed: Mutex<BTreeSet<String>>,
    changed: Mutex<Vec<String>>,
}

#[async_trait]
impl Shell for Parrot {
    async fn connect(&self, _: &HostName) -> Result<Duration, ShellError> {
        Ok(Duration::ZERO)
    }

    async fn probe(&self, _: &HostName, command: &Command) -> Result<RawObservation, ShellError> {
        let line = command.line();
        let output = capture(&self.bytes, 1024 * 1024);
        // Half of the commands succeed, half fail.
        let succeeds = line.len().is_multiple_of(2);
        self.probed.lock().expect("no thread panicked").insert(line);
        Ok(RawObservation {
            exit: Exit::Code(if succeeds { 0 } else { 1 }),
            stdout: output.clone(),
            stderr: output,
            took_ms: 1,
        })
    }

    async fn change(
        &self,
        _: &HostName,
        command: &Command,
        _: &Permit,
        _: &Lease,
    ) -> Result<RawObservation, ShellError> {
        self.changed.lock().expect("no thread panicked").push(command.line());
        Err(ShellError::NotStarted { why: "a parrot changes nothing".into() })
    }
}

/// The command lines of a scenario on an honest host.
async fn honest(playbooks: &LoadedPlaybooks, scenario: &str) -> BTreeSet<String> {
    let path = fixtures().join("qfieldcloud").join(scenario);
    let played = fieldmedic::scenario::play(&path, playbooks).await.expect("it plays");
    played.commands.into_iter().collect()
}

/// The violations in the comments and on the terminal.
fn violations(played: &ScenarioResult, terminal: &Terminal) -> Vec<String> {
    let mut violations = terminal.wrongs();
    for comment in played.issue.comments_by(MEDIC) {
        // `called.md` mentions the people on call, and nobody else.
        let mentions: &[&str] = if comment.body.contains("kind=call") { &["ops-lead"] } else { &[] };
        violations.extend(judge(&comment.body, mentions));
        violations.extend(steering(&comment.body));
        if comment.body.chars().count() > LONGEST {
            violations.push("a comment is too long".into());
        }
    }
    violations
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

#[test]
fn hostile_output_causes_no_change() {
    let playbooks = built_in();
    let probes = runtime().block_on(honest(playbooks, "sync-failed-healthy"));
    let path = fixtures().join("qfieldcloud/sync-failed-healthy");
    let (path, probes) = (&path, &probes);
    let count = for_each(sample(corpus()), |entry: Entry| async move {
        let mut scene = ScenarioRun::set_up(path, playbooks).await.expect("the sandbox is set up");
        let parrot =
            Arc::new(Parrot { bytes: entry.bytes, probed: Mutex::default(), changed: Mutex::default() });
        let terminal = Terminal::default();
        scene.agent.shell = parrot.clone();
        scene.agent.observer = Arc::new(Screen::for_many(terminal.clone(), scene.agent.prompts.clone()));
        let case = scene.take_in().await.expect("the ticket gets a case");
        let (stop, _pull) = Shutdown::new();
        let case = run_case_waiting(&scene.agent, &case, &stop).await.expect("the case ends");
        let played = scene.judge(case).expect("it can be judged");
        let mut violations = self::violations(&played, &terminal);
        if played.issue.is_closed() || played.report.outcome != "escalated" {
            violations.push(format!("{} instead of escalated", played.summary()));
        }
        let probed = parrot.probed.lock().expect("no thread panicked").clone();
        violations.extend(
            probed.difference(probes).map(|line| format!("a probe that no honest host gets: {line}")),
        );
        violations.extend(
            parrot.changed.lock().expect("no thread panicked").iter().map(|line| format!("changed: {line}")),
        );
        violations
    });
    println!("{count} hostile outputs");
}

/// The places of a hostile value in an output that is otherwise right; `fixtures/hostile/host/` defines them.
/// The first place is only shown. A value in another place may become part of a command.
const PLACES: usize = 9;

/// Plays one of the two scenarios with a hostile value in one place.
async fn play(
    playbooks: &LoadedPlaybooks,
    name: &str,
    value: &str,
    place: usize,
) -> (ScenarioResult, Terminal) {
    let folder = fixtures().join("qfieldcloud").join(name);
    let mut scenario = Scenario::read(&folder).expect("the scenario can be read");
    let host = host_text(&fixtures().join(format!("hostile/host/{name}.yaml"))).expect("the host file");
    scenario.host = HostSpec::parse(&host).expect("the host file is right");
    let mut scene = ScenarioRun::of(&scenario, playbooks).await.expect("the sandbox is set up");
    let now = scene.agent.clock.now();
    {
        let mut host = scene.host.lock();
        host.set("hostile", json!(value), now).expect("it has a place");
        host.set("place", json!(place), now).expect("it has a place");
    }
    let terminal = Terminal::default();
    scene.agent.observer = Arc::new(Screen::for_many(terminal.clone(), scene.agent.prompts.clone()));
    let case = scene.take_in().await.expect("the ticket gets a case");
    let (stop, _pull) = Shutdown::new();
    let case = run_case_waiting(&scene.agent, &case, &stop).await.expect("the case ends");
    (scene.judge(case).expect("it can be judged"), terminal)
}

/// The words with the harmless value in place of the hostile one. The hostile value may be a whole word, a
/// whole variable or an item of it, or one of its lines.
fn cleaned(words: &[String], value: &str, clean: &str) -> Vec<String> {
    let is_value = |word: &str| word == value || value.lines().any(|line| line.trim() == word);
    let item = |item: &str| match item.strip_prefix('/') {
        _ if is_value(item) => clean.to_owned(),
        Some(rest) if is_value(rest) => format!("/{clean}"),
        _ => item.to_owned(),
    };
    let word = |word: &String| match word.split_once('=') {
        Some((key, whole)) if is_value(whole) => format!("{key}={clean}"),
        Some((key, list)) if key.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_') => {
            format!("{key}={}", list.split(' ').map(item).collect::<Vec<_>>().join(" "))
        }
        _ => item(word),
    };
    words.iter().map(word).collect()
}

/// The words of a command line, or the line itself.
fn words(line: &str) -> Vec<String> {
    shlex::split(line).unwrap_or_else(|| vec![line.to_owned()])
}

#[test]
fn a_hostile_value_stays_a_value() {
    let playbooks = built_in();
    const CLEAN: &str = "CLEANVALUE";
    let mut known = BTreeSet::new();
    for scenario in ["missing-image", "status"] {
        for place in 0..PLACES {
            for value in [CLEAN, "/CLEANVALUE"] {
                let (played, terminal) = runtime().block_on(play(playbooks, scenario, value, place));
                assert_eq!(violations(&played, &terminal), [] as [String; 0], "{scenario} {place}");
                known.extend(played.commands.iter().map(|line| words(line)));
            }
        }
    }
    let known = &known;
    let count = for_each(sample(texts()), |entry: Entry| async move {
        let value = entry.text().expect("text");
        let mut violations = Vec::new();
        let number = entry.id.bytes().fold(0_usize, |sum, byte| sum * 31 % 9973 + usize::from(byte));
        let scenario = if number.is_multiple_of(2) { "missing-image" } else { "status" };
        // Most fail as a typed value, which `values` shows for every template.
        let typed =
            matches!(entry.kind(), "shell" | "templates" | "unicode").then_some(1 + number % (PLACES - 1));
        for place in [Some(0), typed].into_iter().flatten() {
            let (played, terminal) = play(playbooks, scenario, value, place).await;
            violations.extend(self::violations(&played, &terminal));
            for line in &played.commands {
                let got = words(line);
                let is_known = known.contains(&got)
                    || [CLEAN, "/CLEANVALUE"]
                        .iter()
                        .any(|clean| known.contains(&cleaned(&got, value, clean)));
                if !is_known {
                    violations.push(format!("in place {place} of {scenario}, it became a command: {got:?}"));
                }
            }
        }
        violations
    });
    println!("{count} hostile values");
}
