//! Hostile hosts: whatever a command prints, nothing is changed on the strength of it but what the
//! playbooks say, and it is shown as what it is.

use super::corpus::{Entry, corpus, for_each, texts};
use super::judge::{LONGEST, judge};
use super::tickets::{MEDIC, Terminal, steering};
use crate::scenarios::fixtures;
use async_trait::async_trait;
use fieldmedic::cli::progress::Screen;
use fieldmedic::core::diagnosis::evidence::{Exit, RawObservation};
use fieldmedic::core::ids::HostName;
use fieldmedic::core::playbook::command::Command;
use fieldmedic::core::policy::permit::Permit;
use fieldmedic::engine::{Shutdown, run_case_waiting};
use fieldmedic::library::Files;
use fieldmedic::ports::{Lease, Shell, ShellError};
use fieldmedic::sandbox::host::HostSpec;
use fieldmedic::scenario::{LoadedPlaybooks, Scenario, ScenarioResult, ScenarioRun, host_text};
use fieldmedic::ssh::capture;
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A host that answers every look with the same bytes, well or badly, and counts what is changed.
struct Parrot {
    bytes: Vec<u8>,
    asked: Mutex<BTreeSet<String>>,
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
        // Half of the commands print it and end well, half complain with it.
        let well = line.len().is_multiple_of(2);
        self.asked.lock().expect("nobody panicked").insert(line);
        Ok(RawObservation {
            exit: Exit::Code(if well { 0 } else { 1 }),
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
        self.changed.lock().expect("nobody panicked").push(command.line());
        Err(ShellError::NotStarted { why: "a parrot changes nothing".into() })
    }
}

/// The command lines of a scenario on an honest host.
async fn honest(books: &LoadedPlaybooks, scenario: &str) -> BTreeSet<String> {
    let path = fixtures().join("qfieldcloud").join(scenario);
    let played = fieldmedic::scenario::play(&path, books).await.expect("it plays");
    played.commands.into_iter().collect()
}

/// What is wrong with what was said.
fn said(played: &ScenarioResult, terminal: &Terminal) -> Vec<String> {
    let mut wrongs = terminal.wrongs();
    for comment in played.issue.comments_by(MEDIC) {
        // `called.md` calls the people on call, and nobody else.
        let mentions: &[&str] = if comment.body.contains("kind=call") { &["ops-lead"] } else { &[] };
        wrongs.extend(judge(&comment.body, mentions));
        wrongs.extend(steering(&comment.body));
        if comment.body.chars().count() > LONGEST {
            wrongs.push("a comment is too long".into());
        }
    }
    wrongs
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

#[test]
fn a_host_that_prints_anything_gets_nothing_changed() {
    let books = LoadedPlaybooks::open(&Files::built_in()).expect("the built-in playbooks are right");
    let looks = runtime().block_on(honest(&books, "sync-failed-healthy"));
    let path = fixtures().join("qfieldcloud/sync-failed-healthy");
    let (books, path, looks) = (&books, &path, &looks);
    let count = for_each(corpus(), |entry: Entry| async move {
        let mut scene = ScenarioRun::set_up(path, books).await.expect("the boxes stand");
        let parrot =
            Arc::new(Parrot { bytes: entry.bytes, asked: Mutex::default(), changed: Mutex::default() });
        let terminal = Terminal::default();
        scene.agent.shell = parrot.clone();
        scene.agent.observer = Arc::new(Screen::for_many(terminal.clone()));
        let case = scene.take_in().await.expect("it is taken in");
        let (stop, _pull) = Shutdown::new();
        let case = run_case_waiting(&scene.agent, &case, &stop).await.expect("it comes to its end");
        let played = scene.judge(case).expect("it can be judged");
        let mut wrongs = said(&played, &terminal);
        if played.issue.is_closed() || played.report.outcome != "escalated" {
            wrongs.push(format!("{} instead of handed over", played.summary()));
        }
        let asked = parrot.asked.lock().expect("nobody panicked").clone();
        wrongs.extend(asked.difference(looks).map(|line| format!("a look that no honest host gets: {line}")));
        wrongs.extend(
            parrot.changed.lock().expect("nobody panicked").iter().map(|line| format!("changed: {line}")),
        );
        wrongs
    });
    println!("{count} hostile outputs");
}

/// Where a hostile value stands in an output that is otherwise right; `fixtures/hostile/host/` has the
/// places. The first only shows it, in the others it may become part of a command.
const PLACES: usize = 9;

/// Plays one of the two stories with a hostile value in one place.
async fn play(books: &LoadedPlaybooks, story: &str, value: &str, place: usize) -> (ScenarioResult, Terminal) {
    let folder = fixtures().join("qfieldcloud").join(story);
    let mut script = Scenario::read(&folder).expect("the scenario can be read");
    let host = host_text(&fixtures().join(format!("hostile/host/{story}.yaml"))).expect("the host file");
    script.host = HostSpec::parse(&host).expect("the host file is right");
    let mut scene = ScenarioRun::of(&script, books).await.expect("the boxes stand");
    let now = scene.agent.clock.now();
    {
        let mut host = scene.host.lock();
        host.set("hostile", json!(value), now).expect("it has a place");
        host.set("place", json!(place), now).expect("it has a place");
    }
    let terminal = Terminal::default();
    scene.agent.observer = Arc::new(Screen::for_many(terminal.clone()));
    let case = scene.take_in().await.expect("it is taken in");
    let (stop, _pull) = Shutdown::new();
    let case = run_case_waiting(&scene.agent, &case, &stop).await.expect("it comes to its end");
    (scene.judge(case).expect("it can be judged"), terminal)
}

/// The words with the harmless value in place of the hostile one, where that is a whole word, or the
/// whole of a variable, or of one of the items in it. What prints lines may print one of several.
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
fn a_hostile_value_among_right_ones_stays_a_value() {
    let books = LoadedPlaybooks::open(&Files::built_in()).expect("the built-in playbooks are right");
    const CLEAN: &str = "CLEANVALUE";
    let mut known = BTreeSet::new();
    for story in ["missing-image", "status"] {
        for place in 0..PLACES {
            for value in [CLEAN, "/CLEANVALUE"] {
                let (played, terminal) = runtime().block_on(play(&books, story, value, place));
                assert_eq!(said(&played, &terminal), [] as [String; 0], "{story} {place}");
                known.extend(played.commands.iter().map(|line| words(line)));
            }
        }
    }
    let (books, known) = (&books, &known);
    let count = for_each(texts(), |entry: Entry| async move {
        let value = entry.text().expect("text");
        let mut wrongs = Vec::new();
        let number = entry.id.bytes().fold(0_usize, |sum, byte| sum * 31 % 9973 + usize::from(byte));
        let story = if number.is_multiple_of(2) { "missing-image" } else { "status" };
        // Most never pass as a typed value, which `values` shows for every template.
        let typed =
            matches!(entry.kind(), "shell" | "templates" | "unicode").then_some(1 + number % (PLACES - 1));
        for place in [Some(0), typed].into_iter().flatten() {
            let (played, terminal) = play(books, story, value, place).await;
            wrongs.extend(said(&played, &terminal));
            for line in &played.commands {
                let got = words(line);
                let is_known = known.contains(&got)
                    || [CLEAN, "/CLEANVALUE"]
                        .iter()
                        .any(|clean| known.contains(&cleaned(&got, value, clean)));
                if !is_known {
                    wrongs.push(format!("in place {place} of {story} a command came of it: {got:?}"));
                }
            }
        }
        wrongs
    });
    println!("{count} hostile values");
}
